import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeEmbedding, shadesOf } from './embedding'

it('reads back every int8 value', () => {
  fc.assert(fc.property(fc.int8Array({ maxLength: 400 }), (values) => {
    const embedding = Buffer.from(values.buffer, values.byteOffset, values.length).toString('base64')
    expect(decodeEmbedding({ embedding })).toEqual(values)
  }))
})

it('reads no embedding as no values', () => {
  expect(decodeEmbedding({ embedding: null })).toHaveLength(0)
})

it('draws each value but 0 once, in the colour of its sign, the deepest the furthest from 0', () => {
  fc.assert(fc.property(fc.int8Array({ minLength: 1, maxLength: 400 }), (values) => {
    const shades = shadesOf(values)
    const drawn = shades.flatMap(({ negative, opacity, path }) =>
      Array.from(path.matchAll(/M(\d+) 0h1v1h-1z/g), ([, column]) => ({ column: Number(column), negative, opacity })))
    expect(drawn.map(({ column }) => column).sort((a, b) => a - b)).toEqual([...values.keys()].filter(column => values[column] !== 0))
    for (const { column, negative, opacity } of drawn) {
      expect(negative).toBe(values[column]! < 0)
      const share = Math.abs(values[column]!) / Math.max(...Array.from(values, value => Math.abs(value)))
      expect(opacity).toBeGreaterThanOrEqual(share - 1e-9)
      expect(opacity - share).toBeLessThanOrEqual(1 / 12 + 1e-9)
    }
  }))
})
