// What is wrong with what a slide paints, as sentences.
import type { Box, PaintedSlide, PaintedText } from './painted'

/** Below this nobody in the back row reads it. */
export const SMALLEST_TEXT_PX = 20
const SLACK_PX = 1.5

/** All that is cut off, shortened, covered, overlapping or outside. */
export function findOverflows({ canvas, texts, outside, scrolling }: PaintedSlide): string[] {
  return [
    ...texts.filter(text => text.lines.some(line => excess(line, canvas) > SLACK_PX)).map(text => `outside the slide: ${named(text)}`),
    ...texts.flatMap(text => text.cutBy.map(by => `cut off by ${by}: ${named(text)}`)),
    ...texts.filter(text => text.shortened).map(text => `ends in an ellipsis: ${named(text)}`),
    ...texts.flatMap(text => text.leaves ? [`sticks out of ${text.leaves}: ${named(text)}`] : []),
    ...texts.flatMap(text => text.coveredBy ? [`covered by ${text.coveredBy}: ${named(text)}`] : []),
    ...findOverlaps(texts),
    ...outside.map(what => `outside: ${what}`),
    ...scrolling.map(what => `would scroll: ${what}`),
  ]
}

/** @param smallest in pixels as painted; a window of another size scales it. */
export function findSmallTexts({ texts }: PaintedSlide, smallest = SMALLEST_TEXT_PX): string[] {
  return texts.filter(text => text.size < smallest - 0.05).map(text => `${text.size.toFixed(1)} px: ${named(text)}`)
}

/** What is set wrong though all of it is there. */
export function findMisprints({ texts }: PaintedSlide): string[] {
  return [
    ...texts.flatMap(text => text.marks === null ? [] : [`shows “${text.marks}”: ${named(text)}`]),
    ...texts.flatMap(text => text.parted === null ? [] : [`a line ends within “${text.parted}”: ${named(text)}`]),
  ]
}

function findOverlaps(texts: readonly PaintedText[]): string[] {
  return texts.flatMap((one, index) => texts.slice(index + 1)
    .filter(other => one.lines.some(a => other.lines.some(b => overlap(a, b))))
    .map(other => `overlaps: ${named(one)} and ${named(other)}`))
}

function overlap(a: Box, b: Box): boolean {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  return width > SLACK_PX && height > SLACK_PX
}

function excess(inner: Box, outer: Box): number {
  return Math.max(outer.left - inner.left, outer.top - inner.top, inner.right - outer.right, inner.bottom - outer.bottom)
}

function named({ text, where }: PaintedText): string {
  return `“${text}” (${where})`
}
