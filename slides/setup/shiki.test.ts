import { codeToHtml } from 'shiki'
import { expect, test } from 'vitest'
import { addCodeBefore, keepOurImports, markValues, nameLines } from './shiki'

const highlight = (code: string, name?: string) => codeToHtml(code, {
  ...name === undefined ? {} : { meta: { __raw: name } },
  lang: 'python',
  themes: { light: 'github-light-high-contrast', dark: 'github-dark-default' },
  transformers: [markValues, nameLines, keepOurImports, addCodeBefore],
})

test('each parameter in the code is one marked piece that knows its name', async () => {
  const html = await highlight('ds.map_batches(\n    f(params.concurrency), batch_size=params.batch_size,\n)')
  expect([...html.matchAll(/data-value="([\w.]+)"/g)].map(match => match[1])).toEqual(['params.concurrency', 'params.batch_size'])
})

test('what only looks like a parameter is left alone', async () => {
  expect(await highlight('hyperparams.rows = my_params.rows')).not.toContain('data-value')
})

test('what a dataset is loaded with is one marked piece', async () => {
  expect(await highlight('dataset = load_dataset(path, **options)')).toMatch(/<span class="live-param" data-value="inputs.arguments"[^>]*>/)
})

test('a line can be found by what it says', async () => {
  expect(await highlight('class A:\n    def f(self):\n        pass')).toContain('data-code="def f(self):"')
})

test('an import of this project is shown and not copied', async () => {
  const line = 'from demo_server.embedding.engine import EngineLoader'
  const html = await highlight(`${line}\n\nimport numpy`)
  expect(html).toContain(`data-import="${line}"></span>`)
  expect(html.replace(/<[^>]*>/g, '').trim()).toBe('import numpy')
})

test('what a region needs to run stands in front of it, out of sight and with its values marked', async () => {
  const html = await highlight('materialized = ds.materialize()', 'demo_server/experiments/embed.py#materialize')
  expect(html).toMatch(/<pre[^>]*><span hidden>import os\n/)
  expect(html).toContain('<span data-value="params.batch_size">params.batch_size</span>')
  expect(await highlight('x = 1', 'mine.py#x')).not.toContain('hidden')
})
