// What a benchmark measured, as the command leaves it for the deck.
import { isObject } from '../protocol/merge'
import { formatCount, formatCounted, formatDay } from './format'

export interface Bar {
  label: string
  /** Rows a second. */
  rate: number
  ours: boolean
}

export interface Benchmark {
  date: string
  machine: string
  rows: number
  rounds: number
  bars: readonly Bar[]
}

/** Why the figures cannot be shown. */
export class BenchmarkError extends Error {}

/** @throws BenchmarkError where it is not what `npm run bench` writes. */
export function parseBenchmark(text: string, file: string): Benchmark {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  }
  catch {
    throw new BenchmarkError(`${file} is no JSON. Measure again.`)
  }
  if (!isBenchmark(parsed))
    throw new BenchmarkError(`${file} is not what a benchmark writes. Measure again.`)
  return parsed
}

/** Where and when, in a line. */
export function describeBenchmark({ date, machine, rows, rounds }: Benchmark): string {
  return `RECORDED ${formatDay(date)} · ${machine} · ${formatCount(rows)} rows, ${formatCounted(rounds, 'round')}`
}

function isBenchmark(value: unknown): value is Benchmark {
  return isObject(value) && typeof value.date === 'string' && !Number.isNaN(Date.parse(value.date)) && typeof value.machine === 'string'
    && typeof value.rows === 'number' && typeof value.rounds === 'number' && Array.isArray(value.bars) && value.bars.every(isBar)
}

function isBar(value: unknown): value is Bar {
  return isObject(value) && typeof value.label === 'string' && typeof value.rate === 'number' && value.rate >= 0 && typeof value.ours === 'boolean'
}
