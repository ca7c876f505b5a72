// The Chromium that the browser tests drive.

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Failure } from './failure.mjs'
import { NODE_MODULES, ROOT } from './paths.mjs'
import { run } from './processes.mjs'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const MAC_APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** The system's browser, DEMO_CHROMIUM first; null where there is none. */
export function systemChromium(env = process.env) {
  if (env.DEMO_CHROMIUM) {
    if (!existsSync(env.DEMO_CHROMIUM)) {
      throw new Failure(`DEMO_CHROMIUM=${env.DEMO_CHROMIUM} is not there: set it to a Chromium or Chrome, or unset it.`)
    }
    return env.DEMO_CHROMIUM
  }
  const onPath = NAMES.flatMap((name) => (env.PATH || '').split(delimiter).map((directory) => join(directory, name)))
  return [...onPath, ...MAC_APPLICATIONS].find((path) => existsSync(path)) ?? null
}

/**
 * A Chromium to test with: the system's, else Playwright's own, fetched where it can be.
 * @returns {Promise<string>} its path
 */
export async function requireChromium(display) {
  const system = systemChromium()
  if (system) return system
  const { chromium } = await import('@playwright/test')
  if (existsSync(chromium.executablePath())) return chromium.executablePath()
  const step = display.step("Playwright's Chromium")
  const { code } = await run(process.execPath, [join(NODE_MODULES, '@playwright', 'test', 'cli.js'), 'install', 'chromium'], {
    cwd: ROOT,
    onLine: (line) => {
      step.text = line.trim()
    },
  })
  if (code === 0) {
    step.done()
    return chromium.executablePath()
  }
  step.failed()
  throw new Failure(
    'The browser tests need a Chromium: install one (sudo apt-get install chromium, brew install --cask chromium, or npx playwright install chromium), or set DEMO_CHROMIUM to it.',
  )
}
