import { beforeEach, describe, expect, it } from 'vitest'
import { Connection } from './connection'
import type { FromClient, FromServer, RunEvent, RunInfo, WelcomeFrame } from '../protocol/generated'
import { CloseCode } from '../protocol/generated'
import { StartError } from './starts'
import type { Environment, Socket } from './transport'

class FakeSocket implements Socket {
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  closed = false
  readonly sent: FromClient[] = []

  send(text: string) { this.sent.push(JSON.parse(text) as FromClient) }
  close() { this.closed = true }
  receives(frame: FromServer) { this.onmessage?.({ data: JSON.stringify(frame) }) }
}

/** Time stands still but for `pass`. */
class World implements Environment {
  time = 1_000_000
  sockets: FakeSocket[] = []
  private timers: { at: number, then: () => void }[] = []

  open = () => {
    const socket = new FakeSocket()
    this.sockets.push(socket)
    return socket
  }

  now = () => this.time
  random = () => 1
  after = (ms: number, then: () => void) => {
    const timer = { at: this.time + ms, then }
    this.timers.push(timer)
    return () => { this.timers = this.timers.filter(other => other !== timer) }
  }

  pass(ms: number) {
    const end = this.time + ms
    for (;;) {
      const due = this.timers.filter(timer => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!due)
        break
      this.timers = this.timers.filter(timer => timer !== due)
      this.time = Math.max(this.time, due.at)
      due.then()
    }
    this.time = end
  }

  /** Time goes by, but nothing is done in it: the machine sleeps. */
  sleep(ms: number) {
    this.time += ms
  }

  get socket(): FakeSocket {
    const last = this.sockets.at(-1)
    if (!last)
      throw new Error('no socket was opened')
    return last
  }
}

const embed: RunInfo = { run_id: 'r1', experiment: 'embed', params: {}, status: 'running', seq: 0, started_at: 5 }

const welcome = (change: Partial<WelcomeFrame> = {}): WelcomeFrame => ({
  type: 'welcome', epoch: 'e1', role: 'presenter', status: 'ready', experiments: [], runs: [embed], channels: {}, recorded: false, ...change,
})

const progress = (seq: number): RunEvent => ({ seq, t: seq * 10, kind: 'progress', data: { rows: seq, operators: [] } })
const events = (...seqs: number[]): FromServer => ({ type: 'events', run_id: 'r1', events: seqs.map(progress) })

let world: World
let connection: Connection
let changes: number

beforeEach(() => {
  world = new World()
  changes = 0
  connection = new Connection(world, () => { changes += 1 })
  connection.connect()
})

function open(change: Partial<WelcomeFrame> = {}) {
  world.socket.onopen?.()
  world.socket.receives(welcome(change))
}

function lose(code = 1006) {
  world.socket.onclose?.({ code })
}

const sent = (type: FromClient['type']) => world.socket.sent.filter(frame => frame.type === type)

describe('hello and welcome', () => {
  it('says hello first, and is open only once it is welcomed', () => {
    world.socket.onopen?.()
    expect(world.socket.sent).toEqual([{ type: 'hello' }])
    expect(connection.view.link).toBe('connecting')
    world.socket.receives(welcome())
    expect(connection.view).toMatchObject({ link: 'open', role: 'presenter', runs: [embed] })
  })

  it('is never open without its role: a window that leads would take itself for a viewer’s', () => {
    const roles: string[] = []
    const watched = new Connection(world, () => {
      if (watched.view.link === 'open')
        roles.push(watched.view.role)
    })
    watched.connect()
    world.socket.onopen?.()
    world.socket.receives(welcome())
    expect(roles[0]).toBe('presenter')
  })

  it('says after a reconnect what it has', () => {
    open()
    connection.watch('r1')
    world.socket.receives(events(1, 2, 3))
    lose()
    world.pass(250)
    world.socket.onopen?.()
    expect(world.socket.sent).toEqual([{ type: 'hello', have: { epoch: 'e1', runs: { r1: 3 } } }])
  })

  it('watches at the welcome what was asked for before it', () => {
    connection.watch('r1')
    open()
    expect(sent('watch')).toEqual([{ type: 'watch', run_id: 'r1', after: 0 }])
  })

  it('goes on from there when the epoch is the same', () => {
    open()
    connection.watch('r1')
    world.socket.receives(events(1, 2))
    lose()
    world.pass(250)
    open()
    expect(sent('watch')).toEqual([])
    world.socket.receives(events(3))
    expect(connection.view.states['r1']?.seq).toBe(3)
  })

  it('forgets everything in another epoch, where the hello is the watch, and takes the snapshot', () => {
    open()
    connection.watch('r1')
    world.socket.receives(events(1, 2))
    lose(CloseCode.SERVER_RESTARTING)
    world.pass(250)
    open({ epoch: 'e2' })
    expect(connection.view.states).toEqual({})
    expect(sent('watch')).toEqual([])
    world.socket.receives({ type: 'snapshot', run_id: 'r1', seq: 1, state: { seq: 1, t: 0, stages: {} } })
    expect(connection.view.states['r1']?.seq).toBe(1)
  })
})

