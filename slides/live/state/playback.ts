// Playing a recording: where it stands, and what it has folded to there.
import { apply, emptyRun } from './fold'
import type { JsonObject } from '../protocol/merge'
import type { RunState } from '../protocol/generated'
import type { Recording } from './recording'

export const SPEEDS = [1, 2, 4, 8] as const

/** Where a recording stands. Shared by all windows: each works out its own place from the clock. */
export interface Playback {
  /** ms into the recording, at `since`. */
  position: number
  /** When it was set going, Unix time in ms; null while it stands still. */
  since: number | null
  speed: number
}

export function playFrom(position: number, speed: number, now: number): Playback {
  return { position, since: now, speed }
}

/** ms into the recording at `now`, at most its length. */
export function positionAt({ position, since, speed }: Playback, now: number, length: number): number {
  const gone = since === null ? 0 : Math.max(0, now - since) * speed
  return Math.min(length, position + gone)
}

/** What another window has shared, if it is a playback. */
export function readPlayback(value: JsonObject): Playback | undefined {
  const { position, since, speed } = value
  return typeof position === 'number' && typeof speed === 'number' && (since === null || since === undefined || typeof since === 'number')
    ? { position, since: since ?? null, speed }
    : undefined
}

/** Folds a recording up to any place; going forward folds only what is new. */
export class Replay {
  private state = emptyRun()

  constructor(private readonly recording: Recording) {}

  at(position: number): RunState {
    const { events } = this.recording
    if (position < this.state.t)
      this.state = emptyRun()
    for (let event = events[this.state.seq]; event && event.t <= position; event = events[this.state.seq])
      this.state = apply(this.state, event)
    return this.state
  }
}
