import { expect, it } from 'vitest'
import { formatAbout, formatBytes, formatCount, formatCounted, formatRate, formatSeconds, formatShort, keepUnits } from './format'

it('groups digits', () => {
  expect(formatCount(116_000)).toBe('116,000')
})

it('has a word for one and a word for several', () => {
  expect([formatCounted(1, 'block'), formatCounted(1200, 'block'), formatCounted(2, 'process', 'processes')]).toEqual(['1 block', '1,200 blocks', '2 processes'])
})

it.each([[3.24, '3.2'], [9.94, '9.9'], [9.96, '10'], [41.4, '41']])('writes %d in short as %s', (value, text) => {
  expect(formatShort(value)).toBe(text)
})

it.each([[0, '0\u00A0B'], [0.4, '0\u00A0B'], [1023, '1,023\u00A0B'], [1536, '1.5\u00A0KiB'], [660 * 2 ** 20, '660\u00A0MiB'], [24 * 2 ** 30, '24\u00A0GiB']])(
  'writes %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

it.each([[0.04, '0.0\u00A0s'], [9.94, '9.9\u00A0s'], [9.96, '10\u00A0s'], [59.6, '1\u00A0min 0\u00A0s'], [200, '3\u00A0min 20\u00A0s'], [7500, '2\u00A0h 5\u00A0min']])(
  'writes %d seconds as %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text)
  })

it.each([[3, 'a few seconds'], [41, 'about 40\u00A0s'], [960, 'about 16\u00A0min'], [6480, 'about 1.8\u00A0h']])(
  'predicts %d seconds as %s', (seconds, text) => {
    expect(formatAbout(seconds)).toBe(text)
  })

it('shows a rate that is not known yet as a dash, never as zero', () => {
  expect(formatRate(null)).toBe('–\u00A0rows/s')
  expect(formatRate(3.25)).toBe('3.3\u00A0rows/s')
  expect(formatRate(845.4)).toBe('845\u00A0rows/s')
})

it('keeps each number and its unit in one line, and leaves other words apart', () => {
  expect(keepUnits('It took 3 min 20 s, 98 % of 2 cores, 22 MiB and 4 sheep.'))
    .toBe('It took 3\u00A0min 20\u00A0s, 98\u00A0% of 2 cores, 22\u00A0MiB and 4 sheep.')
})
