// The client's side of the protocol, without a browser: what it knows is one immutable view.
import { apply, emptyRun } from '../state/fold'
import type { JsonObject } from '../protocol/merge'
import { difference, merge } from '../protocol/merge'
import type {
  AcceptedFrame,
  FromClient,
  FromServer,
  RunEvent,
  RunInfo,
  RunState,
  ServerFrame,
  SnapshotFrame,
  StartFrame,
  WelcomeFrame,
} from '../protocol/generated'
import { Starts } from './starts'
import type { Environment } from './transport'
import { Transport } from './transport'
import type { View } from './view'
import { UNCONNECTED } from './view'
import { Watches } from './watches'

export class Connection {
  view = UNCONNECTED

  private epoch: string | undefined
  private readonly transport: Transport
  private readonly watches = new Watches((runId) => {
    this.sendIfOpen({ type: 'watch', run_id: runId, after: this.seqOf(runId) })
  })

  private readonly starts: Starts
  private unsent: Record<string, JsonObject[]> = {}

  /**
   * @param unsentPatch receives what is published while there is no server to pass it on.
   */
  constructor(
    private readonly environment: Environment,
    private readonly changed: () => void,
    private readonly unsentPatch: (channel: string, patch: JsonObject) => void = () => undefined,
  ) {
    this.starts = new Starts(environment.after)
    this.transport = new Transport(environment, {
      opened: () => { this.hello() },
      received: (frame) => { this.receive(frame) },
      // The welcome reports that it is open: role and shared state are then known.
      changed: (link) => {
        if (link !== 'open')
          this.update({ link })
      },
    })
  }

  get lastFrameAt(): number {
    return this.transport.lastFrameAt
  }

  connect(): void {
    this.transport.connect()
  }

  /** Without any server: whoever opens the deck is its presenter. */
  standAlone(): void {
    this.update({ link: 'offline', role: 'presenter' })
  }

  nudge(): void {
    this.transport.nudge()
  }

  close(): void {
    this.transport.close()
  }

  /** Takes a run's events until the returned function is called. */
  watch(runId: string): () => void {
    this.watches.add(runId)
    return () => { this.unwatch(runId) }
  }

  /**
   * Starts a run, also across a reconnect, and gives its id.
   * @throws StartError with the server's reason, the parameter at fault and what would work.
   */
  start(experiment: string, params: JsonObject): Promise<string> {
    const frame: StartFrame = { type: 'start', request_id: this.newId(), experiment, params }
    const answer = this.starts.wait(frame)
    this.sendIfOpen(frame)
    return answer
  }

  cancel(runId: string): void {
    this.sendIfOpen({ type: 'cancel', run_id: runId })
  }

  act(runId: string, action: string, args: JsonObject = {}): void {
    this.sendIfOpen({ type: 'act', run_id: runId, action, args })
  }

  /** Changes a shared channel here at once and for everyone as soon as the link is open. */
  publish(channel: string, patch: JsonObject): void {
    this.setChannel(channel, merge(this.view.channels[channel] ?? {}, patch))
    if (this.view.link === 'open') {
      this.transport.send({ type: 'publish', channel, patch })
      return
    }
    (this.unsent[channel] ??= []).push(patch)
    this.unsentPatch(channel, patch)
  }

  /** Takes what another window of this browser has published past the server. */
  mergeShared(channel: string, patch: JsonObject): void {
    this.setChannel(channel, merge(this.view.channels[channel] ?? {}, patch))
  }

  private hello(): void {
    if (this.epoch === undefined) {
      this.transport.send({ type: 'hello' })
      return
    }
    const runs = Object.fromEntries(this.watches.runIds.map(runId => [runId, this.seqOf(runId)]))
    this.watches.greet()
    this.transport.send({ type: 'hello', have: { epoch: this.epoch, runs } })
  }

  private receive(frame: FromServer): void {
    switch (frame.type) {
      case 'welcome':
        this.welcome(frame)
        break
      case 'server':
        this.update(serverOf(frame))
        break
      case 'accepted':
        this.accepted(frame)
        break
      case 'run':
        this.addRun(frame.run)
        break
      case 'events':
        this.applyEvents(frame.run_id, frame.events)
        break
      case 'snapshot':
        this.takeSnapshot(frame)
        break
      case 'state':
        this.setChannel(frame.channel, merge(this.view.channels[frame.channel] ?? {}, frame.patch))
        break
      case 'beat':
        for (const [runId, seq] of Object.entries(frame.runs)) {
          if (seq > this.seqOf(runId))
            this.watches.askAgain(runId)
        }
        break
      case 'error':
        if (!this.starts.refuse(frame))
          this.update({ error: frame })
        break
    }
  }

