// Numbers as a person reads them from the back row. A line never ends between a number and its unit.

const integer = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const NBSP = '\u00A0'
const UNITS = /(?<=\d) (?=(?:[KMGT]?i?B|ms|s|min|h|rows\/s|%)(?!\w))/g
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function formatCount(value: number): string {
  return integer.format(value)
}

/** `1 block`, `1,200 blocks`. */
export function formatCounted(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`
}

/** What stands before the point, and one digit behind it where that is a single one: `3.2`, `41`. */
export function formatShort(value: number): string {
  return value.toFixed(value < 9.95 ? 1 : 0)
}

export function formatDay(date: string): string {
  return new Date(date).toLocaleDateString('en-GB', { dateStyle: 'medium' })
}

/** Rows a second without their unit, for a column that names it. */
export function formatRateNumber(rowsPerSecond: number): string {
  return rowsPerSecond < 10 ? rowsPerSecond.toFixed(1) : formatCount(rowsPerSecond)
}

export function formatRate(rowsPerSecond: number | null | undefined): string {
  return `${rowsPerSecond == null ? '–' : formatRateNumber(rowsPerSecond)}${NBSP}rows/s`
}

export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${power > 0 && value < 10 ? value.toFixed(1) : formatCount(value)}${NBSP}${BYTE_UNITS[power] ?? ''}`
}

/** `3.2 s`, `41 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95)
    return `${seconds.toFixed(1)}${NBSP}s`
  const whole = Math.round(seconds)
  if (whole < 60)
    return `${whole}${NBSP}s`
  if (whole < 3600)
    return `${Math.floor(whole / 60)}${NBSP}min ${whole % 60}${NBSP}s`
  const minutes = Math.round(whole / 60)
  return `${Math.floor(minutes / 60)}${NBSP}h ${minutes % 60}${NBSP}min`
}

/** A prediction, which pretends to no more than it knows: `about 40 s`, `about 16 min`. */
export function formatAbout(seconds: number): string {
  if (seconds < 10)
    return 'a few seconds'
  if (seconds < 90)
    return `about ${Math.round(seconds / 5) * 5}${NBSP}s`
  if (seconds < 5400)
    return `about ${Math.round(seconds / 60)}${NBSP}min`
  return `about ${(seconds / 3600).toFixed(1)}${NBSP}h`
}

/** A sentence from elsewhere, whose numbers keep their units in their line. */
export function keepUnits(sentence: string): string {
  return sentence.replaceAll(UNITS, NBSP)
}
