// The Python server as this command's child, and the one that already runs.

import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { Failure, diskSentence } from './failure.mjs'
import { ROOT, SERVER_STATE, VENV_PYTHON } from './paths.mjs'
import { end, launch } from './processes.mjs'
import { readStamp } from './stamp.mjs'

const LOG = join(SERVER_STATE, 'server.log')

/**
 * The server that already runs for this checkout.
 * @returns {Promise<{url: string, pairing: string, audience: string | null} | null>}
 */
export async function findRunning() {
  const running = readStamp(join(SERVER_STATE, 'server.json'))
  if (!running?.port) return null
  const url = `http://localhost:${running.port}`
  try {
    const answer = await fetch(`http://127.0.0.1:${running.port}/api/pairing-codes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${running.secret}` },
      signal: AbortSignal.timeout(1000),
    })
    if (!answer.ok) return null; // another server on that port
    const { code } = await answer.json()
    const health = await (await fetch(`http://127.0.0.1:${running.port}/api/health`)).json()
    return { url, pairing: `${url}/pair?code=${code}`, audience: health.share_url }
  } catch {
    return null; // a file that a killed server left behind
  }
}

/** @throws {Failure} when another program listens there. */
export async function requireFreePort(port) {
  for (const host of ['127.0.0.1', '::1']) {
    const error = await new Promise((resolve) => {
      const probe = createServer()
      probe.once('error', resolve)
      probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(null)))
    })
    if (error?.code === 'EADDRINUSE') {
      throw new Failure(`Port ${port} is in use by another program: end that one, or choose another port, as in npm start -- --port ${port + 1}.`)
    }
    if (error?.code === 'EACCES') {
      throw new Failure(`Port ${port} is reserved for the system: choose one above 1023, as in npm start -- --port 8000.`)
    }
  }
}

export class Server {
  #code = randomBytes(16).toString('base64url')
  #ended = null

  /**
   * Start it; it ends by itself when this process is gone, because its stdin closes then.
   * @param {number} port
   * @param {string[]} [args]
   * @param {{env?: Record<string, string>, appendLog?: boolean}} [options] `appendLog` keeps the log
   *   of its predecessor
   */
  constructor(port, args = [], { env = {}, appendLog = false } = {}) {
    this.port = port
    this.url = `http://localhost:${port}`
    this.pairing = `${this.url}/pair?code=${this.#code}`
    mkdirSync(SERVER_STATE, { recursive: true })
    const log = openSync(LOG, appendLog ? 'a' : 'w')
    this.child = launch(
      VENV_PYTHON,
      ['-m', 'demo_server', 'serve', '--port', String(port), '--stop-on-stdin-close', ...args],
      { cwd: ROOT, env: { ...process.env, ...env, DEMO_PAIRING_CODE: this.#code }, stdio: ['pipe', log, log] },
    )
    closeSync(log)
    this.child.stdin.on('error', () => {}); // it has ended: see `exited`
    /** Resolves with its exit code. */
    this.exited = new Promise((resolve) => {
      this.child.once('error', () => resolve((this.#ended = 127)))
      this.child.once('exit', (code) => resolve((this.#ended = code ?? 1)))
    })
  }

  /** The answer of `GET /api/health`; null while there is none. */
  async health() {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.port}/api/health`, { signal: AbortSignal.timeout(2000) })
      return answer.ok ? await answer.json() : null
    } catch {
      return null; // not listening yet, or busy
    }
  }

  /** Wait until it answers; false where it ended before. */
  async answers(withinMs = 60_000) {
    for (const until = Date.now() + withinMs; Date.now() < until; ) {
      if (this.#ended !== null) return false
      if (await this.health()) return true
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    throw new Failure(`The server does not answer after ${withinMs / 1000} s: run the command again; its log is ${relative(ROOT, LOG)}.`)
  }

  /** Why it ended, as one sentence from its log. */
  get exitReason() {
    const log = readFileSync(LOG, 'utf8')
    const last = log.trim().split('\n').pop() || 'its log is empty'
    return diskSentence(last) ?? `The server stopped: ${last.replace(/[.:]$/, '')} (log: ${relative(ROOT, LOG)}).`
  }

  async stop() {
    this.child.stdin.end()
    if (this.child.pid) await end(this.child.pid)
  }
}
