import { expect, it } from 'vitest'
import { parseRecording, RecordingError } from './recording'
import { EVENTS, HEADER, textOf } from './recording.fixture'

const read = (text: string) => parseRecording(text, 'embed.jsonl')

it('reads a recording to its end', () => {
  const { header, events, end } = read(textOf())
  expect(header.experiment.name).toBe('embed')
  expect(events).toHaveLength(5)
  expect(end.status?.status).toBe('succeeded')
  expect(end.stages['']?.progress?.rows).toBe(3)
})

it.each([
  ['is cut in a line', textOf().slice(0, -10), 6],
  ['lacks its end', textOf(EVENTS.slice(0, -1)), 5],
  ['has events in another order', textOf([EVENTS[0], EVENTS[2], EVENTS[1], EVENTS[3], EVENTS[4]]), 3],
  ['lacks an event', textOf(EVENTS.filter(event => event.seq !== 3)), 4],
  ['goes back in time', textOf(EVENTS.map(event => event.seq === 4 ? { ...event, t: 1 } : event)), 5],
  ['goes on after its end', textOf([...EVENTS, { ...EVENTS[1], seq: 6, t: 2001 }]), 7],
  ['holds a line that is no event', textOf(EVENTS.map(event => event.seq === 2 ? 'progress' : event)), 3],
  ['holds a kind that is not known', textOf(EVENTS.map(event => event.seq === 2 ? { ...event, kind: 'dance' } : event)), 3],
  ['is corrupt', textOf().replace('"t":1000', '"t":10"00'), 4],
  ['has another format', textOf(EVENTS, { ...HEADER, format: HEADER.format + 1 }), 1],
  ['is empty', '', 1],
])('refuses a recording that %s, with the line', (_, text, line) => {
  expect(() => read(text)).toThrow(RecordingError)
  expect(() => read(text)).toThrow(`embed.jsonl, line ${line}:`)
})
