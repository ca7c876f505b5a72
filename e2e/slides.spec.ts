import { click, openSlide, SLIDES } from './deck'
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
