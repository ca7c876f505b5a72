// Embeddings travel as int8 in base64.
import type { Row } from './protocol'

/** The int8 values of a row's embedding, none where it has none. */
export function decodeEmbedding({ embedding }: Pick<Row, 'embedding'>): Int8Array {
  return embedding ? Int8Array.from(atob(embedding), character => character.charCodeAt(0)) : new Int8Array(0)
}
