// Whether a slide's parts stay where they are while it fills.
import type { Page } from '@playwright/test'

const PARTS = '.live > h1, .live-badge, .live-columns, .run-controls .buttons, .run-params, .run-progress, .run-chart, .run-operators, .run-metrics, .run-rows, .run-result, .run-figures, .run-outcome, .padding-area, .run-notes, .run-failure:not(.over), .live-code'

/** Begins to watch the shown slide's parts, at every frame, in the slide's own pixels. */
export async function watchParts(page: Page): Promise<void> {
  await page.evaluate((selector) => {
    const first = new Map<Element, number[]>()
    const jumps = new Set<string>()
    const compare = () => {
      const canvas = document.querySelector('#slide-content')
      if (!canvas)
        return
      const frame = canvas.getBoundingClientRect()
      const scale = frame.width / 980
      for (const part of canvas.querySelectorAll(`[data-slidev-no] :is(${selector})`)) {
        const box = part.getBoundingClientRect()
        if (box.width === 0)
          continue
        const place = [(box.left - frame.left) / scale, (box.top - frame.top) / scale, box.width / scale, box.height / scale]
        const before = first.get(part)
        if (!before)
          first.set(part, place)
        else if (before.some((value, index) => Math.abs(value - (place[index] ?? 0)) > 1))
          jumps.add(`${part.className}: ${before.map(Math.round).join(' ')} became ${place.map(Math.round).join(' ')}`)
      }
    }
    const watched = window as unknown as { layoutJumps: () => string[] }
    let on = true
    const next = () => {
      compare()
      if (on)
        requestAnimationFrame(next)
    }
    next()
    watched.layoutJumps = () => {
      on = false
      return [`${first.size} parts`, ...jumps]
    }
  }, PARTS)
}

/** The jumps since `watchParts`, as sentences. Throws where it watched nothing. */
export async function jumps(page: Page): Promise<string[]> {
  const [watched, ...found] = await page.evaluate(() => (window as unknown as { layoutJumps: () => string[] }).layoutJumps())
  if (watched === '0 parts')
    throw new Error('no part of the slide was watched')
  return found
}
