import { expect, it } from 'vitest'
import { formatFigure } from './figure'

it.each([
  [{ value: 660 * 2 ** 20, unit: 'bytes' }, '660\u00A0MiB'],
  [{ value: 41.2, unit: 's' }, '41\u00A0s'],
  [{ value: 8, unit: 'processes' }, '8 processes'],
  [{ value: 118.4, unit: 'rows/s' }, '118\u00A0rows/s'],
  [{ value: 0.99993, unit: null }, '0.9999'],
  [{ value: 'cpu', unit: null }, 'cpu'],
])('writes %o as %s', (figure, text) => {
  expect(formatFigure(figure)).toBe(text)
})
