// The one fold, as in demo_server/runs/fold.py; both follow the table of event kinds in
// demo_server/protocol/event_kinds.py and are tested on tests/vectors/fold.json.
// It never changes a state in place, so that a view sees by identity which part is new.
import type { Append, RunEvent, RunState, StageState } from '../protocol/generated'
import { EVENT_KINDS } from '../protocol/generated'

/** A state, or the data of an event, by the names of its fields. */
type Fields = Record<string, unknown>

export function emptyRun(): RunState {
  return { seq: 0, t: 0, status: null, stages: {} }
}

export function emptyStage(): StageState {
  const stage: Fields = {}
  for (const { of_run, replaces, appends } of Object.values(EVENT_KINDS)) {
    if (replaces && !of_run)
      stage[replaces] = null
    if (appends) {
      stage[appends.to] = []
      if (appends.seen)
        stage[appends.seen] = 0
      if (appends.stride)
        stage[appends.stride] = 1
    }
  }
  return stage as unknown as StageState
}

const NOTHING = emptyStage()

/** A stage of a run, the one without a name unless one is given; empty before its first event. */
export function stageOf(state: RunState | undefined, name = ''): StageState {
  return state?.stages[name] ?? NOTHING
}

/**
 * `state` with one event folded in.
 * @throws RangeError when the event is not the one that follows `state.seq`.
 */
export function apply(state: RunState, event: RunEvent): RunState {
  if (event.seq !== state.seq + 1)
    throw new RangeError(`expected seq ${state.seq + 1}, got ${event.seq}`)
  const next = { ...state, seq: event.seq, t: event.t }
  if (EVENT_KINDS[event.kind].of_run)
    return applyTo({ ...next }, event) as unknown as RunState
  const name = event.stage ?? ''
  const stage = applyTo({ ...stageOf(state, name) }, event) as unknown as StageState
  return { ...next, stages: { ...state.stages, [name]: stage } }
}

export function fold(events: Iterable<RunEvent>, onto: RunState = emptyRun()): RunState {
  let state = onto
  for (const event of events)
    state = apply(state, event)
  return state
}

/** `part`, a copy of its caller's, with the event in it. */
function applyTo(part: Fields, event: RunEvent): Fields {
  const { replaces, appends } = EVENT_KINDS[event.kind]
  if (replaces)
    part[replaces] = appends?.items ? { ...event.data, [appends.items]: [] } : event.data
  if (appends)
    extend(part, appends, itemsOf(appends, event))
  return part
}

function itemsOf({ items, fields }: Append, event: RunEvent): unknown[] {
  const data: Fields = { ...event.data }
  if (items)
    return data[items] as unknown[]
  if (!fields)
    return [event.data]
  const whole: Fields = { ...data, t: event.t }
  return [Object.fromEntries(fields.map(field => [field, whole[field] ?? null]))]
}

/** A list that is too long loses its oldest; where it has a stride, every second item. */
function extend(part: Fields, { to, cap, seen, stride }: Append, items: unknown[]) {
  let kept = part[to] as unknown[]
  const before = seen ? part[seen] as number : 0
  if (stride) {
    let every = part[stride] as number
    items.forEach((item, index) => {
      if ((before + index) % every === 0)
        kept = [...kept, item]
      if (kept.length > cap) {
        kept = kept.filter((_, at) => at % 2 === 0)
        every *= 2
      }
    })
    part[stride] = every
  }
  else {
    kept = [...kept, ...items].slice(-cap)
  }
  part[to] = kept
  if (seen)
    part[seen] = before + items.length
}
