// `node scripts/readme-commands.mjs`: what a newcomer does. The two commands, read from README.md,
// in a fresh clone in an empty directory, with system directories alone on PATH. Prints JSON.
//
//   --no-pip-settings   without this machine's pip configuration; on Linux without PyTorch's CPU
//                       index this downloads CUDA
//   --only start|test   one of the two
//   --keep              keep the clone

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { Failure } from './failure.mjs'
import { ROOT } from './paths.mjs'
import { end, endAll, launch, onStop } from './processes.mjs'

const OPENED_WITHIN_S = 300
const TESTED_WITHIN_S = 1800
const PORT = 8000

const OPTIONS = {
  'no-pip-settings': { type: 'boolean', default: false },
  only: { type: 'string' },
  keep: { type: 'boolean', default: false },
}

export async function main(args) {
  const { values } = parseArgs({ args, options: OPTIONS })
  const commands = readCommands()
  const home = mkdtempSync(join(tmpdir(), 'newcomer-'))
  const cleanUp = () => values.keep || rmSync(home, { recursive: true, force: true })
  onStop(async () => {
    await endAll()
    cleanUp()
    process.exit(130)
  })
  try {
    const clone = join(home, 'clone')
    execFileSync('git', ['clone', '--quiet', ROOT, clone])
    const env = environment(home, values['no-pip-settings'])
    const report = { commit: execFileSync('git', ['rev-parse', 'HEAD'], { cwd: clone, encoding: 'utf8' }).trim(), path: env.PATH, commands }
    if (values.only !== 'test') report.start = await tryStart(commands.start, clone, env)
    if (values.only !== 'start') report.test = await tryTest(commands.test, clone, env)
    report.ok = (report.start?.ok ?? true) && (report.test?.ok ?? true)
    console.log(JSON.stringify(report, null, 2))
    if (!report.ok) throw new Failure('A command of the README failed: see the report above.')
  } finally {
    cleanUp()
  }
}

/** The commands that stand alone in a `sh` block of the README. */
function readCommands() {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const blocks = [...readme.matchAll(/^```sh\n(.+)\n```$/gm)].map(([, line]) => line.trim())
  const find = (name) => {
    const command = blocks.find((line) => line === `npm ${name}`)
    if (!command) throw new Failure(`README.md has no sh block with \`npm ${name}\` alone in it: a newcomer would not know what to type.`)
    return command
  }
  return { start: find('start'), test: find('test') }
}

/** System directories, an empty home; nothing of ours but where Node and npm are. */
function environment(home, withoutPipSettings) {
  const empty = join(home, 'home')
  mkdirSync(empty)
  const system = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin']
  const kept = Object.entries(process.env).filter(([name]) => /^(LANG|LC_.*|TMPDIR|SSL_CERT_.*|(https?|no)_proxy)$/i.test(name))
  const pip = Object.entries(process.env).filter(([name]) => name.startsWith('PIP_'))
  return {
    ...Object.fromEntries(withoutPipSettings ? kept : [...kept, ...pip]),
    ...(withoutPipSettings ? { PIP_CONFIG_FILE: '/dev/null' } : {}),
    PATH: [...new Set([dirname(process.execPath), ...system])].join(':'),
    HOME: empty,
    CI: 'true',
  }
}

async function tryStart(command, clone, env) {
  const received = bytesReceived()
  const began = Date.now()
  const seconds = () => Number(((Date.now() - began) / 1000).toFixed(1))
  const child = launch('sh', ['-c', command], { cwd: clone, env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  const times = {}
  for (; child.exitCode === null && seconds() < OPENED_WITHIN_S && !times.opened; await pause(100)) {
    if (!times.health && (await get('/api/health'))) times.health = seconds()
    // The command prints the address once the deck is there.
    if (times.health && output.includes('Presenter') && (await get('/'))?.includes('<script')) times.opened = seconds()
  }
  const downloaded = bytesReceived() - received
  const stopped = Date.now()
  if (child.exitCode === null) await end(child.pid, 6000)
  return {
    ok: Boolean(times.opened),
    health_s: times.health ?? null,
    deck_open_s: times.opened ?? null,
    at_most_s: OPENED_WITHIN_S,
    stopped_s: (Date.now() - stopped) / 1000,
    downloaded_bytes: Number.isNaN(downloaded) ? null : downloaded,
    disk_bytes: Object.fromEntries(['.venv', 'node_modules', 'dist', '.git'].map((name) => [name, diskUsed(join(clone, name))])),
    printed: output.trim().split('\n'),
  }
}

async function tryTest(command, clone, env) {
  const began = Date.now()
  const child = launch('sh', ['-c', command], { cwd: clone, env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += text
      process.stderr.write(text)
    })
  }
  const code = await Promise.race([new Promise((resolve) => child.once('close', resolve)), pause(TESTED_WITHIN_S * 1000).then(() => 'timeout')])
  if (code === 'timeout') await end(child.pid)
  return { ok: code === 0, code, seconds: Math.round((Date.now() - began) / 1000), last_line: output.trim().split('\n').pop() }
}

async function get(path) {
  try {
    const answer = await fetch(`http://127.0.0.1:${PORT}${path}`, { signal: AbortSignal.timeout(2000) })
    return answer.ok ? await answer.text() : null
  } catch {
    return null // nothing listens yet
  }
}

/** Bytes this machine received over its network since it started; NaN where /proc is missing. */
function bytesReceived() {
  if (!existsSync('/proc/net/dev')) return NaN
  const lines = readFileSync('/proc/net/dev', 'utf8').split('\n').slice(2).map((line) => line.trim().split(/[:\s]+/))
  return lines.filter(([name]) => name && name !== 'lo').reduce((sum, [, received]) => sum + Number(received), 0)
}

function diskUsed(path) {
  if (!existsSync(path)) return 0
  return Number(execFileSync('du', ['-sk', path], { encoding: 'utf8' }).split('\t')[0]) * 1024
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