describe('a stream', () => {
  beforeEach(() => {
    open()
    connection.watch('r1')
  })

  it('is asked for from the start, once for several watchers', () => {
    connection.watch('r1')
    expect(sent('watch')).toEqual([{ type: 'watch', run_id: 'r1', after: 0 }])
  })

  it('ignores what it already has', () => {
    world.socket.receives(events(1, 2))
    world.socket.receives(events(1, 2, 3))
    expect(connection.view.states['r1']?.stages['']?.points.map(point => point.rows)).toEqual([1, 2, 3])
  })

  it('asks once about a gap and goes on when it is filled', () => {
    world.socket.receives(events(1))
    world.socket.receives(events(3))
    world.socket.receives(events(4))
    expect(sent('watch')).toEqual([{ type: 'watch', run_id: 'r1', after: 0 }, { type: 'watch', run_id: 'r1', after: 1 }])
    world.socket.receives(events(2, 3, 4))
    expect(connection.view.states['r1']?.seq).toBe(4)
  })

  it('learns of a gap at the end from the beat', () => {
    world.socket.receives(events(1))
    world.socket.receives({ type: 'beat', epoch: 'e1', runs: { r1: 2 } })
    world.socket.receives({ type: 'beat', epoch: 'e1', runs: { r1: 2 } })
    expect(sent('watch')).toHaveLength(2)
  })

  it('takes a snapshot that is ahead and goes on after it', () => {
    world.socket.receives({ type: 'snapshot', run_id: 'r1', seq: 7, state: { seq: 7, t: 70, stages: {} } })
    world.socket.receives(events(8))
    expect(connection.view.states['r1']?.seq).toBe(8)
  })

  it('ignores a snapshot that is behind', () => {
    world.socket.receives(events(1, 2))
    world.socket.receives({ type: 'snapshot', run_id: 'r1', seq: 1, state: { seq: 1, t: 0, stages: {} } })
    expect(connection.view.states['r1']?.seq).toBe(2)
  })

  it('keeps the list of runs up to date with each status', () => {
    world.socket.receives({ type: 'events', run_id: 'r1', events: [{ seq: 1, t: 0, kind: 'status', data: { status: 'succeeded' } }] })
    expect(connection.view.runs[0]?.status).toBe('succeeded')
  })

  it('goes on while somebody else watches', () => {
    const stop = connection.watch('r1')
    world.socket.receives(events(1))
    stop()
    expect(sent('unwatch')).toEqual([])
    expect(connection.view.states['r1']?.seq).toBe(1)
  })

  it('is given up, state and all, by the last watcher', () => {
    const stop = connection.watch('r2')
    world.socket.receives({ type: 'events', run_id: 'r2', events: [progress(1)] })
    stop()
    expect(sent('unwatch')).toEqual([{ type: 'unwatch', run_id: 'r2' }])
    expect(connection.view.states['r2']).toBeUndefined()
  })
})

