// Before the first test: a fresh deck, one server for all tests, and the presenter's browser paired.
import { join } from 'node:path'
import { chromium } from '@playwright/test'
import { executablePath } from '../playwright.config'
import { buildDeck, deckIsFresh } from '../scripts/setup/deck.mjs'
import { Display } from '../scripts/setup/display.mjs'
import { withSetupLock } from '../scripts/setup/setup-lock.mjs'
import { DemoServer } from './server'

export default async function setUp(): Promise<() => Promise<void>> {
  if (!deckIsFresh())
    await withSetupLock(() => buildDeck(new Display()))
  const server = await DemoServer.start()
  try {
    process.env['DEMO_URL'] = server.url
    process.env['DEMO_SERVER_PID'] = String(server.pid)
    process.env['DEMO_PRESENTER'] = await pair(server)
    await server.warm()
  }
  catch (error) {
    await server.stop()
    throw error
  }
  return async () => {
    await server.stop()
    server.forget()
  }
}

/** Pairs a browser as `npm start` does and keeps its cookie in a file. */
async function pair(server: DemoServer): Promise<string> {
  const browser = await chromium.launch({ executablePath })
  const page = await browser.newPage()
  await page.goto(server.pairing)
  if (page.url().includes('code='))
    throw new Error(`the pairing code stays in the address: ${page.url()}`)
  const file = join(server.cache, 'presenter.json')
  await page.context().storageState({ path: file })
  await browser.close()
  return file
}
