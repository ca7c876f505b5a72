// The processes that come from one, also those whose parents have died.

import { execFileSync } from 'node:child_process'

// A listing costs some 20 ms of a core, and what is born between two of them shares a known session.
const POLL_MS = 2000

/** Remembers all that it ever saw below a process, by parent and by session. */
export class Family {
  #known = new Map()
  #timer

  constructor(pid) {
    this.root = pid
    this.list()
    this.#timer = setInterval(() => this.list(), POLL_MS)
  }

  /** @returns {{pid: number, command: string}[]} those of the family that live now */
  list() {
    const all = processes()
    const sessions = new Set([this.root, ...[...this.#known.values()].map(({ session }) => session)])
    const isOurs = ({ pid, parent, session }) => pid === this.root || this.#known.has(parent) || (session && sessions.has(session))
    for (let size = -1; size < this.#known.size; ) {
      size = this.#known.size
      for (const other of all.filter(isOurs)) {
        this.#known.set(other.pid, other)
        sessions.add(other.session)
      }
    }
    return all.filter(({ pid, began }) => this.#known.get(pid)?.began === began)
  }

  close() {
    clearInterval(this.#timer)
  }
}

/** All processes that live; a zombie has only its parent to be read by. */
function processes() {
  const columns = 'pid=,ppid=,sess=,stat=,lstart=,command='
  const lines = execFileSync('ps', ['-axww', '-o', columns], { encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\n')
  return lines.flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\w+)\s+(\S+)\s+(\w+ +\w+ +\d+ [\d:]+ \d+)\s+(.*)$/.exec(line)
    if (!match || match[4].startsWith('Z')) return []
    const [, pid, parent, session, , began, command] = match
    // macOS tells no sessions: 0.
    return [{ pid: Number(pid), parent: Number(parent), session: Number(session) || 0, began, command }]
  })
}
