// What a slide paints: each piece of text with where, how large and in which colour.
import type { Page } from '@playwright/test'

export interface Box {
  left: number
  top: number
  right: number
  bottom: number
}

export interface PaintedText {
  text: string
  /** Where in the document, for a person who reads a failure. */
  where: string
  /** One for each line, in CSS pixels of the window. */
  lines: Box[]
  /** Font size as painted, in pixels. */
  size: number
  /** As computed, with the opacity of all that surrounds it. */
  color: string
  opacity: number
  /** The boxes that cut it off, with how many pixels are lost. */
  cutBy: string[]
  /** It ends in an ellipsis though it is not quoted from data or a library (`data-quoted`). */
  shortened: boolean
  /** Marks of Markdown that are shown instead of obeyed. */
  marks: string | null
  /** A number whose unit stands in the next line. */
  parted: string | null
  /** The nearest painted box around it, where it sticks out of that one. */
  leaves: string | null
  /** What lies on top of it. */
  coveredBy: string | null
}

export interface PaintedSlide {
  canvas: Box
  texts: PaintedText[]
  /** Pictures, fields and boxes that reach over the canvas or below their column. */
  outside: string[]
  /** Boxes that would scroll. */
  scrolling: string[]
}

/** Reads the shown slide, or whatever `root` is. Lengths in CSS pixels of the window. */
export async function readSlide(page: Page, root = '#slide-content'): Promise<PaintedSlide> {
  return page.evaluate(readPainted, root)
}

