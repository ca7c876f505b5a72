// However `npm start` is ended, nothing of it is left after 5 s, Ray included; and a second one
// opens the first's deck. For real: this checkout, its server and its Ray, with a state directory
// of the test's own.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Family } from '../../bench/support/processes.mjs'
import { VENV_PYTHON } from '../setup/paths.mjs'
import { freePort, REPOSITORY } from './checkout.mjs'

const READY_WITHIN_MS = 120_000
const GONE_WITHIN_MS = 5000

/** Run npm start, wait until Ray is ready, end it as `end` does, and expect nobody to be left. */
async function leavesNothing(command, end, meanwhile = async () => {}) {
  const cache = mkdtempSync(join(tmpdir(), 'ending-'))
  const port = await freePort()
  const npm = ['npm', 'start', '--', '--no-open', '--port', String(port)]
  const [program, ...args] = command(npm)
  const child = spawn(program, args, { cwd: REPOSITORY, env: { ...process.env, CI: 'true', DEMO_CACHE: cache }, detached: true })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  const family = new Family(child.pid)
  try {
    await until(() => output.includes('Ready'), READY_WITHIN_MS, () => `npm start was not ready:\n${output}`)
    const before = family.list().map((process) => process.command)
    assert.ok(before.some((line) => line.includes('raylet')), `Ray is part of what must end:\n${before.join('\n')}`)
    await meanwhile({ DEMO_CACHE: cache }, port)
    end(child)
    await until(() => family.list().length === 0, GONE_WITHIN_MS, () => `left behind:\n${family.list().map((process) => process.command).join('\n')}`)
  } finally {
    family.list().forEach(({ pid }) => process.kill(pid, 'SIGKILL'))
    family.close()
    rmSync(cache, { recursive: true, force: true })
  }
}

async function until(holds, withinMs, why) {
  for (const end = Date.now() + withinMs; !holds(); ) {
    if (Date.now() > end) assert.fail(why())
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** In a terminal: what comes on stdin is typed, and killing it closes the terminal. */
const inTerminal = (command) => [VENV_PYTHON, '-c', 'import pty, sys; pty.spawn(sys.argv[1:])', ...command]

test('Ctrl-C in a terminal', () => leavesNothing(inTerminal, (terminal) => terminal.stdin.write('\x03')))

test('the terminal is closed', () => leavesNothing(inTerminal, (terminal) => terminal.kill('SIGKILL')))

test('npm gets SIGTERM, after a second npm start has opened the running deck', () =>
  leavesNothing((command) => command, (npm) => npm.kill('SIGTERM'), opensTheRunningOne))

test('npm is killed', () => leavesNothing((command) => command, (npm) => npm.kill('SIGKILL')))

/** A second npm start reports the running one and pairs a browser with it. */
async function opensTheRunningOne(env, port) {
  const second = execFileSync('npm', ['start', '--', '--no-open'], { cwd: REPOSITORY, env: { ...process.env, CI: 'true', ...env }, encoding: 'utf8', stdio: 'pipe' })
  assert.match(second, new RegExp(`Already running: http://localhost:${port}`))
  const [pairing] = second.match(/http:\S+\/pair\?code=\S+/)
  const answer = await fetch(pairing.replace('localhost', '127.0.0.1'), { redirect: 'manual' })
  assert.equal(answer.status, 303)
  assert.match(answer.headers.get('set-cookie'), /HttpOnly/)
}
