// `npm test`: everything from a fresh clone to a green suite.
// `npm test -- --durations` also lists the slowest tests.

import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { requireChromium } from './chromium.mjs'
import { buildDeck, deckIsFresh } from './deck.mjs'
import { Display } from './display.mjs'
import { Failure } from './failure.mjs'
import { readReport, slowest } from './junit.mjs'
import { nodeIsFresh, setUpNode } from './node-packages.mjs'
import { NODE_MODULES, ROOT, VENV, WORK } from './paths.mjs'
import { endAll, launch, onStop } from './processes.mjs'
import { withSetupLock } from './setup-lock.mjs'
import { pythonIsFresh, setUpPython } from './virtualenv.mjs'

const REPORTS = join(WORK, 'test')
const python = (name) => join(VENV, 'bin', name)
const node = (...path) => [process.execPath, join(NODE_MODULES, ...path)]
const reportOf = (name) => join(REPORTS, `${name}.xml`)

// A check passes or fails as one; a step with a report counts the tests in it.

/** What needs the Node packages alone: done while the Python packages come, which take longer. */
const NODE_STEPS = [
  { name: 'vue-tsc', command: [...node('vue-tsc', 'bin', 'vue-tsc.js'), '--noEmit'] },
  { name: 'eslint', command: [...node('eslint', 'bin', 'eslint.js'), '.', '--max-warnings=0'] },
  {
    name: 'TypeScript tests',
    report: 'vitest',
    command: [...node('vitest', 'vitest.mjs'), 'run', '--reporter=default', '--reporter=junit', `--outputFile.junit=${reportOf('vitest')}`],
  },
]

const PYTHON_CHECKS = [
  { name: 'generated types', command: [process.execPath, 'scripts/generate-protocol.mjs', '--check'] },
  { name: 'ruff', command: [python('ruff'), 'check', '.'] },
  { name: 'ruff format', command: [python('ruff'), 'format', '--check', '.'] },
  { name: 'mypy', command: [python('mypy')] },
  { name: 'import contracts', command: [python('lint-imports'), '--no-cache'] },
]
const SET_UP_TESTS = { name: 'set-up tests', report: 'setup', command: [process.execPath, ...nodeTest(reportOf('setup')), ...testFiles()] }
/** What shares one Ray head, for drivers and every experiment: in parallel with the rest. */
const ON_ONE_HEAD = [join('tests', 'driver'), join('tests', 'experiments')]
const HEAD_TESTS = { name: 'tests on one head', report: 'head', command: [...pytest(reportOf('head')), ...ON_ONE_HEAD] }
const PYTHON_TESTS = { name: 'Python tests', report: 'pytest', command: [...pytest(reportOf('pytest')), ...ON_ONE_HEAD.map((path) => `--ignore=${path}`)] }
const BROWSER_TESTS = {
  name: 'browser tests',
  report: 'playwright',
  command: [...node('@playwright', 'test', 'cli.js'), 'test', '--reporter=list,junit'],
  env: { PLAYWRIGHT_JUNIT_OUTPUT_NAME: reportOf('playwright') },
}

function pytest(report) {
  return [python('python'), '-m', 'pytest', `--junitxml=${report}`]
}

function nodeTest(report) {
  const reporters = ['--test-reporter=spec', '--test-reporter-destination=stdout', '--test-reporter=junit', `--test-reporter-destination=${report}`]
  return ['--test', '--test-concurrency=2', ...reporters]
}

function testFiles() {
  const directory = join('scripts', 'tests')
  const names = readdirSync(join(ROOT, directory)).filter((name) => name.endsWith('.test.mjs'))
  return names.map((name) => join(directory, name))
}

/** How many tests `--durations` lists. */
const SLOWEST = 20

export async function main(args) {
  const { durations } = suiteOptions(args)
  const display = new Display()
  onStop(async () => {
    await endAll()
    process.exit(130)
  })
  rmSync(REPORTS, { recursive: true, force: true })
  mkdirSync(REPORTS, { recursive: true })
  const outcomes = await withSetupLock(() => setUp(display))
  process.env.DEMO_CHROMIUM = await requireChromium(display)
  const lanes = [PYTHON_CHECKS, [PYTHON_TESTS], [HEAD_TESTS, SET_UP_TESTS]]
  outcomes.push(...(await Promise.all(lanes.map(inTurn))).flat(), await perform(BROWSER_TESTS))
  if (durations) printSlowest(outcomes)
  process.exit(summarize(outcomes))
}

/** @throws {Failure} naming the option that there is, and the commands for one kind of test */
export function suiteOptions(args, env = process.env) {
  if (env.npm_config_durations !== undefined) throw new Failure('npm took --durations for itself: put it after `--`, as in npm test -- --durations.')
  const unknown = args.filter((arg) => arg !== '--durations')
  if (unknown.length) {
    throw new Failure(`npm test knows --durations, not ${unknown.join(' ')}: for one kind of test use npm run test:py, test:ts, test:setup or test:e2e.`)
  }
  return { durations: args.length > 0 }
}

/** Make `.venv`, `node_modules` and the deck complete; return the outcomes of the Node steps, which run meanwhile. */
async function setUp(display) {
  const python = async () => {
    if (!pythonIsFresh({ dev: true })) await setUpPython(display, { dev: true })
  }
  const deck = async () => {
    if (!nodeIsFresh()) await setUpNode(display)
    if (!deckIsFresh()) await buildDeck(display)
    return inTurn(NODE_STEPS)
  }
  const [, outcomes] = await Promise.all([python(), deck()])
  return outcomes
}

async function inTurn(steps) {
  const outcomes = []
  for (const step of steps) outcomes.push(await perform(step))
  return outcomes
}

/** Run one step with its output shown as it comes. */
async function perform({ name, command: [command, ...args], report, env = {} }) {
  console.log(`\n── ${name}`)
  const began = Date.now()
  const child = launch(command, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'] })
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? -1))
  })
  const seconds = (Date.now() - began) / 1000
  return { name, seconds, ...(report ? counted(name, code, reportOf(report)) : judged(name, code)) }
}

function judged(name, code) {
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? [] : [name], skipped: 0, tests: [] }
}

/** A runner that fails without a failed test (as when a file does not load) is a failure too. */
function counted(name, code, file) {
  const counts = readReport(file) ?? { passed: 0, failed: [], skipped: 0, tests: [] }
  const silent = code !== 0 && counts.failed.length === 0
  const empty = code === 0 && counts.passed === 0
  if (silent) counts.failed.push(`${name}: ended with code ${code}`)
  if (empty) counts.failed.push(`${name}: no test ran`)
  return counts
}

function printSlowest(outcomes) {
  console.log(`\n── the ${SLOWEST} slowest tests`)
  for (const { step, name, seconds } of slowest(outcomes, SLOWEST)) {
    console.log(`${seconds.toFixed(1).padStart(7)} s   ${step.padEnd(18)} ${name}`)
  }
}

/** Print what each step took and which tests failed; the last line is the total. */
function summarize(outcomes) {
  console.log('\n── summary')
  for (const { name, seconds, passed, failed, skipped } of outcomes) {
    const counts = [`${passed} passed`, `${failed.length} failed`, ...(skipped ? [`${skipped} skipped`] : [])]
    console.log(`${failed.length ? '✗' : '✓'} ${name.padEnd(18)} ${seconds.toFixed(1).padStart(7)} s   ${counts.join(', ')}`)
    for (const test of failed) console.log(`    ✗ ${test}`)
  }
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0)
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed.length, 0)
  console.log(`${passed} passed, ${failed} failed`)
  return failed ? 1 : 0
}
