import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { codeHashes } from './code-hashes'

const VECTORS = fileURLToPath(new URL('../../tests/vectors/provenance/', import.meta.url))

test('an experiment is its file and the experiments that it imports, as the server has it', () => {
  expect(codeHashes(VECTORS)).toEqual(JSON.parse(readFileSync(join(VECTORS, 'hashes.json'), 'utf8')))
})
