import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeEmbedding } from './embedding'

it('reads back every int8 value', () => {
  fc.assert(fc.property(fc.int8Array({ maxLength: 400 }), (values) => {
    const embedding = Buffer.from(values.buffer, values.byteOffset, values.length).toString('base64')
    expect(decodeEmbedding({ embedding })).toEqual(values)
  }))
})

it('reads no embedding as no values', () => {
  expect(decodeEmbedding({ embedding: null })).toHaveLength(0)
})
