import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const css = readFileSync(new URL('./palette.css', import.meta.url), 'utf8')
const INKS = ['--live-text', '--live-muted', '--live-accent', '--live-ok', '--live-warn', '--live-bad', '--live-recorded', '--slidev-theme-primary']
const GROUNDS = ['--deck-page', '--live-surface']

function paletteOf(selector: string): Map<string, string> {
  const block = css.slice(css.indexOf(`${selector} {`)).split('}')[0]!
  return new Map([...block.matchAll(/(--[\w-]+): (#[0-9a-f]{6})/g)].map(match => [match[1]!, match[2]!]))
}

/** Relative luminance as WCAG 2 defines it, from 0 to 1. */
function luminance(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light! + 0.05) / (dark! + 0.05)
}

for (const [scheme, selector] of [['light', ':root'], ['dark', 'html.dark']] as const) {
  test(`every ${scheme} ink reads on page and surface`, () => {
    const palette = paletteOf(selector)
    for (const ink of INKS) {
      for (const ground of GROUNDS)
        expect(contrast(palette.get(ink)!, palette.get(ground)!), `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5)
    }
  })
}
