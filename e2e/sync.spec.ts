import type { Page } from '@playwright/test'
import { openSlide, shownSlide, SLIDES } from './deck'
import { expect, test } from './test'

const POLL = SLIDES.findIndex(slide => slide.title.includes('knobs')) + 1
const CLICKS = SLIDES.findIndex(slide => slide.clicks === 1) + 1

async function vote(page: Page, answer: string): Promise<void> {
  await shownSlide(page).locator('.poll').getByText(answer, { exact: true }).click()
  await shownSlide(page).locator('.poll').getByRole('button', { name: 'Submit' }).click()
}

test('votes of several browsers reach all of them', async ({ browser, presenter, viewer, baseURL }) => {
  const other = await (await browser.newContext({ storageState: undefined, baseURL })).newPage()
  const voters = [presenter, viewer, other]
  for (const page of voters)
    await openSlide(page, POLL)
  await Promise.all([vote(presenter, '64 rows'), vote(viewer, '256 rows'), vote(other, '256 rows')])
  for (const page of voters) {
    const results = shownSlide(page).locator('.poll-results > *')
    await expect(results.filter({ hasText: '64 rows' })).toContainText('33')
    await expect(results.filter({ hasText: '256 rows' })).toContainText('67')
  }
  await other.context().close()
})

test('the viewer’s browser turns the pages that the presenter turns', async ({ presenter, viewer }) => {
  const viewerIsAt = (number: number, clicks: number) => viewer.waitForURL(({ pathname, searchParams }) =>
    pathname === `/${number}` && Number(searchParams.get('clicks') ?? 0) === clicks)
  await openSlide(presenter, CLICKS - 1, '/presenter')
  await openSlide(viewer, CLICKS - 1)
  await presenter.keyboard.press('ArrowRight')
  await viewerIsAt(CLICKS, 0)
  await presenter.keyboard.press('ArrowRight')
  await viewerIsAt(CLICKS, 1)
  await presenter.keyboard.press('ArrowRight')
  await viewerIsAt(CLICKS + 1, 0)
})
