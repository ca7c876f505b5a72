import { expect, it } from 'vitest'
import { formatAbout, formatBytes, formatCount, formatRate, formatSeconds } from './format'

it('groups digits', () => {
  expect(formatCount(116_000)).toBe('116,000')
})

it.each([[0, '0 B'], [0.4, '0 B'], [1023, '1,023 B'], [1536, '1.5 KiB'], [660 * 2 ** 20, '660 MiB'], [24 * 2 ** 30, '24 GiB']])(
  'writes %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

it.each([[0.04, '0.0 s'], [9.94, '9.9 s'], [9.96, '10 s'], [59.6, '1 min 0 s'], [200, '3 min 20 s'], [7500, '2 h 5 min']])(
  'writes %d seconds as %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text)
  })

it.each([[3, 'a few seconds'], [41, 'about 40 s'], [960, 'about 16 min'], [6480, 'about 1.8 h']])(
  'predicts %d seconds as %s', (seconds, text) => {
    expect(formatAbout(seconds)).toBe(text)
  })

it('shows a rate that is not known yet as a dash, never as zero', () => {
  expect(formatRate(null)).toBe('– rows/s')
  expect(formatRate(3.25)).toBe('3.3 rows/s')
  expect(formatRate(845.4)).toBe('845 rows/s')
})