describe('losing the link', () => {
  it('comes back with doubling pauses up to ten seconds and says offline while there never was a server', () => {
    const pauses: number[] = []
    for (let i = 0; i < 8; i++) {
      lose()
      const before = world.sockets.length
      const since = world.time
      while (world.sockets.length === before)
        world.pass(50)
      pauses.push(world.time - since)
    }
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
    expect(connection.view.link).toBe('offline')
  })

  it('says reconnecting after it was open, and starts again with short pauses', () => {
    open()
    lose()
    expect(connection.view.link).toBe('reconnecting')
    world.pass(250)
    open()
    expect(connection.view.link).toBe('open')
    lose()
    world.pass(250)
    expect(world.sockets).toHaveLength(3)
  })

  it('tries at once when nudged', () => {
    open()
    lose()
    connection.nudge()
    expect(world.sockets).toHaveLength(2)
    world.pass(250)
    expect(world.sockets).toHaveLength(2)
  })

  it('is not disturbed by a nudge while frames arrive', () => {
    open()
    connection.nudge()
    expect(world.sockets).toHaveLength(1)
  })

  it('gives up a socket on which nothing arrives', () => {
    open()
    const silent = world.socket
    world.pass(5900)
    expect(connection.view.link).toBe('open')
    world.pass(200)
    expect(silent.closed).toBe(true)
    expect(connection.view.link).toBe('reconnecting')
  })

  it('stays while beats arrive', () => {
    open()
    for (let i = 0; i < 40; i++) {
      world.pass(500)
      world.socket.receives({ type: 'beat', epoch: 'e1', runs: {} })
    }
    expect(world.sockets).toHaveLength(1)
  })

  it('leaves a socket on which something other than frames arrives', () => {
    world.socket.onopen?.()
    world.socket.onmessage?.({ data: '<html>' })
    expect(world.socket.closed).toBe(true)
  })
})

describe('coming back', () => {
  it('tells a restarted server from one that was only out of reach', () => {
    open()
    lose()
    world.pass(250)
    open()
    expect(connection.view.restarts).toBe(0)
    lose()
    world.pass(250)
    open({ epoch: 'e2' })
    expect(connection.view.restarts).toBe(1)
  })

  it('connects at once, without a pause, when nudged after a sleep', () => {
    open()
    const asleep = world.socket
    world.sleep(60_000)
    connection.nudge()
    expect(asleep.closed).toBe(true)
    expect(world.sockets).toHaveLength(2)
    expect(connection.view.link).toBe('reconnecting')
    open()
    expect(connection.view.link).toBe('open')
  })

  it('opens another socket when nudged while one opens for too long', () => {
    open()
    lose()
    world.pass(250)
    world.sleep(60_000)
    connection.nudge()
    expect(world.sockets).toHaveLength(3)
    world.socket.onopen?.()
    expect(sent('hello')).toHaveLength(1)
  })

  it('leaves a socket alone that has only just begun to open', () => {
    lose()
    connection.nudge()
    connection.nudge()
    expect(world.sockets).toHaveLength(2)
  })

  it('keeps one timer for silence, however often it was nudged', () => {
    open()
    for (let i = 0; i < 3; i++) {
      world.sleep(3000)
      connection.nudge()
    }
    open()
    for (let i = 0; i < 40; i++) {
      world.pass(500)
      world.socket.receives({ type: 'beat', epoch: 'e1', runs: {} })
    }
    expect(world.sockets).toHaveLength(4)
  })

  it('spreads a hall of clients over half to all of the pause', () => {
    for (const [random, least] of [[0, 125], [0.5, 187.5], [1, 250]] as const) {
      world = new World()
      world.random = () => random
      connection = new Connection(world, () => undefined)
      connection.connect()
      lose()
      world.pass(least - 1)
      expect(world.sockets).toHaveLength(1)
      world.pass(1)
      expect(world.sockets).toHaveLength(2)
    }
  })

  it('comes back soon after it was closed as too slow, however often', () => {
    for (let i = 0; i < 5; i++) {
      lose(CloseCode.TOO_SLOW)
      world.pass(250)
    }
    expect(world.sockets).toHaveLength(6)
  })
})

