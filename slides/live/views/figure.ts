// A number that came out of a run, with its unit.
import { formatBytes, formatCount, formatSeconds, keepUnits } from './format'
import type { ExportData, Figure, StageState, VectorAgreement } from '../protocol/generated'

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

export function formatAgreement({ cosine, rows }: VectorAgreement): string {
  return `same as encode: cosine ${cosine.toFixed(4)} on ${formatCount(rows)} rows`
}

/** The numbers that a stage came to: those of its result, or what an export takes. */
export function figuresOf({ export: taken, result }: StageState): Figure[] {
  return taken ? describeExport(taken) : result?.figures ?? []
}

function describeExport({ write_s, memory_bytes, disk_bytes, read_s }: ExportData): Figure[] {
  const figures = [
    { name: 'write_s', label: 'it takes', value: write_s, unit: 's' },
    { name: 'memory_bytes', label: 'in the driver', value: memory_bytes, unit: 'bytes' },
    { name: 'disk_bytes', label: 'on disk', value: disk_bytes, unit: 'bytes' },
    { name: 'read_s', label: 'to read', value: read_s, unit: 's' },
  ]
  return figures.flatMap(({ value, ...figure }) => value == null ? [] : [{ ...figure, value }])
}
