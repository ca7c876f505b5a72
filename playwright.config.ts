import { defineConfig } from '@playwright/test'
import { systemChromium } from './scripts/setup/chromium.mjs'

/** The system's Chromium; Playwright's own where there is none. */
export const executablePath = systemChromium() ?? undefined

/** What isn't a test is run only where it is asked for. */
const asked = [
  ...(process.env['DEMO_SCREENSHOTS'] ? [{ name: 'screenshots', testMatch: 'screenshots.ts' }] : []),
  ...(process.env['DEMO_PICTURES'] ? [{ name: 'pictures', testMatch: 'take-pictures.ts' }] : []),
]

export default defineConfig({
  testDir: 'e2e',
  globalSetup: './e2e/setup.ts',
  // One server and one Ray are shared: a run of one test would be seen by another.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: Boolean(process.env['CI']),
  // They only end what hangs: how fast the deck is, is measured by `npm run bench -- latency`.
  timeout: 300_000,
  expect: { timeout: 60_000 },
  reporter: 'list',
  projects: [{ name: 'tests', testMatch: '*.spec.ts' }, ...asked],
  use: {
    browserName: 'chromium',
    launchOptions: { executablePath },
    viewport: { width: 1280, height: 720 },
    screenshot: 'only-on-failure',
  },
})
