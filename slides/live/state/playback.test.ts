import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fold } from './fold'
import { playFrom, positionAt, readPlayback, Replay } from './playback'
import { parseRecording } from './recording'
import { EVENTS, textOf } from './recording.fixture'

const recording = parseRecording(textOf(), 'embed.jsonl')

it('goes on with the clock, at its speed, and stands still at the end', () => {
  const playback = playFrom(500, 2, 10_000)
  expect(positionAt(playback, 10_000, 2000)).toBe(500)
  expect(positionAt(playback, 10_100, 2000)).toBe(700)
  expect(positionAt(playback, 20_000, 2000)).toBe(2000)
})

it('stands still while it is paused, and before a clock that is behind', () => {
  expect(positionAt({ position: 500, since: null, speed: 4 }, 99_999, 2000)).toBe(500)
  expect(positionAt(playFrom(500, 1, 10_000), 9000, 2000)).toBe(500)
})

it('shows at any place what the events up to there fold to, in whichever order places are visited', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 2500 })), (places) => {
    const replay = new Replay(recording)
    for (const place of places)
      expect(replay.at(place)).toEqual(fold(EVENTS.filter(event => event.t <= place)))
  }))
})

it('takes from another window only what is a playback', () => {
  expect(readPlayback({ position: 1, speed: 2 })).toEqual({ position: 1, since: null, speed: 2 })
  expect(readPlayback({ position: 'end', speed: 2 })).toBeUndefined()
})
