import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from '@slidev/parser/fs'
import { expect, test } from 'vitest'
import { readOutline } from '../scripts/setup/outline.mjs'

const root = dirname(fileURLToPath(import.meta.url))
const { slides } = await readOutline()
/** What is behind the talk's last slide is shown when asked for. */
const talk = slides.filter(slide => slide.inTalk)

const LIMIT_S = 15 * 60

test('the talk ends before the last slide of the deck', () => {
  expect(talk.at(-1)?.title).toBe('What to take home')
  expect(slides.length).toBeGreaterThan(talk.length)
})

test('every slide has a title of its own', () => {
  const titles = slides.map(slide => slide.title)
  expect(titles.filter(title => !title.trim())).toEqual([])
  expect(new Set(titles).size).toBe(titles.length)
})

test('every slide of the talk has its time', () => {
  expect(talk.filter(slide => slide.seconds === null).map(slide => slide.title)).toEqual([])
})

test('the times add up to at most 15 minutes', () => {
  const total = talk.reduce((sum, slide) => sum + (slide.seconds ?? 0), 0)
  expect(total).toBeGreaterThan(LIMIT_S - 90)
  expect(total).toBeLessThanOrEqual(LIMIT_S)
})

test('the notes of every slide of the talk say what to say, what to do while it waits, and when it fails', () => {
  for (const { title, notes } of talk) {
    expect(notes, title).toMatch(/^Say: /m)
    expect(notes, title).toMatch(/^(?:While it (?:runs|waits)|While they vote): /m)
    expect(notes, title).toMatch(/^If it fails/m)
  }
})

test('code of Python on a slide is imported from the file that runs', async () => {
  const deck = await load({ userRoot: root, roots: [root] }, join(root, 'slides.md'))
  expect(deck.slides.filter(slide => /^ *```(?:py|python)\b/m.test(slide.content)).map(slide => slide.title)).toEqual([])
})