  private welcome(frame: WelcomeFrame): void {
    const restarted = this.epoch !== undefined && this.epoch !== frame.epoch
    const known = this.epoch === frame.epoch
    const mine = this.view.channels
    const listed = new Set(frame.runs.map(run => run.run_id))
    this.epoch = frame.epoch
    this.update({
      link: 'open',
      role: frame.role,
      recorded: frame.recorded,
      ...serverOf(frame),
      runs: inOrder(frame.runs),
      states: known ? Object.fromEntries(Object.entries(this.view.states).filter(([runId]) => listed.has(runId))) : {},
      channels: frame.channels,
      error: null,
      restarts: this.view.restarts + (restarted ? 1 : 0),
    })
    this.watches.welcome()
    for (const start of this.starts.frames)
      this.sendIfOpen(start)
    const patches = Object.entries(this.unsent)
    this.unsent = {}
    for (const [channel, missed] of patches)
      this.publishDifference(channel, missed)
    if (restarted && frame.role === 'presenter') {
      for (const [channel, state] of Object.entries(mine))
        this.publishDifference(channel, [state])
    }
  }

  private publishDifference(channel: string, patches: readonly JsonObject[]): void {
    const theirs = this.view.channels[channel] ?? {}
    const patch = difference(theirs, patches.reduce(merge, theirs))
    if (patch)
      this.publish(channel, patch)
  }

  private accepted({ request_id: requestId, run_id: runId }: AcceptedFrame): void {
    const start = this.starts.accept(requestId, runId)
    if (start && !this.view.runs.some(run => run.run_id === runId)) {
      const { experiment, params = {} } = start
      this.addRun({ run_id: runId, experiment, params, status: 'queued', seq: 0, started_at: this.environment.now() / 1000 })
    }
  }

  private addRun(run: RunInfo): void {
    this.update({ runs: inOrder([...this.view.runs.filter(known => known.run_id !== run.run_id), run]) })
  }

  private applyEvents(runId: string, events: readonly RunEvent[]): void {
    let state = this.view.states[runId] ?? emptyRun()
    const before = state
    for (const event of events) {
      if (event.seq > state.seq + 1) {
        this.watches.askAgain(runId)
        break
      }
      if (event.seq === state.seq + 1)
        state = apply(state, event)
    }
    if (state !== before)
      this.setState(runId, state)
  }

  private takeSnapshot({ run_id: runId, seq, state }: SnapshotFrame): void {
    if (seq >= this.seqOf(runId))
      this.setState(runId, state)
  }

  private setState(runId: string, state: RunState): void {
    this.watches.answered(runId)
    const status = state.status?.status
    const runs = this.view.runs.map(run => run.run_id === runId && status && run.status !== status ? { ...run, status } : run)
    this.update({ states: { ...this.view.states, [runId]: state }, runs })
  }

  private setChannel(channel: string, state: JsonObject): void {
    this.update({ channels: { ...this.view.channels, [channel]: state } })
  }

  private unwatch(runId: string): void {
    if (!this.watches.remove(runId))
      return
    this.update({ states: Object.fromEntries(Object.entries(this.view.states).filter(([known]) => known !== runId)) })
    this.sendIfOpen({ type: 'unwatch', run_id: runId })
  }

  private sendIfOpen(frame: FromClient): void {
    if (this.view.link === 'open')
      this.transport.send(frame)
  }

  private seqOf(runId: string): number {
    return this.view.states[runId]?.seq ?? 0
  }

  private newId(): string {
    return `${Math.floor(this.environment.now()).toString(36)}-${Math.floor(this.environment.random() * 2 ** 48).toString(36)}`
  }

  private update(part: Partial<View>): void {
    this.view = { ...this.view, ...part }
    this.changed()
  }
}

function serverOf(frame: ServerFrame | WelcomeFrame): Partial<View> {
  return {
    server: frame.status,
    reason: frame.reason ?? null,
    shareUrl: frame.share_url ?? null,
    experiments: frame.experiments,
  }
}

function inOrder(runs: readonly RunInfo[]): RunInfo[] {
  return [...runs].sort((a, b) => a.started_at - b.started_at)
}
