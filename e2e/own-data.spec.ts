import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSlide, ROOT, shownSlide, slideOf } from './deck'
import { findFlaws } from './flaws'
import { DemoServer } from './server'
import { expect, test } from './test'

const TEXTS = ['NA', '007', 'null; and void', '2024-01-01', '']

/** The first column of what a line of Python loads, in a directory. */
function load(line: string, directory: string): unknown {
  const program = `import json\nfrom datasets import load_dataset\n${line}\nprint(json.dumps(dataset["customer_message"][:]))`
  const env = { ...process.env, HF_HOME: join(directory, 'cache'), HF_HUB_OFFLINE: '1' }
  return JSON.parse(execFileSync(join(ROOT, '.venv', 'bin', 'python'), ['-c', program], { cwd: directory, encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] }))
}

test('the code of the dataset slide loads the texts of a CSV file as they are, and no line of it is cut off', async ({ browser, pageErrors }) => {
  const directory = mkdtempSync(join(tmpdir(), 'data-'))
  const file = join(directory, 'customer_messages_of_the_last_year.csv')
  writeFileSync(file, ['customer_message;number', ...TEXTS.map((text, number) => `"${text}";${number}`), ''].join('\n'))
  const server = await DemoServer.start({ flags: ['--dataset', file, '--text-column', 'customer_message'] })
  const context = await browser.newContext({ baseURL: server.url, storageState: undefined, reducedMotion: 'reduce' })
  try {
    pageErrors.follow(context, server.url)
    const page = await context.newPage()
    await page.goto(server.pairing)
    await openSlide(page, slideOf('dataset'))
    const code = shownSlide(page).locator('.live-code')
    await expect(code).toContainText('converters={"customer_message": str}')
    expect(await findFlaws(page)).toEqual([])
    const line = (await code.innerText()).split('\n').find(shown => shown.startsWith('dataset = load_dataset('))
    expect(load(line ?? '', directory)).toEqual(TEXTS.map(text => text || null))
  }
  finally {
    await context.close()
    await server.stop()
    server.forget()
    rmSync(directory, { recursive: true, force: true })
  }
})
