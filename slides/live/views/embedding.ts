// Embeddings travel as int8 in base64.
import type { Row } from '../protocol/generated'

/** The int8 values of a row's embedding, none where it has none. */
export function decodeEmbedding({ embedding }: Pick<Row, 'embedding'>): Int8Array {
  return embedding ? Int8Array.from(atob(embedding), character => character.charCodeAt(0)) : new Int8Array(0)
}

/** How many depths of a colour an eye is given. */
const DEPTHS = 12

/** Columns of one colour, as the path of an SVG in which each value is a column, one wide and one high. */
export interface Shade {
  negative: boolean
  /** 0 (the value nearest to 0) to 1 (the furthest). */
  opacity: number
  path: string
}

/** The columns of an embedding, by their colours: one colour a sign, deeper the further from 0. */
export function shadesOf(values: Int8Array): Shade[] {
  const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 1)
  const paths = new Map<number, string>()
  values.forEach((value, column) => {
    const depth = Math.sign(value) * Math.ceil(Math.abs(value) / largest * DEPTHS)
    if (depth !== 0)
      paths.set(depth, `${paths.get(depth) ?? ''}M${column} 0h1v1h-1z`)
  })
  return Array.from(paths, ([depth, path]) => ({ negative: depth < 0, opacity: Math.abs(depth) / DEPTHS, path }))
}
