// `npm run export`: the deck as PDF and PNG, each live slide in its recorded end.

/* global document -- of the page */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { requireChromium } from './chromium.mjs'
import { buildDeck, deckIsFresh, standingAlone } from './deck.mjs'
import { Display } from './display.mjs'
import { Failure } from './failure.mjs'
import { nodeIsFresh, setUpNode } from './node-packages.mjs'
import { readOutline } from './outline.mjs'
import { ROOT, WORK } from './paths.mjs'
import { endAll, onStop } from './processes.mjs'
import { readRecordings } from './recordings.mjs'
import { withSetupLock } from './setup-lock.mjs'
import { serveFolder } from './static-host.mjs'
import { readOut } from './static.mjs'

const SIZE = { width: 1280, height: 720 }

export async function main(args) {
  const out = readOut(args, 'npm run export', 'export')
  const { missing } = await readRecordings()
  if (missing.length > 0) {
    throw new Failure(`There is no recording of ${missing.join(', ')}, whose slides would be empty: make it with .venv/bin/demo-server record ${missing.join(' ')}.`)
  }
  onStop(async () => {
    await endAll()
    process.exit(130)
  })
  const display = new Display()
  const deck = standingAlone(join(WORK, 'static'))
  await withSetupLock(async () => {
    if (!nodeIsFresh()) await setUpNode(display)
    if (!deckIsFresh(deck)) await buildDeck(display, deck)
  })
  const executablePath = await requireChromium(display)
  const { chromium } = await import('@playwright/test')
  const { PDFDocument } = await import('pdf-lib')
  const step = display.step('Export')
  const host = await serveFolder(deck.directory)
  const browser = await chromium.launch({ executablePath })
  try {
    mkdirSync(out, { recursive: true })
    const { slides } = await readOutline()
    const page = await browser.newPage({ viewport: SIZE, deviceScaleFactor: 1.5, reducedMotion: 'reduce' })
    await page.emulateMedia({ media: 'screen' })
    const whole = await PDFDocument.create()
    for (const { number, drawing } of slides) {
      step.text = `slide ${number} of ${slides.length}`
      await page.goto(`${host.url}#/${number}`)
      await settled(page)
      if (drawing) await page.locator('#slide-content .tl-shape').first().waitFor()
      await page.screenshot({ path: join(out, `${String(number).padStart(2, '0')}.png`) })
      const one = await PDFDocument.load(await page.pdf({ width: `${SIZE.width}px`, height: `${SIZE.height}px`, printBackground: true, pageRanges: '1' }))
      whole.addPage((await whole.copyPages(one, [0]))[0])
    }
    writeFileSync(join(out, 'slides.pdf'), await whole.save())
  } finally {
    await browser.close()
    await host.close()
  }
  step.done(`${relative(ROOT, out)}/slides.pdf and a PNG for each slide`)
}

/** Wait until fonts and recordings are there and nothing moves in any more. */
async function settled(page) {
  await page.locator('h1').filter({ visible: true }).first().waitFor()
  await page.waitForLoadState('networkidle')
  await page.waitForFunction(() => {
    const badges = [...document.querySelectorAll('.run-badge')].filter((badge) => badge.checkVisibility())
    return document.fonts.status === 'loaded' && badges.every((badge) => badge.dataset.kind === 'recorded')
  })
  await page.evaluate(async () => {
    const finite = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
    await Promise.allSettled(finite.map((animation) => animation.finished))
  })
}
