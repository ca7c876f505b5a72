// A recording that ships with the deck: a header line, then events, as JSON Lines.
import { isObject } from '../protocol/merge'
import { apply, emptyRun } from './fold'
import type { RecordingHeader, RunEvent, RunState } from '../protocol/generated'
import { EVENT_KINDS, RECORDING_FORMAT } from '../protocol/generated'

export interface Recording {
  header: RecordingHeader
  events: readonly RunEvent[]
  /** What all events fold to. */
  end: RunState
}

/** Why a recording cannot be played; the message names its line. */
export class RecordingError extends Error {}

/**
 * Reads a recording.
 * @throws RecordingError naming the line where it is corrupt, reordered or breaks off.
 */
export function parseRecording(text: string, file: string): Recording {
  const lines = text.split('\n')
  const refuse = (line: number, why: string) => new RecordingError(`${file}, line ${line}: ${why} Record it again.`)
  if (lines.pop() !== '')
    throw refuse(lines.length + 1, 'the recording breaks off in the middle of a line.')
  const parsed = lines.map((line, index) => {
    try {
      return JSON.parse(line) as unknown
    }
    catch {
      throw refuse(index + 1, 'this is no JSON.')
    }
  })
  const [header, ...events] = parsed
  if (!isHeader(header))
    throw refuse(1, `this is no header of a recording of format ${RECORDING_FORMAT}.`)
  let end = emptyRun()
  events.forEach((event, index) => {
    const line = index + 2
    if (!isEvent(event))
      throw refuse(line, 'this is no event.')
    if (event.seq !== end.seq + 1)
      throw refuse(line, `event ${end.seq + 1} should stand here, not ${event.seq}.`)
    if (event.t < end.t)
      throw refuse(line, 'this event is older than the one before it.')
    if (isOver(end))
      throw refuse(line, 'the run was over before this event.')
    try {
      end = apply(end, event)
    }
    catch (error) {
      throw refuse(line, `this event cannot be read (${String(error)}).`)
    }
  })
  if (!isOver(end))
    throw refuse(lines.length, 'the recording breaks off before the end of its run.')
  return { header, events: events as RunEvent[], end }
}

function isOver(state: RunState): boolean {
  return state.status !== null && state.status !== undefined && ['succeeded', 'failed', 'cancelled'].includes(state.status.status)
}

function isHeader(value: unknown): value is RecordingHeader {
  return isObject(value) && value['format'] === RECORDING_FORMAT && typeof value['date'] === 'string' && typeof value['code_hash'] === 'string'
    && isObject(value['experiment']) && typeof value['experiment']['name'] === 'string' && isObject(value['params'])
    && isObject(value['machine']) && typeof value['machine']['system'] === 'string' && typeof value['machine']['cpus'] === 'number'
}

function isEvent(value: unknown): value is RunEvent {
  return isObject(value) && Number.isInteger(value['seq']) && Number.isInteger(value['t'])
    && typeof value['kind'] === 'string' && value['kind'] in EVENT_KINDS && isObject(value['data'])
}
