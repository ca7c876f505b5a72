// Child processes: each leads a process group of its own, so that ending one ends all it started.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const groups = new Set()
let stopping = false

/**
 * Start a command in a process group of its own.
 * @returns {import('node:child_process').ChildProcess}
 */
export function launch(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options, detached: true })
  if (child.pid) {
    groups.add(child.pid)
    child.once('exit', () => groups.delete(child.pid))
  }
  return child
}

/**
 * Run a command to its end, line by line.
 * @param {(line: string) => void} [onLine] called for each line of stdout and stderr
 * @returns {Promise<{code: number, output: string}>} code -1 where it ended by a signal
 */
export function run(command, args, { onLine = () => {}, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = launch(command, args, options)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ''
      stream.setEncoding('utf8')
      stream.on('data', (text) => {
        output += text
        const lines = (rest + text).split(/\r?\n|\r/)
        rest = lines.pop()
        lines.forEach(onLine)
      })
    }
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, output }))
  })
}

/** End a process group: SIGTERM, then SIGKILL for what is left after `graceMs`. */
export async function end(pid, graceMs = 4000) {
  if (!signal(pid, 'SIGTERM')) return
  for (const until = Date.now() + graceMs; Date.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 25))
    if (!signal(pid, 0)) return
  }
  signal(pid, 'SIGKILL')
}

/** End every group that `launch` started. */
export async function endAll() {
  await Promise.all([...groups].map((pid) => end(pid)))
}

function signal(pid, name) {
  try {
    return process.kill(-pid, name)
  } catch (gone) {
    if (gone.code === 'ESRCH') return false
    if (gone.code === 'EPERM') return false; // macOS reports a group of zombies so
    throw gone
  }
}

/** Whether this command is ending. */
export function isStopping() {
  return stopping
}

/**
 * Call `stop` once, when this command should end: Ctrl-C, SIGTERM, a closed terminal, or an npm
 * that is gone (killed in a way that it could not pass on).
 */
export function onStop(stop) {
  const once = (why) => {
    if (stopping) return
    stopping = true
    stop(why)
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => once(name))
  // A closed terminal makes every write fail; nobody is left to read.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => once('SIGHUP'))
  }
  if (process.env.npm_lifecycle_event) {
    const parent = process.ppid
    const npm = parentOf(parent)
    const orphaned = () => process.ppid !== parent || parentOf(parent) !== npm
    setInterval(() => orphaned() && once('SIGHUP'), 250).unref()
  }
}

/** The parent of the shell that npm may put between itself and this command (where there is /proc). */
function parentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8').match(/^PPid:\s*(\d+)/m)?.[1] ?? null
  } catch (unknown) {
    if (['ENOENT', 'ESRCH'].includes(unknown.code)) return null
    throw unknown
  }
}
