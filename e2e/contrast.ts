// Contrast of text against the pixels that are really behind it, pictures and gradients included.
import type { Browser, Page } from '@playwright/test'
import type { PaintedSlide, PaintedText } from './painted'

/** WCAG 2, level AA. */
export const LEAST_CONTRAST = 4.5

const WITHOUT_TEXT = `
  *, *::before, *::after { -webkit-text-fill-color: transparent !important; text-shadow: none !important; caret-color: transparent !important; transition: none !important; }
  svg text, svg tspan { fill: transparent !important; }
  .typst-text { visibility: hidden !important; }
`

/** The texts whose contrast is too low, as sentences. */
export async function findFaintTexts(page: Page, slide: PaintedSlide): Promise<string[]> {
  const style = await page.addStyleTag({ content: WITHOUT_TEXT })
  const picture = await page.screenshot({ animations: 'disabled', caret: 'initial' })
  await style.evaluate((element) => { (element as HTMLElement).remove() })
  const blank = await emptyPage(page.context().browser())
  const ratios = await blank.evaluate(measure, { picture: picture.toString('base64'), texts: slide.texts })
  return slide.texts.flatMap((text, index) => {
    const ratio = ratios[index]
    return ratio !== undefined && ratio < LEAST_CONTRAST ? [`${ratio.toFixed(2)}: “${text.text}” (${text.where}), ${text.color}`] : []
  })
}

// A page takes two processes and half a second to open.
const emptyPages = new WeakMap<Browser, Promise<Page>>()

function emptyPage(browser: Browser | null): Promise<Page> {
  if (!browser)
    throw new Error('this page has no browser of its own')
  const known = emptyPages.get(browser)
  if (known)
    return known
  const made = browser.newPage()
  emptyPages.set(browser, made)
  return made
}

// Runs in an empty page, so it can use nothing from outside.
async function measure({ picture, texts }: { picture: string, texts: PaintedText[] }): Promise<number[]> {
  const bytes = Uint8Array.from(atob(picture), character => character.charCodeAt(0))
  const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
  const drawn = new OffscreenCanvas(image.width, image.height).getContext('2d', { willReadFrequently: true })
  const ink = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  if (!drawn || !ink)
    throw new Error('this browser draws no canvas')
  drawn.drawImage(image, 0, 0)

  type Rgba = [number, number, number, number]
  const toRgba = (color: string): Rgba => {
    ink.clearRect(0, 0, 1, 1)
    ink.fillStyle = color
    ink.fillRect(0, 0, 1, 1)
    const [red = 0, green = 0, blue = 0, alpha = 0] = ink.getImageData(0, 0, 1, 1).data
    return [red, green, blue, alpha / 255]
  }
  const luminance = (rgb: readonly number[]): number => {
    const [red = 0, green = 0, blue = 0] = rgb.map((value) => {
      const share = value / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const contrast = (a: number, b: number): number => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)

  const { data } = drawn.getImageData(0, 0, image.width, image.height)
  const pixels = new Uint32Array(data.buffer)
  /** Of a text against one pixel behind it. */
  const ratioAgainst = (pixel: number, [red, green, blue, alpha]: Rgba, opacity: number): number => {
    const cover = alpha * opacity
    const behind = [pixel & 255, pixel >> 8 & 255, pixel >> 16 & 255] as const
    const painted = [red, green, blue].map((value, index) => value * cover + (behind[index] ?? 0) * (1 - cover))
    return contrast(luminance(painted), luminance(behind))
  }

  return texts.map(({ color, opacity, lines }) => {
    const rgba = toRgba(color)
    // Behind most texts there are a few colours, thousands of times.
    const counts = new Map<number, number>()
    let area = 0
    for (const line of lines) {
      const right = Math.min(image.width, Math.floor(line.right))
      const bottom = Math.min(image.height, Math.floor(line.bottom))
      for (let y = Math.max(0, Math.ceil(line.top)); y < bottom; y++) {
        for (let x = Math.max(0, Math.ceil(line.left)); x < right; x++) {
          const pixel = pixels[y * image.width + x] ?? 0
          counts.set(pixel, (counts.get(pixel) ?? 0) + 1)
          area += 1
        }
      }
    }
    // A thin line or an edge under a few letters does not make a text hard to read.
    let passed = 0
    for (const [ratio, count] of [...counts].map(([pixel, count]) => [ratioAgainst(pixel, rgba, opacity), count] as const).sort(([a], [b]) => a - b)) {
      passed += count
      if (passed > Math.floor(area * 0.05))
        return ratio
    }
    return Number.POSITIVE_INFINITY
  })
}
