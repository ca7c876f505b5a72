// A number that came out of a run, with its unit.
import { formatBytes, formatCount, formatSeconds, keepUnits } from './format'
import type { Figure } from '../protocol/generated'

export function formatFigure({ value, unit }: Pick<Figure, 'value' | 'unit'>): string {
  if (typeof value === 'string')
    return unit ? `${value} ${unit}` : value
  switch (unit) {
    case 'bytes':
      return formatBytes(value)
    case 's':
      return formatSeconds(value)
    default: {
      const number = Number.isInteger(value) || Math.abs(value) >= 100 ? formatCount(value) : String(Number(value.toPrecision(4)))
      return unit ? keepUnits(`${number} ${unit}`) : number
    }
  }
}
