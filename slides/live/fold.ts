// The one fold, as in demo_server/runs/fold.py; both are tested on tests/vectors/fold.json.
// It never changes a state in place, so that a view sees by identity which part is new.
import type { Point, RunEvent, RunState, StageState } from './protocol'
import { MAX_NOTES, MAX_POINTS, MAX_ROWS } from './protocol'

export function emptyRun(): RunState {
  return { seq: 0, t: 0, status: null, stages: {} }
}

export function emptyStage(): StageState {
  return {
    plan: null,
    progress: null,
    metrics: null,
    result: null,
    failure: null,
    rows: [],
    rows_seen: 0,
    batch: null,
    notes: [],
    points: [],
    points_seen: 0,
    stride: 1,
  }
}

/**
 * `state` with one event folded in.
 * @throws RangeError when the event is not the one that follows `state.seq`.
 */
export function apply(state: RunState, event: RunEvent): RunState {
  if (event.seq !== state.seq + 1)
    throw new RangeError(`expected seq ${state.seq + 1}, got ${event.seq}`)
  const next = { ...state, seq: event.seq, t: event.t }
  if (event.kind === 'status')
    return { ...next, status: event.data }
  const name = event.stage ?? ''
  return { ...next, stages: { ...state.stages, [name]: applyToStage(state.stages[name] ?? emptyStage(), event) } }
}

export function fold(events: Iterable<RunEvent>, onto: RunState = emptyRun()): RunState {
  let state = onto
  for (const event of events)
    state = apply(state, event)
  return state
}

function applyToStage(stage: StageState, event: Exclude<RunEvent, { kind: 'status' }>): StageState {
  switch (event.kind) {
    case 'plan':
      return { ...stage, plan: event.data }
    case 'progress':
      return appendPoint({ ...stage, progress: event.data }, { t: event.t, rows: event.data.rows, rate: event.data.rate ?? null })
    case 'metrics':
      return { ...stage, metrics: event.data }
    case 'result':
      return { ...stage, result: event.data }
    case 'failure':
      return { ...stage, failure: event.data }
    case 'rows':
      return {
        ...stage,
        rows_seen: stage.rows_seen + event.data.rows.length,
        rows: [...stage.rows, ...event.data.rows].slice(-MAX_ROWS),
        batch: { ...event.data, rows: [] },
      }
    case 'note':
      return { ...stage, notes: [...stage.notes, event.data].slice(-MAX_NOTES) }
  }
}

/** Keep every `stride`-th point; when the list is full, double the stride. */
function appendPoint(stage: StageState, point: Point): StageState {
  const points_seen = stage.points_seen + 1
  if (stage.points_seen % stage.stride !== 0)
    return { ...stage, points_seen }
  const points = [...stage.points, point]
  if (points.length <= MAX_POINTS)
    return { ...stage, points, points_seen }
  return { ...stage, points: points.filter((_, index) => index % 2 === 0), points_seen, stride: stage.stride * 2 }
}
