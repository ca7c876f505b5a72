import { defineConfig } from '@playwright/test'
import { systemChromium } from './scripts/setup/chromium.mjs'

/** The system's Chromium; Playwright's own where there is none. */
export const executablePath = systemChromium() ?? undefined

const pictures = process.env['DEMO_SCREENSHOTS'] ? [{ name: 'screenshots', testMatch: 'screenshots.ts' }] : []

export default defineConfig({
  testDir: 'e2e',
  globalSetup: './e2e/setup.ts',
  // One server and one Ray are shared: a run of one test would be seen by another.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: Boolean(process.env['CI']),
  timeout: 120_000,
  expect: { timeout: 10_000 },
  reporter: 'list',
  projects: [{ name: 'tests', testMatch: '*.spec.ts' }, ...pictures],
  use: {
    browserName: 'chromium',
    launchOptions: { executablePath },
    viewport: { width: 1280, height: 720 },
    screenshot: 'only-on-failure',
  },
})
