import { click, openSlide, slideOf, SLIDES } from './deck'
import { findFlaws } from './flaws'
import { resetSlide } from './run'
import { expect, test } from './test'

test.use({ reducedMotion: 'reduce' })

for (const { number, title, experiment, hasClicks } of SLIDES) {
  test(`slide ${number}, “${title ?? ''}”, is whole, large and clear enough to read`, async ({ page }) => {
    expect(title, 'a slide has a title').toBeTruthy()
    await openSlide(page, number)
    if (experiment !== undefined)
      await resetSlide(page)
    expect(await findFlaws(page)).toEqual([])
    if (hasClicks) {
      await click(page, number, 1)
      expect(await findFlaws(page), 'after a click').toEqual([])
    }
  })
}

test('a slide that stands still asks for no frames, though Slidev has mounted all the others', async ({ page }) => {
  const drawing = SLIDES.find(({ hasDrawing }) => hasDrawing)!
  await openSlide(page, slideOf('embed'))
  await page.waitForFunction(last => document.querySelector(`#slide-content [data-slidev-no="${last}"] h1`) !== null, SLIDES.length)
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
  expect(await frames()).toBeLessThan(5)
  await openSlide(page, drawing.number)
  expect(await frames(), 'the drawing is alive where it is shown').toBeGreaterThan(5)
})
