// The deck's slides, by its outline, and how to get to them in a browser.
import type { Locator, Page } from '@playwright/test'
import { fileURLToPath } from 'node:url'
import { expect } from '@playwright/test'
import { readOutline } from '../scripts/setup/outline.mjs'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

export const { slides: SLIDES } = await readOutline()

/** The shown slide, on the stage or in the presenter's view. */
export function shownSlide(page: Page): Locator {
  return page.locator('#slide-content [data-slidev-no]:visible')
}

/** The slide that runs an experiment. */
export function slideOf(experiment: string): number {
  const slide = SLIDES.find(known => known.starts && known.experiment === experiment)
  if (!slide)
    throw new Error(`no slide runs ${experiment}`)
  return slide.number
}

/** Opens a slide and waits until it stands still, alone. */
export async function openSlide(page: Page, number: number, view: '' | '/presenter' = ''): Promise<void> {
  await page.goto(`${view}/${number}`)
  await settle(page, number)
}

/** Waits until a slide is shown, its fonts are there and nothing moves it in. */
export async function settle(page: Page, number: number): Promise<void> {
  const slide = page.locator(`#slide-content [data-slidev-no="${number}"]`)
  await expect(slide.locator('h1').first()).toBeVisible()
  await expect(page.locator('#slide-content [data-slidev-no]:visible')).toHaveCount(1)
  await slide.evaluate(async (element) => {
    await document.fonts.ready
    const finite = element.getAnimations({ subtree: true }).filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
    await Promise.allSettled(finite.map(animation => animation.finished))
  })
  await drawingFits(page)
}

/** Waits until a drawing, which looks for its size a moment after its slide, stands in its frame. */
export async function drawingFits(page: Page): Promise<void> {
  const { hash, pathname } = new URL(page.url())
  const number = Number((hash || pathname).split('/').pop())
  if (!SLIDES[number - 1]?.drawing)
    return
  const overhang = () => shownSlide(page).evaluate((slide) => {
    const frame = slide.querySelector('.isVisible .tl-container')?.getBoundingClientRect()
    const shapes = [...slide.querySelectorAll('.tl-shape')].map(shape => shape.getBoundingClientRect()).filter(box => box.width > 2)
    if (!frame || shapes.length === 0)
      return Infinity
    const left = Math.min(...shapes.map(box => box.left)) - frame.left
    const right = frame.right - Math.max(...shapes.map(box => box.right))
    return Math.max(Math.abs(left), Math.abs(right))
  })
  await expect.poll(overhang, { message: 'the drawing spans its frame' }).toBeLessThan(30)
}

/** Goes one click further on a slide. */
export async function click(page: Page, number: number, clicks: number): Promise<void> {
  await page.keyboard.press('ArrowRight')
  await page.waitForURL(`**/${number}?clicks=${clicks}`)
  await settle(page, number)
}

/** Two frames later: what was just done has reached the slide, and is painted. */
export async function nextPaint(page: Page): Promise<void> {
  await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)) }))
}
