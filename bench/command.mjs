// `npm run bench -- [NAME…] [options]`: measure, print, and keep the figures in docs/BENCHMARKS.md.

import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildDeck, deckIsFresh } from '../scripts/setup/deck.mjs'
import { Display } from '../scripts/setup/display.mjs'
import { Failure } from '../scripts/setup/failure.mjs'
import { nodeIsFresh, setUpNode } from '../scripts/setup/node-packages.mjs'
import { ROOT } from '../scripts/setup/paths.mjs'
import { endAll, launch, onStop } from '../scripts/setup/processes.mjs'
import { withSetupLock } from '../scripts/setup/setup-lock.mjs'
import { pythonIsFresh, setUpPython } from '../scripts/setup/virtualenv.mjs'
import { choose } from './choices.mjs'
import { describeMachine } from './support/machine.mjs'
import { Family } from './support/processes.mjs'
import { keep, keepForDeck, meets, section, table } from './support/report.mjs'

const LEAVING_MS = 5000
const caches = []

export async function main(args) {
  const { programs, json } = choose(args)
  onStop(async () => {
    await endAll()
    process.exit(130)
  })
  process.once('exit', () => caches.forEach((cache) => rmSync(cache, { recursive: true, force: true })))
  await withSetupLock(() => setUp(new Display()))
  const reports = []
  for (const program of programs) {
    const report = await perform(program)
    reports.push(report)
    keep(report.name, section(report))
    if (report.chart) keepForDeck(report)
    if (!json) console.log(`\n${report.name}\n${table(report.measures)}\n`)
  }
  if (json) console.log(JSON.stringify(reports, null, 2))
  const missed = reports.flatMap(({ name, measures }) =>
    measures.filter((measure) => !meets(measure)).map(({ what }) => `${name}: ${what}`),
  )
  if (missed.length) throw new Failure(`Below the bar: ${missed.join('; ')}.`)
  process.exit(0)
}

async function setUp(display) {
  if (!pythonIsFresh()) await setUpPython(display)
  if (!nodeIsFresh()) await setUpNode(display)
  if (!deckIsFresh()) await buildDeck(display)
}

/** Run one program with state of its own, and look afterwards whether anything of it lives on. */
async function perform({ name, command, given }) {
  const cache = mkdtempSync(join(tmpdir(), 'bench-'))
  caches.push(cache)
  const load = loadavg()[0]
  const began = new Date()
  const { output, left } = await outcomeOf(name, command, cache)
  const { measures, notes = [], chart } = JSON.parse(output)
  return {
    name,
    command: ['npm run bench --', name, ...given].join(' '),
    began: began.toISOString(),
    date: began.toISOString().slice(0, 16).replace('T', ' '),
    seconds: Math.round((Date.now() - began) / 1000),
    load,
    machine: await describeMachine(),
    chart,
    measures: [...measures, { what: 'processes left behind', value: left.length, at_most: 0 }],
    notes: [...notes, ...left.map((command) => `Left behind: ${command}`)],
  }
}

/** What a program printed, and what of its processes lives a while after its end. */
async function outcomeOf(name, [command, ...args], cache) {
  const child = launch(command, args, {
    cwd: ROOT,
    env: { ...process.env, DEMO_CACHE: cache, PYTHONPATH: ROOT },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
  const closed = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const family = new Family(child.pid)
  try {
    const code = await closed
    if (code !== 0) throw new Failure(`${name} could not be measured: its messages are above.`)
    const until = Date.now() + LEAVING_MS
    while (family.list().length && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 100))
    return { output, left: family.list().map(({ pid, command }) => `${pid} ${command.slice(0, 100)}`) }
  } finally {
    family.close()
  }
}
