// A demo server of its own for tests: real Ray, its own state, and no process left behind.
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './deck'

export interface Options {
  /** The checkout whose server and deck are meant; its `.venv` and `dist` are used. */
  checkout?: string
  /** Its state, to come back as the same server; a new directory by default. */
  cache?: string
  port?: number
  flags?: string[]
  env?: Record<string, string>
}

interface Health {
  status: string
  reason: string | null
  share_url: string | null
}

interface Known {
  pid: number
  began: string
  command: string
}

/** A server is idle whose processes take less than this from the processor in that time. */
const IDLE_MS = 3000
const IDLE_CPU_S = 1

/** What takes longer hangs: a busy machine needs minutes to start Ray and convert the model. */
const HANG_S = 600

const PAIRING_CODE = 'browser-tests'

export class DemoServer {
  readonly url: string
  readonly pairing: string
  private readonly child: ChildProcess
  private readonly exited: Promise<void>
  private readonly log: string
  private family: Known[] = []

  private constructor(readonly port: number, readonly cache: string, { checkout = ROOT, flags = [], env = {} }: Options) {
    this.url = `http://localhost:${port}`
    this.pairing = `${this.url}/pair?code=${PAIRING_CODE}`
    this.log = join(cache, 'server.log')
    const log = openSync(this.log, 'a')
    this.child = spawn(
      join(checkout, '.venv', 'bin', 'python'),
      ['-m', 'demo_server', 'serve', '--port', String(port), '--stop-on-stdin-close', ...flags],
      {
        cwd: checkout,
        env: { ...process.env, DEMO_CACHE: cache, DEMO_PAIRING_CODE: PAIRING_CODE, ...env },
        stdio: ['pipe', log, log],
        detached: true, // Ctrl-C reaches the tests alone; they close its stdin
      },
    )
    closeSync(log)
    this.exited = new Promise((resolve) => { this.child.once('exit', () => { resolve() }) })
  }

  /** Starts a server and returns when it answers. */
  static async start(options: Options = {}): Promise<DemoServer> {
    const cache = options.cache ?? newCache()
    const server = new DemoServer(options.port ?? await freePort(), cache, options)
    await server.until('answers', async () => (await server.health()) !== null, 30)
    return server
  }

  get pid(): number {
    if (this.child.pid === undefined)
      throw new Error('the server did not start; is .venv there?')
    return this.child.pid
  }

  /** Returns when Ray is up and a driver connected. */
  async ready(): Promise<void> {
    await this.until('is ready', async () => (await this.health())?.status === 'ready', HANG_S)
  }

  /** Returns when it has nothing left to prepare: the workers stand ready, the model is converted. */
  async warm(): Promise<void> {
    await this.ready()
    let before = Infinity
    await this.until('is idle', async () => {
      await pause(IDLE_MS)
      const now = cpuSeconds(familyOf(this.pid))
      const spent = now - before
      before = now
      return spent >= 0 && spent <= IDLE_CPU_S
    }, HANG_S)
  }

  /** Ends it as a closed terminal does. Throws where a process of it is left. */
  async stop(): Promise<void> {
    this.family = familyOf(this.pid)
    this.child.stdin?.end()
    await this.gone()
  }

  /** Ends it as a crash does; what it had started is left to its successor. */
  async crash(): Promise<void> {
    this.family = familyOf(this.pid)
    this.child.kill('SIGKILL')
    await this.exited
  }

  /** What still lives of a server that crashed. */
  leftovers(): string[] {
    return alive(this.family).map(({ pid, command }) => `${pid} ${command}`)
  }

  forget(): void {
    rmSync(this.cache, { recursive: true, force: true })
  }

  async health(): Promise<Health | null> {
    try {
      const answer = await fetch(`${this.url}/api/health`, { signal: AbortSignal.timeout(2000) })
      return await answer.json() as Health
    }
    catch {
      return null // not listening yet
    }
  }

  private async gone(): Promise<void> {
    for (const deadline = Date.now() + 10_000; this.leftovers().length > 0;) {
      if (Date.now() > deadline)
        throw new Error(`the server left processes behind:\n${this.leftovers().join('\n')}`)
      await pause(100)
    }
    await this.exited
  }

  private async until(what: string, holds: () => Promise<boolean>, seconds: number): Promise<void> {
    for (const deadline = Date.now() + seconds * 1000; !await holds();) {
      if (this.child.exitCode !== null)
        throw new Error(`the server ended:\n${this.logTail}`)
      if (Date.now() > deadline)
        throw new Error(`after ${seconds} s it is not true that the server ${what}:\n${this.logTail}`)
      await pause(100)
    }
  }

  private get logTail(): string {
    return readFileSync(this.log, 'utf8').split('\n').slice(-20).join('\n')
  }
}

/** A new cache with what each server would else make first: the converted model, a measurement. */
function newCache(): string {
  const cache = mkdtempSync(join(tmpdir(), 'deck-'))
  execFileSync(join(ROOT, '.venv', 'bin', 'python'), ['-m', 'tests.support.prepared_cache', cache], { cwd: ROOT })
  return cache
}

/** All processes that live; a zombie has only its parent to be read by. */
function processes(): (Known & { parent: number })[] {
  const lines = execFileSync('ps', ['-axo', 'pid=,ppid=,state=,lstart=,command='], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).split('\n')
  return lines.flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\w+ +\w+ +\d+ [\d:]+ \d+)\s+(.*)$/.exec(line)
    if (!match || match[3]?.startsWith('Z'))
      return []
    return [{ pid: Number(match[1]), parent: Number(match[2]), began: match[4] ?? '', command: (match[5] ?? '').slice(0, 120) }]
  })
}

function alive(known: readonly Known[]): Known[] {
  return processes().filter(({ pid, began }) => known.some(one => one.pid === pid && one.began === began))
}

/** A process and all that came from it. */
export function familyOf(pid: number): Known[] {
  const all = processes()
  const members = new Set([pid])
  for (let size = 0; size < members.size;) {
    size = members.size
    all.filter(({ parent }) => members.has(parent)).forEach((child) => { members.add(child.pid) })
  }
  return all.filter(known => members.has(known.pid))
}

/** What these processes have had of the processor, in whole seconds each: `ps` says [[dd-]hh:]mm:ss. */
function cpuSeconds(family: readonly Known[]): number {
  const pids = family.map(({ pid }) => pid).join(',')
  const times = execFileSync('ps', ['-o', 'time=', '-p', pids], { encoding: 'utf8' }).trim().split('\n')
  return times
    .map(time => time.trim().split(/[-:]/).map(Number).reverse())
    .reduce((sum, [seconds = 0, minutes = 0, hours = 0, days = 0]) => sum + Math.floor(seconds) + 60 * (minutes + 60 * (hours + 24 * days)), 0)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => {
        if (address && typeof address === 'object')
          resolve(address.port)
        else
          reject(new Error('no port is free'))
      })
    })
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms) })
}