describe('starting', () => {
  it('gives the id of the run that was accepted', async () => {
    open()
    const answer = connection.start('embed', { rows: 5 })
    const [frame] = sent('start')
    expect(frame).toMatchObject({ experiment: 'embed', params: { rows: 5 } })
    if (frame?.type === 'start')
      world.socket.receives({ type: 'accepted', request_id: frame.request_id, run_id: 'r2' })
    await expect(answer).resolves.toBe('r2')
    expect(connection.view.runs.map(run => run.run_id)).toContain('r2')
  })

  it('is sent again after a reconnect, with the same request id', () => {
    open()
    void connection.start('embed', {})
    const [first] = sent('start')
    lose()
    world.pass(250)
    open()
    expect(sent('start')).toEqual([first])
  })

  it('waits for the welcome', () => {
    void connection.start('embed', {})
    expect(world.socket.sent).toEqual([])
    open()
    expect(sent('start')).toHaveLength(1)
  })

  it('is refused with the field and what would work', async () => {
    open()
    const answer = connection.start('embed', {})
    const [frame] = sent('start')
    if (frame?.type === 'start')
      world.socket.receives({ type: 'error', code: 'infeasible', message: '2 x 1 + 1 > 2 CPUs', request_id: frame.request_id, field: 'concurrency', feasible: { concurrency: 1 } })
    await expect(answer).rejects.toMatchObject({ message: '2 x 1 + 1 > 2 CPUs', field: 'concurrency', feasible: { concurrency: 1 } })
    expect(connection.view.error).toBeNull()
  })

  it('ends with an error when nobody answers', async () => {
    open()
    const answer = connection.start('embed', {})
    world.pass(20_000)
    await expect(answer).rejects.toBeInstanceOf(StartError)
    lose()
    connection.nudge()
    open()
    expect(sent('start')).toEqual([])
  })
})

describe('shared channels', () => {
  it('changes here at once and tells the server', () => {
    open({ channels: { poll: { a: { results: { ann: 1 } } } } })
    connection.publish('poll', { a: { results: { bob: 2 } } })
    expect(connection.view.channels['poll']).toEqual({ a: { results: { ann: 1, bob: 2 } } })
    expect(sent('publish')).toEqual([{ type: 'publish', channel: 'poll', patch: { a: { results: { bob: 2 } } } }])
  })

  it('sends after a reconnect, as one patch, what changed meanwhile', () => {
    open()
    lose()
    connection.publish('deck', { page: 3 })
    connection.publish('deck', { page: 4, clicks: 1 })
    world.pass(250)
    open({ channels: { deck: { page: 2 } } })
    expect(sent('publish')).toEqual([{ type: 'publish', channel: 'deck', patch: { page: 4, clicks: 1 } }])
    expect(connection.view.channels['deck']).toEqual({ page: 4, clicks: 1 })
  })

  it('tells a restarted server what it no longer knows, as presenter', () => {
    open({ channels: { deck: { page: 2 } } })
    lose()
    world.pass(250)
    open({ epoch: 'e2' })
    expect(sent('publish')).toEqual([{ type: 'publish', channel: 'deck', patch: { page: 2 } }])
  })

  it('takes a restarted server at its word, as viewer', () => {
    open({ role: 'viewer', channels: { deck: { page: 2 } } })
    lose()
    world.pass(250)
    open({ role: 'viewer', epoch: 'e2' })
    expect(sent('publish')).toEqual([])
    expect(connection.view.channels).toEqual({})
  })

  it('follows what others publish', () => {
    open()
    world.socket.receives({ type: 'state', channel: 'deck', patch: { page: 9 } })
    expect(connection.view.channels['deck']).toEqual({ page: 9 })
  })
})

it('says that something changed each time, for a store to gather', () => {
  open()
  const before = changes
  connection.watch('r1')
  world.socket.receives(events(1))
  expect(changes).toBeGreaterThan(before)
})
