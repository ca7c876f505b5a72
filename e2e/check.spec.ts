import { expect, test } from './test'

test('the presenter’s page checks everything, and shows what to do where something would fail', async ({ page, pageErrors }) => {
  pageErrors.expect(/slides_background\.png was preloaded/) // the deck's cover, which this page is not
  await page.goto('/check')
  const list = page.locator('.preflight-list')
  await expect(list.getByRole('status')).toContainText(/Ready for the stage|to fix/)
  for (const name of ['port', 'memory', 'disk', 'deck', 'recordings', 'data', 'model', 'offline', 'Ray'])
    await expect(list.locator('li', { has: page.locator('strong', { hasText: new RegExp(`^${name}$`) }) })).toBeVisible()
  await expect(list).toContainText('Data and model were loaded with no network.')
  const sizes = await list.locator('li, button, p').evaluateAll(all => all.map(one => Number.parseFloat(getComputedStyle(one).fontSize)))
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(20)
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
})

test('a viewer’s browser is not told what the machine has', async ({ browser, baseURL }) => {
  const context = await browser.newContext({ baseURL: baseURL ?? '', storageState: undefined })
  const page = await context.newPage()
  await page.goto('/check')
  await expect(page.getByText('This browser is not the presenter’s')).toBeVisible()
  expect((await page.request.get('/api/check')).status()).toBe(403)
  await context.close()
})
