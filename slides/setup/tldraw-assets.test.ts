import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Plugin } from 'vite'
import { expect, test } from 'vitest'
import { tldrawAssets } from './tldraw-assets'

const require = createRequire(import.meta.url)
const tldraw = createRequire(require.resolve('tldraw'))
const editor = join(dirname(tldraw.resolve('@tldraw/editor')), '..', 'dist-esm/lib/utils/assets.mjs')
const addon = join(dirname(require.resolve('slidev-addon-tldraw/package.json')), 'components/tldraw.css')

type Transform = (code: string, id: string) => { code: string } | null

function transform(file: string, code = readFileSync(file, 'utf8')): string {
  const [local] = tldrawAssets() as [Plugin & { transform: Transform }]
  return local.transform(code, file)?.code ?? code
}

test('tldraw takes its fonts and icons from the deck and not from its CDN', () => {
  expect(readFileSync(editor, 'utf8')).toContain('https://')
  expect(transform(editor)).toContain('"/tldraw-assets"')
  expect(transform(editor)).not.toContain('https://')
})

test('the addon loads no stylesheet from elsewhere', () => {
  expect(readFileSync(addon, 'utf8')).toContain('url("https://')
  expect(transform(addon)).not.toContain('url("https://')
})

test('a tldraw that keeps its CDN elsewhere stops the build', () => {
  expect(() => transform(editor, 'const base = "https://other.example"')).toThrow('no longer names')
})
