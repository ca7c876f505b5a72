// Not a test: pictures of every slide, before, during and after its run, to look at.
//   DEMO_SCREENSHOTS=/tmp/pictures npx playwright test --project screenshots
import type { Page } from '@playwright/test'
import { join } from 'node:path'
import { openSlide, SLIDES } from './deck'
import { expect, test } from './test'

const DIRECTORY = process.env['DEMO_SCREENSHOTS'] ?? 'test-results/screenshots'

test.use({ reducedMotion: 'reduce' })
test.setTimeout(300_000)

async function take(page: Page, number: number, state: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.screenshot({ path: join(DIRECTORY, `${String(number).padStart(2, '0')}-${state}-${colorScheme}.png`) })
  }
}

for (const { number, starts } of SLIDES) {
  test(`pictures of slide ${number}`, async ({ page }) => {
    await openSlide(page, number)
    await take(page, number, 'idle')
    if (!starts)
      return
    const message = page.locator(`[data-slidev-no="${number}"] .run-message`)
    await page.keyboard.press('r')
    await expect(message).toContainText(/Running|Done|Failed|Choose/, { timeout: 60_000 })
    await take(page, number, 'running')
    if (/Choose/.test(await message.innerText())) // it was refused, as one slide shows on purpose
      return
    await expect(message).toContainText(/Done|Failed/, { timeout: 180_000 })
    await take(page, number, 'done')
  })
}
