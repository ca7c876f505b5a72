import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from '@slidev/parser/fs'
import { expect, test } from 'vitest'

const root = dirname(fileURLToPath(import.meta.url))
const deck = await load({ userRoot: root, roots: [root] }, join(root, 'slides.md'))
const slides = deck.slides.map(slide => ({ title: slide.title ?? '', note: slide.note ?? '', content: slide.content }))
// The talk ends with the closing chapter; what is appended behind it is shown when asked for.
const talk = slides.slice(0, deck.slides.findLastIndex(slide => slide.source.filepath.endsWith('/parts/closing.md')) + 1)

const TIME = /^\[(\d+):([0-5]\d)\]$/
const LIMIT_S = 15 * 60

function seconds(note: string): number {
  const match = TIME.exec(note.split('\n')[0]!.trim())
  return match ? Number(match[1]) * 60 + Number(match[2]) : Number.NaN
}

test('every chapter loads, and the talk ends with the closing one', () => {
  expect(talk).not.toHaveLength(0)
  const errors = Object.entries(deck.markdownFiles).flatMap(([file, markdown]) =>
    (markdown.errors ?? []).map(error => `${file}: ${error.message}`))
  expect(errors).toEqual([])
})

test('every slide has a title of its own', () => {
  const titles = slides.map(slide => slide.title)
  expect(titles.filter(title => !title.trim())).toEqual([])
  expect(new Set(titles).size).toBe(titles.length)
})

test('the notes of every slide of the talk begin with a time such as [0:45]', () => {
  expect(talk.filter(slide => Number.isNaN(seconds(slide.note))).map(slide => slide.title)).toEqual([])
})

test('the times add up to at most 15 minutes', () => {
  const total = talk.reduce((sum, slide) => sum + seconds(slide.note), 0)
  expect(total).toBeGreaterThan(LIMIT_S - 90)
  expect(total).toBeLessThanOrEqual(LIMIT_S)
})

test('the notes of every slide of the talk say what to say, what to do while it waits, and when it fails', () => {
  for (const { title, note } of talk) {
    expect(note, title).toMatch(/^Say: /m)
    expect(note, title).toMatch(/^(?:While it (?:runs|waits)|While they vote): /m)
    expect(note, title).toMatch(/^If it fails/m)
  }
})

test('code of Python on a slide is imported from the file that runs', () => {
  expect(slides.filter(slide => /^ *```(?:py|python)\b/m.test(slide.content)).map(slide => slide.title)).toEqual([])
})