// Runs in the page, so it can use nothing from outside.
function readPainted(selector: string): PaintedSlide {
  const SLACK = 1.5
  const found = document.querySelector<HTMLElement>(selector)
  if (!found)
    throw new Error(`there is no ${selector} in this page`)
  const root = found

  const boxOf = (rect: DOMRect): Box => ({ left: rect.left, top: rect.top, right: rect.right, bottom: rect.bottom })
  const canvas = boxOf(root.getBoundingClientRect())
  const surroundings = (element: Element): Element[] => {
    const all: Element[] = []
    for (let at: Element | null = element; at && at !== root.parentElement; at = at.parentElement)
      all.push(at)
    return all
  }
  const nameOf = (element: Element): string => {
    const classes = (element.getAttribute('class') ?? '').split(/\s+/).filter(Boolean).slice(0, 3)
    return [element.localName, ...classes].join('.')
  }
  const whereOf = (element: Element): string => surroundings(element).slice(0, 4).reverse().map(nameOf).join(' > ')
  const excess = (inner: Box, outer: Box): number =>
    Math.max(outer.left - inner.left, outer.top - inner.top, inner.right - outer.right, inner.bottom - outer.bottom)

  /** Only for screen readers: a clipped box of one pixel. */
  const isSpokenOnly = (element: Element): boolean => surroundings(element).some((at) => {
    const style = getComputedStyle(at)
    return style.position === 'absolute' && (at as HTMLElement).offsetWidth <= 1 && style.overflow !== 'visible'
  })
  const isPainted = (element: Element): boolean =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !isSpokenOnly(element)

  const scaleOf = (element: Element): number => {
    if (element instanceof SVGGraphicsElement) {
      const own = element.getBBox()
      return own.height > 0 ? element.getBoundingClientRect().height / own.height : 1
    }
    return surroundings(element).reduce((scale, at) => {
      const style = getComputedStyle(at)
      const matrix = new DOMMatrix(style.transform === 'none' ? '' : style.transform)
      const property = style.scale === 'none' ? 1 : Number.parseFloat(style.scale)
      return scale * Math.hypot(matrix.a, matrix.b) * property
    }, 1)
  }

  const clips = (value: string): boolean => value !== 'visible'
  const cutsOf = (element: Element, line: Box): string[] => surroundings(element).flatMap((at) => {
    const style = getComputedStyle(at)
    if (at instanceof SVGElement && !(at instanceof SVGSVGElement))
      return []
    const box = boxOf(at.getBoundingClientRect())
    const shortens = style.textOverflow === 'ellipsis' || style.webkitLineClamp !== 'none'
    const sideways = clips(style.overflowX) && !shortens ? Math.max(box.left - line.left, line.right - box.right) : 0
    const upright = clips(style.overflowY) && !shortens ? Math.max(box.top - line.top, line.bottom - box.bottom) : 0
    const lost = Math.max(sideways, upright)
    return lost > SLACK ? [`${nameOf(at)} by ${lost.toFixed(1)} px`] : []
  })

  const isBox = (element: Element): boolean => {
    const style = getComputedStyle(element)
    const filled = !/^rgba\(.*, 0\)$|^transparent$/.test(style.backgroundColor) || style.backgroundImage !== 'none'
    const framed = style.borderStyle !== 'none' && Number.parseFloat(style.borderTopWidth) > 0 && Number.parseFloat(style.borderLeftWidth) > 0
    return style.display !== 'inline' && (filled || framed)
  }
  const leavesOf = (element: Element, line: Box): string | null => {
    const around = surroundings(element).find(isBox)
    if (!around)
      return null
    const over = excess(line, boxOf(around.getBoundingClientRect()))
    return over > SLACK ? `${nameOf(around)} by ${over.toFixed(1)} px` : null
  }
  const opacityOf = (element: Element): number =>
    surroundings(element).reduce((opacity, at) => opacity * Number.parseFloat(getComputedStyle(at).opacity), 1)
  const coverOf = (element: Element, line: Box): string | null => {
    // What lets the pointer through is not found by it.
    if (getComputedStyle(element).pointerEvents === 'none')
      return null
    const y = (line.top + line.bottom) / 2
    for (const share of [0.05, 0.5, 0.95]) {
      const top = document.elementFromPoint(line.left + (line.right - line.left) * share, y)
      const related = !top || top.contains(element) || element.contains(top)
      // Slidev's own buttons are there for the pointer, but not to be seen until it comes.
      if (!related && isBox(top) && opacityOf(top) > 0)
        return nameOf(top)
    }
    return null
  }

  /** The line without the room above and below its letters, which may lie over a box's edge. */
  const letters = (rect: DOMRect): Box => {
    const room = rect.height * 0.2
    return { left: rect.left, top: rect.top + room, right: rect.right, bottom: rect.bottom - room }
  }
  /** Ends in an ellipsis, in its line or in the last of its lines. */
  const isShortened = (element: Element): boolean => {
    const style = getComputedStyle(element)
    return style.textOverflow === 'ellipsis' || !['none', ''].includes(style.webkitLineClamp)
  }
  /** A line is lost, not only the tail of a letter. */
  const loses = (at: Element): boolean =>
    at.scrollWidth > at.clientWidth + SLACK || at.scrollHeight > at.clientHeight + Number.parseFloat(getComputedStyle(at).lineHeight) / 2
  /** What comes from a dataset, a library or a program, and says what it says. */
  const isQuoted = (element: Element): boolean => element.closest('[data-quoted], pre, code') !== null
  const partedIn = (node: Text): string | null => {
    for (const match of node.data.matchAll(/\d\s(?:[KMGT]?i?B|ms|s|min|h|rows\/s|%)(?!\w)/g)) {
      const range = document.createRange()
      const topAt = (offset: number): number => {
        range.setStart(node, offset)
        range.setEnd(node, offset + 1)
        return range.getBoundingClientRect().top
      }
      if (Math.abs(topAt(match.index) - topAt(match.index + match[0].length - 1)) > SLACK)
        return match[0].replace(/\s/, ' ')
    }
    return null
  }
  const describe = (element: Element, text: string, lines: Box[]): PaintedText => {
    const style = getComputedStyle(element)
    const color = element instanceof SVGElement ? style.fill : style.webkitTextFillColor
    const shortened = surroundings(element).find(isShortened)
    const within = shortened && boxOf(shortened.getBoundingClientRect())
    const shown = within
      ? lines.map(line => ({ ...line, right: Math.min(line.right, within.right), bottom: Math.min(line.bottom, within.bottom) })).filter(line => line.bottom > line.top)
      : lines
    return {
      text: text.trim().replace(/\s+/g, ' ').slice(0, 60),
      where: whereOf(element),
      lines: shown,
      size: Number.parseFloat(style.fontSize) * scaleOf(element),
      color,
      opacity: opacityOf(element),
      cutBy: [...new Set(shown.flatMap(line => cutsOf(element, line)))],
      leaves: shown.map(line => leavesOf(element, line)).find(Boolean) ?? null,
      shortened: shortened !== undefined && !shortened.matches('[data-quoted]') && loses(shortened),
      marks: isQuoted(element) ? null : /`|\*\*|\]\(/.exec(text)?.[0] ?? null,
      parted: null,
      coveredBy: shown.map(line => coverOf(element, line)).find(Boolean) ?? null,
    }
  }

  const texts: PaintedText[] = []
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const node = walker.currentNode
    const element = node.parentElement
    if (!element || !node.textContent?.trim() || !isPainted(element) || /^(style|script|title|desc)$/.test(element.localName))
      continue
    const range = document.createRange()
    range.selectNodeContents(node)
    const lines = [...range.getClientRects()].filter(rect => rect.width > 0.5 && rect.height > 0.5).map(letters)
    if (lines.length > 0)
      texts.push({ ...describe(element, node.textContent, lines), parted: partedIn(node as Text) })
  }
  for (const field of root.querySelectorAll<HTMLInputElement | HTMLSelectElement>('input:not([type=range], [type=checkbox], [type=radio]), select')) {
    if (!isPainted(field))
      continue
    // Letters stand inside the field's frame: in a narrow one the frame would pass for what is behind them.
    const rect = field.getBoundingClientRect()
    const scale = rect.width / field.offsetWidth
    const line = letters(new DOMRect(rect.left + field.clientLeft * scale, rect.top, field.clientWidth * scale, rect.height))
    const text = describe(field, field.value, [line])
    if (field.scrollWidth > field.clientWidth + SLACK)
      text.cutBy.push(`its own field by ${field.scrollWidth - field.clientWidth} px`)
    texts.push(text)
  }

  // A formula is set as outlines: what it says and its font size are in the slide's source only.
  for (const outlines of root.querySelectorAll('.typst-text')) {
    const glyph = outlines.querySelector('use')
    if (glyph && isPainted(outlines))
      texts.push({ ...describe(glyph, 'part of a formula', [boxOf(outlines.getBoundingClientRect())]), size: Infinity })
  }

  const outside: string[] = []
  const scrolling: string[] = []
  for (const element of root.querySelectorAll('*')) {
    if (!isPainted(element))
      continue
    const style = getComputedStyle(element)
    const over = excess(boxOf(element.getBoundingClientRect()), canvas)
    if (over > SLACK && (isBox(element) || /^(img|canvas|svg|button|input|select|table)$/.test(element.localName)))
      outside.push(`${whereOf(element)} by ${over.toFixed(1)} px`)
    const tooWide = /auto|scroll/.test(style.overflowX) && element.scrollWidth > element.clientWidth + SLACK
    const tooHigh = /auto|scroll/.test(style.overflowY) && element.scrollHeight > element.clientHeight + SLACK
    if (tooWide || tooHigh)
      scrolling.push(whereOf(element))
  }
  for (const part of root.querySelectorAll('.live-column > *')) {
    const over = part.getBoundingClientRect().bottom - part.parentElement!.getBoundingClientRect().bottom
    if (isPainted(part) && over > SLACK)
      outside.push(`${whereOf(part)}, out of its column by ${over.toFixed(1)} px`)
  }
  return { canvas, texts, outside, scrolling }
}
