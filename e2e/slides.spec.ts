import { click, openSlide, settle, shownSlide, slideOf, SLIDES } from './deck'
import { findFlaws } from './flaws'
import { message, resetSlide } from './run'
import { expect, test } from './test'

test.use({ reducedMotion: 'reduce' })

for (const { number, title, starts, clicks } of SLIDES) {
  test(`slide ${number}, “${title}”, is whole, large and clear enough to read`, async ({ page }) => {
    expect(title, 'a slide has a title').toBeTruthy()
    await openSlide(page, number)
    if (starts)
      await resetSlide(page)
    expect(await findFlaws(page)).toEqual([])
    if (clicks > 0) {
      await click(page, number, 1)
      expect(await findFlaws(page), 'after a click').toEqual([])
    }
  })
}

test('a slide’s number that is too high leads to the last slide', async ({ page }) => {
  for (const [typed, view] of [[SLIDES.length + 1, ''], [999, '/presenter']] as const) {
    await page.goto(`${view}/${typed}`)
    await settle(page, SLIDES.length)
    expect(new URL(page.url()).pathname).toBe(`${view}/${SLIDES.length}`)
  }
})

test('code on a slide that runs nothing shows the values that a run would start with', async ({ page }) => {
  await openSlide(page, SLIDES.find(({ title }) => title.includes('knobs'))!.number)
  await expect(shownSlide(page).locator('[data-value="params.batch_size"]')).toHaveText(/^\d+$/)
  await expect(shownSlide(page).locator('.live-code')).not.toContainText('params.')
})

test('the slide of the dataset shows what it is loaded with', async ({ page }) => {
  await openSlide(page, slideOf('dataset'))
  await expect(shownSlide(page).locator('.live-code').first()).toContainText('dataset = load_dataset("data/wordnet", split="train")')
})

test('code that moves has no button that would copy half of it', async ({ page }) => {
  for (const { number } of SLIDES.filter(({ experiment }) => experiment === 'ladder' || experiment === 'errors').filter(({ clicks }) => clicks > 0)) {
    await openSlide(page, number)
    await expect(shownSlide(page).locator('.slidev-code').first()).toBeVisible()
    await expect(shownSlide(page).locator('[title=Copy]')).toHaveCount(0)
  }
})

test('a slide that stands still asks for no frames, though a drawing was shown before', async ({ page }) => {
  const drawing = SLIDES.find(({ drawing }) => drawing)!
  const frames = (): Promise<number> => page.evaluate(async () => {
    let asked = 0
    const native = window.requestAnimationFrame.bind(window)
    window.requestAnimationFrame = (callback) => {
      asked += 1
      return native(callback)
    }
    await new Promise(resolve => setTimeout(resolve, 1000))
    window.requestAnimationFrame = native
    return asked
  })
  await openSlide(page, drawing.number)
  expect(await frames(), 'the drawing is alive where it is shown').toBeGreaterThan(5)
  for (const number of [drawing.number + 1, drawing.number + 2]) {
    await page.keyboard.press('ArrowDown')
    await settle(page, number)
  }
  expect(await frames()).toBeLessThan(5)
})

test('only the slides next to the shown one are mounted, and far ones are there without a server', async ({ page, context, pageErrors }) => {
  pageErrors.expect(/ERR_INTERNET_DISCONNECTED .*favicon\.svg/) // the browser asks again with each title
  const shown = slideOf('embed')
  const scripts: string[] = []
  page.on('requestfinished', request => request.resourceType() === 'script' && scripts.push(request.url()))
  await openSlide(page, shown)
  await page.waitForTimeout(4000) // Slidev mounts all of them after three seconds
  expect(await page.locator('#slide-content [data-slidev-no]').evaluateAll(slides => slides.map(slide => Number(slide.getAttribute('data-slidev-no')))))
    .toEqual([shown - 1, shown, shown + 1])

  let before: number
  do {
    before = scripts.length
    await page.waitForTimeout(500)
  } while (scripts.length > before)
  await context.setOffline(true)
  for (const number of [shown - 1, shown - 2, shown - 3]) {
    await page.keyboard.press('ArrowUp')
    await settle(page, number)
  }
})

test('far slides are fetched when a run has ended, not while it streams', async ({ presenter }) => {
  const shown = slideOf('embed')
  await openSlide(presenter, shown)
  await resetSlide(presenter)
  await presenter.keyboard.press('r')
  await expect(message(presenter)).toContainText('Running')
  const scripts: string[] = []
  presenter.on('requestfinished', request => request.resourceType() === 'script' && scripts.push(request.url()))
  await openSlide(presenter, shown)
  await presenter.waitForTimeout(2000)
  const before = scripts.length
  await presenter.waitForTimeout(3000)
  await expect(message(presenter), 'the run goes on').toContainText('Running')
  expect(scripts.slice(before)).toEqual([])
  await presenter.keyboard.press('r')
  await expect(message(presenter)).toContainText('Cancelled')
  await expect.poll(() => scripts.length).toBeGreaterThan(before + 10)
})
