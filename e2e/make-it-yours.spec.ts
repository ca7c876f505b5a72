import { execFileSync } from 'node:child_process'
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openSlide, ROOT, shownSlide, SLIDES } from './deck'
import { findFlaws } from './flaws'
import { latestRun, message, resetSlide } from './run'
import { DemoServer } from './server'
import { expect, test } from './test'

/** What the page tells the reader to write: each titled block, and the file that its title names. */
function readSteps(page: string): { file: string, text: string }[] {
  const blocks = readFileSync(page, 'utf8').matchAll(/^(`{3,})\w+ title="([^"]+)"\n([\s\S]*?)^\1$/gm)
  return [...blocks].map(([, , file = '', text = '']) => ({ file, text }))
}

/** A copy of the checkout as a clone would have it, with what is installed in this one. */
function copyTemplate(): string {
  const copy = mkdtempSync(join(tmpdir(), 'talk-'))
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  for (const file of files.split('\0').filter(name => name && existsSync(join(ROOT, name)))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    cpSync(join(ROOT, file), join(copy, file))
  }
  for (const installed of ['node_modules', '.venv'])
    symlinkSync(join(ROOT, installed), join(copy, installed))
  return copy
}

test('another talk’s experiment and slide, written as the page says, run in the browser', async ({ browser, pageErrors }) => {
  const copy = copyTemplate()
  const steps = readSteps(join(ROOT, 'docs', 'make-it-yours.md'))
  expect(steps.map(step => step.file)).toEqual([expect.stringMatching(/^demo_server\/experiments\/\w+\.py$/), 'slides/slides.md'])
  for (const { file, text } of steps) {
    if (existsSync(join(copy, file)))
      appendFileSync(join(copy, file), `\n${text}`)
    else
      writeFileSync(join(copy, file), text)
  }
  execFileSync(process.execPath, ['node_modules/@slidev/cli/bin/slidev.mjs', 'build', 'slides/slides.md', '--out', join(copy, 'dist')], { cwd: copy, stdio: 'pipe' })

  // The installed package is this checkout's; the path lets Python find the copy's first.
  const server = await DemoServer.start({ checkout: copy, env: { PYTHONPATH: copy } })
  const context = await browser.newContext({ baseURL: server.url, storageState: undefined, reducedMotion: 'reduce' })
  try {
    pageErrors.follow(context, server.url)
    const page = await context.newPage()
    await page.goto(server.pairing)
    await server.ready()
    await openSlide(page, SLIDES.length + 1)
    await resetSlide(page)
    await expect(shownSlide(page).locator('h1')).toHaveText('How long are the texts?')
    await expect(shownSlide(page).locator('.live-code')).toContainText('batch_size=500')
    await page.keyboard.press('r')
    await expect(message(page)).toContainText('Done')
    await expect(shownSlide(page).locator('.result-schema')).toContainText('length')
    expect((await latestRun(page, 'lengths')).state.stages['']?.result?.rows).toBe(2000)
    expect(await findFlaws(page)).toEqual([])
  }
  finally {
    await context.close()
    await server.stop()
    server.forget()
    rmSync(copy, { recursive: true, force: true })
  }
})
