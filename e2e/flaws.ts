// All that can be wrong with how a slide looks, in every size and colour scheme.
import type { Page } from '@playwright/test'
import { findFaintTexts } from './contrast'
import { drawingFits, nextPaint } from './deck'
import { findMisprints, findOverflows, findSmallTexts, SMALLEST_TEXT_PX } from './layout'
import { readSlide } from './painted'

const SIZES = [{ width: 1280, height: 720 }, { width: 1920, height: 1080 }]
const SCHEMES = ['light', 'dark'] as const

/** Measures the shown slide at both sizes, light and dark, while `goesOn` holds. */
export async function findFlaws(page: Page, goesOn: () => Promise<boolean> = () => Promise.resolve(true)): Promise<string[]> {
  const flaws: string[] = []
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const size of SIZES) {
      if (!await goesOn())
        return flaws
      await page.setViewportSize(size)
      await nextPaint(page)
      await drawingFits(page)
      const slide = await readSlide(page)
      const found = [
        ...findOverflows(slide),
        ...findMisprints(slide),
        ...findSmallTexts(slide, SMALLEST_TEXT_PX * size.width / 1280),
        ...await findFaintTexts(page, slide),
      ]
      // What ended while it was measured was measured half in one state, half in the other.
      if (!await goesOn())
        return flaws
      flaws.push(...found.map(flaw => `${colorScheme}, ${size.width} wide: ${flaw}`))
    }
  }
  return flaws
}
