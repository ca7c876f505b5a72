// Figures as a table in the terminal, as a section of docs/BENCHMARKS.md, and as a chart's for the deck.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../scripts/setup/paths.mjs'

const DOCUMENT = join(ROOT, 'docs', 'BENCHMARKS.md')
const DECK = join(ROOT, 'public', 'benchmarks')

/**
 * @typedef {object} Measure
 * @property {string} what
 * @property {number} value
 * @property {string} [unit]
 * @property {number} [digits] after the point, 2 by default
 * @property {number} [at_most] the bar
 * @property {number} [at_least] the bar
 */

/** Whether a measure reaches its bar; one without a bar does. */
export function meets({ value, at_most = Infinity, at_least = -Infinity }) {
  return value <= at_most && value >= at_least
}

/** Median and worst of several rounds; the bar on both, unless the worst has one of its own. */
export function medianAndWorst(what, values, { unit, at_most, worst_at_most = at_most, digits }) {
  return [
    { what: `${what}, median of ${values.length}`, value: quantile(values, 0.5), unit, at_most, digits },
    { what: `${what}, worst`, value: Math.max(...values), unit, at_most: worst_at_most, digits },
  ]
}

/** The value that a share of `values` does not exceed, between neighbours linearly. */
export function quantile(values, share) {
  if (values.length === 0) throw new RangeError('nothing was measured')
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)]
  return below + (sorted[Math.ceil(place)] - below) * (place % 1)
}

/** A table for a terminal. */
export function table(measures) {
  const rows = [['what', 'measured', 'bar', ''], ...measures.map(cells)]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map(([what, value, bar, verdict]) => `  ${what.padEnd(widths[0])}  ${value.padStart(widths[1])}  ${bar.padEnd(widths[2])}  ${verdict}`.trimEnd()).join('\n')
}

/** The same as Markdown, with where and how it was measured. */
export function section({ command, date, seconds, load, machine, measures, notes }) {
  const rows = measures.map((measure) => `| ${cells(measure).join(' | ')} |`)
  const where = `\`${command}\`, ${date} UTC, ${seconds} s; load average ${load.toFixed(1)} when it began; ${machine.hardware}; ${machine.versions}; commit ${machine.commit}.`
  return ['| what | measured | bar | |', '|---|---|---|---|', ...rows, '', ...notes.map((note) => `${note}\n`), where].join('\n')
}

/** Put a section between its markers, at the end where the document has none yet. */
export function keep(name, markdown, document = DOCUMENT) {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`]
  const text = existsSync(document) ? readFileSync(document, 'utf8') : '# Benchmarks\n'
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  const block = `${begin}\n${markdown}\n${end}`
  const next = from < 0 || to < from ? `${text.trimEnd()}\n\n## ${name}\n\n${block}\n` : text.slice(0, from) + block + text.slice(to + end.length)
  writeFileSync(document, next)
}

/** Give the deck what a chart of it shows; the slide says where and when it was measured. */
export function keepForDeck({ name, began, machine, chart }, directory = DECK) {
  const index = join(directory, 'index.json')
  mkdirSync(directory, { recursive: true })
  const known = existsSync(index) ? JSON.parse(readFileSync(index, 'utf8')) : []
  writeFileSync(join(directory, `${name}.json`), `${JSON.stringify({ date: began, machine: machine.hardware, ...chart }, null, 1)}\n`)
  writeFileSync(index, `${JSON.stringify([...new Set([...known, name])].sort())}\n`)
}

function cells(measure) {
  const { what, at_most, at_least } = measure
  const bar = at_most !== undefined ? `at most ${at_most}` : at_least !== undefined ? `at least ${at_least}` : ''
  const unit = measure.unit ? ` ${measure.unit}` : ''
  return [what, amount(measure) + unit, bar && bar + unit, bar && (meets(measure) ? 'ok' : '**missed**')]
}

function amount({ value, digits }) {
  return Number.isInteger(value) && digits === undefined ? value.toLocaleString('en') : value.toFixed(digits ?? 2)
}
