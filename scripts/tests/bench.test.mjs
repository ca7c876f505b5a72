import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { choose, wholeOption } from '../../bench/choices.mjs'
import { enginesOf } from '../../bench/support/engines.mjs'
import { keep, keepForDeck, medianAndWorst, meets, quantile } from '../../bench/support/report.mjs'

test('a figure meets its bar at the bar and not beyond it', () => {
  assert.ok(meets({ value: 3, at_most: 3 }) && meets({ value: 3, at_least: 3 }) && meets({ value: 3 }))
  assert.ok(!meets({ value: 3.01, at_most: 3 }) && !meets({ value: 2.99, at_least: 3 }))
  assert.ok(!meets({ value: NaN, at_most: 3 }))
})

test('the median of an even number of rounds lies between the middle two', () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5)
  assert.equal(quantile([7], 0.95), 7)
  assert.throws(() => quantile([], 0.5), /nothing was measured/)
})

test('one slow round misses the bar though the median does not', () => {
  const verdicts = medianAndWorst('start', [1, 1, 9], { unit: 's', at_most: 2 }).map(meets)
  assert.deepEqual(verdicts, [true, false])
})

test('figures replace those of the same name and leave the rest of the document alone', () => {
  const directory = mkdtempSync(join(tmpdir(), 'report-'))
  const document = join(directory, 'BENCHMARKS.md')
  try {
    writeFileSync(document, '# Benchmarks\n\nbefore\n<!-- begin a -->\nold\n<!-- end a -->\nafter\n')
    keep('a', 'new', document)
    keep('b', 'first', document)
    keep('b', 'second', document)
    assert.equal(
      readFileSync(document, 'utf8'),
      '# Benchmarks\n\nbefore\n<!-- begin a -->\nnew\n<!-- end a -->\nafter\n\n## b\n\n<!-- begin b -->\nsecond\n<!-- end b -->\n',
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('the worst may have a bar of its own', () => {
  const bars = medianAndWorst('row', [1], { unit: 's', at_most: 1, worst_at_most: 1.5 }).map(({ at_most }) => at_most)
  assert.deepEqual(bars, [1, 1.5])
})

test('sizes reach the program that takes them, and the report', () => {
  const { json, programs } = choose(['throughput', '--rows', '600', '--rounds', '1', '--json'])
  assert.ok(json)
  assert.equal(programs.length, 1)
  assert.deepEqual(programs[0].given, ['--rows', '600', '--rounds', '1'])
  assert.deepEqual(programs[0].command.slice(1), ['bench/measures/throughput.py', ...programs[0].given])
  assert.deepEqual(choose([]).programs.flatMap(({ given }) => given), [])
})

test('a wrong option is refused in a sentence that says what is right', () => {
  assert.throws(() => choose(['throughput', '--rows', 'all']), /--rows wants whole numbers .*, not "all"/)
  assert.throws(() => choose(['throughput', '--rounds', '0']), /--rounds wants a whole number from 1 on, not "0"/)
  assert.throws(() => choose(['throughput', '--rounds', '2,3']), /--rounds wants a whole number/)
  assert.throws(() => choose(['memory', '--rows', '5']), /--rows is for throughput, passes, stream, scale, not for memory/)
  assert.throws(() => choose(['--rows', '5']), /name only those/)
  assert.throws(() => choose(['speed']), /There is no benchmark "speed": choose from/)
  assert.throws(() => choose(['--fast']), /the options are --json/)
})

test('a Node program has its default where no size is given', () => {
  assert.equal(wholeOption('rounds', 5, ['node', 'x.mjs', '--rounds', '2']), 2)
  assert.equal(wholeOption('rounds', 5, ['node', 'x.mjs']), 5)
})

test('of each kind the fastest engine that was measured runs, with its own bars', () => {
  const rates = { OpenVinoEmbedder: 475, OpenVinoBf16Embedder: 845, TorchEmbedder: 378 }
  assert.deepEqual(
    enginesOf({ rates }, undefined).map(({ name, cold }) => [name, cold]),
    [['OpenVinoBf16Embedder', 10], ['TorchEmbedder', 15]],
  )
  assert.deepEqual(enginesOf({ rates: { TextEmbedder: 1 } }, undefined).map(({ name }) => name), ['TextEmbedder'])
  assert.throws(() => enginesOf({ rates: {} }, 'openvino'), /openvino is not on this machine/)
  assert.throws(() => enginesOf({ rates }, 'tpu'), /--engine wants openvino or torch or text, not "tpu"/)
})

test('the deck gets a chart with where and when, and an index that names each once', () => {
  const directory = mkdtempSync(join(tmpdir(), 'deck-'))
  const report = { name: 'speed', began: '2026-11-25T10:00:00.000Z', machine: { hardware: '2 x a processor' }, chart: { rows: 9, rounds: 1, bars: [] } }
  try {
    keepForDeck(report, directory)
    keepForDeck(report, directory)
    keepForDeck({ ...report, name: 'more' }, directory)
    assert.deepEqual(JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')), ['more', 'speed'])
    assert.deepEqual(JSON.parse(readFileSync(join(directory, 'speed.json'), 'utf8')), { date: report.began, machine: '2 x a processor', rows: 9, rounds: 1, bars: [] })
  } finally {
    rmSync(directory, { recursive: true })
  }
})
