import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import vectors from '../../../tests/vectors/fold.json'
import { apply, emptyRun, fold } from './fold'
import type { RunEvent, RunState } from '../protocol/generated'
import { EVENT_KINDS } from '../protocol/generated'

const MAX_POINTS = EVENT_KINDS.progress.appends!.cap

interface Vector { name: string, events: RunEvent[], states: Record<string, RunState> }

type Body = RunEvent extends infer E ? E extends RunEvent ? Omit<E, 'seq' | 't'> : never : never

const numbered = (bodies: Body[]): RunEvent[] => bodies.map((body, i) => ({ seq: i + 1, t: i, ...body }))

const progress = (rows: number): Body => ({ kind: 'progress', data: { rows, rate: 1, operators: [] } })

const stage = fc.constantFrom(null, 'write')
const body: fc.Arbitrary<Body> = fc.oneof(
  fc.nat(9999).map(progress),
  fc.record({ kind: fc.constant('status' as const), data: fc.record({ status: fc.constantFrom('queued' as const, 'running' as const) }) }),
  fc.record({
    kind: fc.constant('rows' as const),
    stage,
    data: fc.record({
      rows: fc.array(fc.record({ id: fc.string(), text: fc.string(), columns: fc.constant({}) }), { maxLength: 40 }),
      calls: fc.nat(9),
      models: fc.constant(0),
      work: fc.constant(0),
      tokens: fc.nat(9999),
      padding: fc.nat(999),
    }),
  }),
  fc.record({ kind: fc.constant('note' as const), stage, data: fc.record({ text: fc.string(), level: fc.constant('info' as const) }) }),
)

describe('fold', () => {
  it.each(vectors as unknown as Vector[])('folds the shared vector "$name" as Python does', ({ events, states }) => {
    for (const [k, state] of Object.entries(states))
      expect(fold(events.slice(0, Number(k)))).toEqual(state)
  })

  it('gives the whole from any snapshot and the rest', () => {
    fc.assert(fc.property(fc.array(body, { maxLength: 60 }), fc.nat(60), (bodies, k) => {
      const events = numbered(bodies)
      expect(fold(events.slice(k), fold(events.slice(0, k)))).toEqual(fold(events))
    }))
  })

  it('thins points to the same ones from any snapshot', () => {
    fc.assert(fc.property(fc.nat(2 * MAX_POINTS), (k) => {
      const events = numbered(Array.from({ length: 2 * MAX_POINTS + 3 }, (_, i) => progress(i)))
      expect(fold(events.slice(k), fold(events.slice(0, k)))).toEqual(fold(events))
    }), { numRuns: 20 })
  })

  it('leaves the state it starts from as it was, and the stages that did not change identical', () => {
    const before = fold(numbered([progress(1), { kind: 'note', stage: 'write', data: { text: 'x', level: 'info' } }]))
    const copy = structuredClone(before)
    const after = apply(before, { seq: 3, t: 9, ...progress(2) })
    expect(before).toEqual(copy)
    expect(after.stages['write']).toBe(before.stages['write'])
    expect(after.stages['']).not.toBe(before.stages[''])
  })

  it.each([1, 3])('refuses seq %i after seq 1, by name', (seq) => {
    const state = fold(numbered([progress(1)]))
    expect(() => apply(state, { seq, t: 0, ...progress(2) })).toThrow(`expected seq 2, got ${seq}`)
  })

  it('starts from nothing', () => {
    expect(fold([])).toEqual(emptyRun())
  })
})
