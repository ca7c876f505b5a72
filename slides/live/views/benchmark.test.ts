import { expect, test } from 'vitest'
import { describeBenchmark, parseBenchmark } from './benchmark'

const MEASURED = { date: '2026-11-25T10:00:00.000Z', machine: '2 x a processor', rows: 10_000, rounds: 5, bars: [{ label: 'ours', rate: 800, ours: true }] }
const text = (change: object) => JSON.stringify({ ...MEASURED, ...change })

test('what the command wrote is read as it is', () => {
  expect(parseBenchmark(text({}), 'a.json')).toEqual(MEASURED)
})

test('what was measured says when, where and in which size', () => {
  expect(describeBenchmark(MEASURED)).toBe('RECORDED 25 Nov 2026 · 2 x a processor · 10,000 rows, 5 rounds')
  expect(describeBenchmark({ ...MEASURED, rounds: 1 })).toMatch(/1 round$/)
})

test.each([
  ['no JSON', '<!doctype html>', /a\.json is no JSON/],
  ['no object', 'null', /is not what a benchmark writes/],
  ['no bars', text({ bars: undefined }), /is not what a benchmark writes/],
  ['a bar without a rate', text({ bars: [{ label: 'x', ours: true }] }), /is not what a benchmark writes/],
  ['a date that is none', text({ date: 'today' }), /is not what a benchmark writes/],
])('%s is refused by the name of the file', (_, wrong, message) => {
  expect(() => parseBenchmark(wrong, 'a.json')).toThrow(message)
})
