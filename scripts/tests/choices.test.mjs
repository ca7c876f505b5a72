// What the set-up decides, without installing anything.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { opener } from '../setup/browser.mjs'
import { requireDiskSpace } from '../setup/disk-space.mjs'
import { findInterpreter, reasonAgainst, requirePlatform } from '../setup/interpreter.mjs'
import { readReport, slowest } from '../setup/junit.mjs'
import { upgradeOptions } from '../setup/lock-files.mjs'
import { parseOptions } from '../setup/options.mjs'
import { suiteOptions } from '../setup/suite.mjs'
import { chooseTorch } from '../setup/torch.mjs'
import { stub, temporary } from './checkout.mjs'

const suitable = {
  version: [3, 13, 0],
  machine: process.arch === 'arm64' ? 'arm64' : 'x86_64',
  bits: 64,
  musl: false,
  glibc: '2.36',
  free_threaded: false,
  pypy: false,
  venv: true,
}

test('an interpreter that fails, like the shim of a version manager, is passed over', async () => {
  const { directory } = stub('python3.11', { prints: 'python3.11: command not found', code: 127 })
  stub('python3.12', { prints: JSON.stringify({ ...suitable, version: [3, 12, 4] }), directory })
  const found = await findInterpreter({ PATH: directory, HOME: directory })
  assert.deepEqual(found, { path: join(directory, 'python3.12'), version: '3.12.4' })
})

test('an old python3 first on PATH does not hide a suitable one further on', async () => {
  const first = stub('python3', { prints: JSON.stringify({ ...suitable, version: [3, 9, 2] }) })
  const second = stub('python3', { prints: JSON.stringify(suitable) })
  const found = await findInterpreter({ PATH: `${first.directory}:${second.directory}`, HOME: first.directory })
  assert.equal(found.path, second.path)
})

for (const [what, answer, reason] of [
  ['Python 3.10', { version: [3, 10, 9] }, /too old/],
  ['Python 3.15', { version: [3, 15, 0] }, /too new/],
  ['PyPy', { pypy: true }, /not CPython/],
  ['a free-threaded build', { free_threaded: true }, /free-threaded/],
  ['32 bits', { bits: 32 }, /32-bit/],
  ['musl', { musl: true }, /musl/],
  ['an old glibc', { glibc: '2.17' }, /glibc 2\.17/],
  ['an unknown processor', { machine: 'riscv64' }, /riscv64|Intel/],
]) {
  test(`${what} is refused with its reason`, () => assert.match(reasonAgainst({ ...suitable, ...answer }), reason))
}

test('a suitable interpreter is not refused', () => assert.equal(reasonAgainst(suitable), null))

for (const [platform, arch, kernel, remedy] of [
  ['win32', 'x64', '10.0', /WSL/],
  ['darwin', 'x64', '24.0', /Apple Silicon/],
  ['darwin', 'arm64', '22.6', /macOS 14/],
  ['freebsd', 'x64', '14.0', /use Linux/],
]) {
  test(`${platform} on ${arch} with kernel ${kernel} is refused with what to use instead`, () => {
    assert.throws(() => requirePlatform({ platform, arch, kernel }), remedy)
  })
}

const torch = (situation) => chooseTorch({ env: {}, platform: 'linux', gpu: () => false, answers: async () => true, ...situation })

test('PyTorch is the CUDA build where there is an NVIDIA GPU', async () => {
  assert.equal((await torch({ gpu: () => true })).kind, 'cuda')
})

test("PyTorch comes from PyTorch's CPU index where there is no GPU", async () => {
  assert.equal((await torch({})).kind, 'cpu')
})

test('PyTorch is the plain build where its CPU index does not answer, with that as the reason', async () => {
  const { kind, why, bytes } = await torch({ answers: async () => false })
  assert.equal(kind, 'plain')
  assert.match(why, /does not answer/)
  assert.ok(bytes > (await torch({})).bytes, 'it may bring CUDA, which needs room')
})

test('PyTorch is the plain build on a Mac', async () => {
  assert.equal((await torch({ platform: 'darwin' })).kind, 'plain')
})

