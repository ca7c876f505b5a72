import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { JsonObject } from './merge'
import { difference, merge } from './merge'

const { state } = fc.letrec<{ state: JsonObject, value: JsonObject | number | string | number[] }>(tie => ({
  state: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  value: fc.oneof({ maxDepth: 3 }, fc.nat(3), fc.constantFrom('x', ''), fc.array(fc.nat(2), { maxLength: 2 }), tie('state')),
}))

it('applies a difference to get from one state to another', () => {
  fc.assert(fc.property(state, state, (from, to) => {
    expect(merge(from, difference(from, to) ?? {})).toEqual(to)
  }))
})

it('finds no difference between equal states', () => {
  fc.assert(fc.property(state, (a) => { expect(difference(a, structuredClone(a))).toBeUndefined() }))
})

it('keeps two voters who voted at once', () => {
  const ann = { poll: { results: { ann: 1 } } }
  const bob = { poll: { results: { bob: 2 } } }
  expect(merge(merge({}, ann), bob)).toEqual({ poll: { results: { ann: 1, bob: 2 } } })
})
