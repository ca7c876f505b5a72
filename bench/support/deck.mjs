// The deck in a browser: which slide runs what, and Chromium to show it in.

import { chromium } from '@playwright/test'
import { systemChromium } from '../../scripts/setup/chromium.mjs'
import { readOutline } from '../../scripts/setup/outline.mjs'

const QUIET_MS = 6000
const VIEWPORT = { width: 1280, height: 720 }

/** Chromium as a user's: the system's, else Playwright's own. */
export function launchChromium() {
  return chromium.launch({ executablePath: systemChromium() ?? undefined })
}

/** A browser that has never seen the deck. */
export function freshContext(browser) {
  return browser.newContext({ viewport: VIEWPORT })
}

/**
 * Open a slide in a page that has never shown the deck, and wait until the page has fetched the others: it does so
 * some seconds later, one by one.
 */
export async function openSettled(page, pairing, url) {
  let requestedAt = Date.now()
  page.on('request', () => (requestedAt = Date.now()))
  await page.goto(pairing)
  await page.goto(url)
  while (Date.now() - requestedAt < QUIET_MS) await page.waitForTimeout(QUIET_MS / 10)
}

/** The number of the slide that runs an experiment. */
export async function slideOf(experiment) {
  const { slides } = await readOutline()
  const slide = slides.find((known) => known.starts && known.experiment === experiment)
  if (!slide) throw new Error(`no slide runs ${experiment}`)
  return slide.number
}
