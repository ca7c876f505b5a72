import { expect, it } from 'vitest'
import { emptyStage } from '../state/fold'
import { figuresOf, formatAgreement, formatFigure } from './figure'

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

it('shows what an export takes, without what it does not measure', () => {
  const collected = { ...emptyStage(), export: { write_s: 0.01, memory_bytes: 4096 } }
  expect(figuresOf(collected).map(({ name, value }) => [name, value])).toEqual([['write_s', 0.01], ['memory_bytes', 4096]])
  const written = { ...emptyStage(), export: { write_s: 0.2, memory_bytes: 0, disk_bytes: 2e6, read_s: 0.3 } }
  expect(figuresOf(written).map(figure => formatFigure(figure))).toEqual(['0.2\u00A0s', '0\u00A0B', '1.9\u00A0MiB', '0.3\u00A0s'])
})

it('states how close the vectors of a run are to those of encode', () => {
  expect(formatAgreement({ cosine: 0.99999996, rows: 16 })).toBe('same as encode: cosine 1.0000 on 16 rows')
})