test('DEMO_TORCH decides, and a wrong one is refused with the choices', async () => {
  assert.equal((await torch({ env: { DEMO_TORCH: 'plain' } })).kind, 'plain')
  await assert.rejects(torch({ env: { DEMO_TORCH: 'rocm' } }), /cuda, cpu, plain/)
})

test('a disk without room is refused with what is left and what is needed', () => {
  assert.throws(() => requireDiskSpace(tmpdir(), 1e18, 'the Python packages'), /left, and the Python packages need about 1000000000\.0 GB/)
})

test('no browser is opened in CI or without a display', () => {
  const { directory } = stub('xdg-open')
  assert.equal(opener({ CI: 'true', DISPLAY: ':0', PATH: directory }, 'linux'), null)
  assert.equal(opener({ PATH: directory }, 'linux'), null)
  assert.equal(opener({ DISPLAY: ':0', PATH: directory }, 'linux'), 'xdg-open')
  assert.equal(opener({}, 'darwin'), 'open')
})

test('a JUnit report is counted, with failures by name and how long each test took', () => {
  const report = join(temporary(), 'report.xml')
  writeFileSync(
    report,
    `<testsuites><testsuite name="a"><testcase name="passes" classname="t.a" time="1.5"/>
    <testcase name="says &lt;why&gt;" classname="t.a"><failure message="m">text</failure></testcase>
    <testcase name="left out" time="0.25"><skipped/></testcase></testsuite></testsuites>`,
  )
  const tests = [{ name: 't.a: passes', seconds: 1.5 }, { name: 't.a: says <why>', seconds: 0 }, { name: 'left out', seconds: 0.25 }]
  assert.deepEqual(readReport(report), { passed: 1, failed: ['t.a: says <why>'], skipped: 1, tests })
  assert.equal(readReport(`${report}.absent`), null)
})

test('the slowest tests are found over all steps', () => {
  const outcomes = [
    { name: 'mypy', tests: [] },
    { name: 'vitest', tests: [{ name: 'folds', seconds: 0.1 }, { name: 'draws', seconds: 3 }] },
    { name: 'pytest', tests: [{ name: 'embeds', seconds: 40 }] },
  ]
  assert.deepEqual(slowest(outcomes, 2), [{ step: 'pytest', name: 'embeds', seconds: 40 }, { step: 'vitest', name: 'draws', seconds: 3 }])
})

test('npm test takes --durations and refuses other options with what to do instead', () => {
  assert.deepEqual(suiteOptions([], {}), { durations: false })
  assert.deepEqual(suiteOptions(['--durations'], {}), { durations: true })
  assert.throws(() => suiteOptions(['--durations', '-k'], {}), /not -k: .*npm run test:py/)
  assert.throws(() => suiteOptions([], { npm_config_durations: 'true' }), /npm test -- --durations/)
})

test('--share and --public-url go on to the server, and what npm swallowed is refused', () => {
  assert.deepEqual(parseOptions([], {}).forServer, [])
  assert.deepEqual(parseOptions(['--share'], {}).forServer, ['--share'])
  const tunnel = parseOptions(['--public-url', 'https://talk.example.org'], {})
  assert.deepEqual(tunnel.forServer, ['--public-url', 'https://talk.example.org'])
  assert.ok(tunnel.share, 'the address is printed')
  assert.throws(() => parseOptions([], { npm_config_share: 'true' }), /npm start -- --share/)
  assert.throws(() => parseOptions([], { npm_config_public_url: 'x' }), /npm start -- --public-url/)
})

test('the lock keeps its versions unless an upgrade is asked for, of everything or of some packages', () => {
  assert.deepEqual(upgradeOptions([]), [])
  assert.deepEqual(upgradeOptions(['--upgrade']), ['--upgrade'])
  assert.deepEqual(upgradeOptions(['--upgrade', 'certifi', 'idna']), ['--upgrade-package', 'certifi', '--upgrade-package', 'idna'])
  assert.throws(() => upgradeOptions(['certifi']), /--upgrade \[PACKAGE/)
  assert.throws(() => upgradeOptions(['--upgrade', '--all']), /not --upgrade --all/)
})
