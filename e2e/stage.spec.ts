import { openSlide, shownSlide, slideOf } from './deck'
import { message, resetSlide, runs } from './run'
import { expect, test } from './test'

const SLIDE = slideOf('dataset')

test('a run starts from the stage and from the presenter’s view, and nowhere else', async ({ presenter }) => {
  await openSlide(presenter, SLIDE)
  await resetSlide(presenter)
  const before = await runs(presenter)

  await openSlide(presenter, SLIDE - 1, '/presenter')
  await expect(presenter.locator(`[data-slidev-no="${SLIDE}"]:visible .run-controls`), 'the next slide is previewed').toBeVisible()
  await presenter.keyboard.press('r')

  await presenter.goto('/overview')
  await expect(presenter.locator('.run-controls').first()).toBeAttached()
  await presenter.keyboard.press('r')
  for (const button of await presenter.getByRole('button', { name: /^Run\b/ }).all())
    await expect(button).toBeDisabled()

  await openSlide(presenter, SLIDE)
  await presenter.keyboard.press('o')
  await expect(presenter.locator('#slide-content')).toBeVisible()
  await presenter.keyboard.press('r')
  await presenter.keyboard.press('Escape')

  await presenter.goto(`/${SLIDE}?print=true`)
  await expect(presenter.locator('h1').filter({ visible: true }).first()).toBeVisible()
  await presenter.keyboard.press('r')

  // What had been started by the above would be in the list before this one.
  await openSlide(presenter, SLIDE, '/presenter')
  await expect(message(presenter)).toContainText('CPUs')
  await presenter.keyboard.press('r')
  await expect(message(presenter)).toContainText('Done')
  const after = await runs(presenter)
  expect(after.slice(before.length).map(run => run.experiment)).toEqual(['dataset'])
  await expect(shownSlide(presenter).locator('.result-rows tbody tr')).toHaveCount(3)
})
