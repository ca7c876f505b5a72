// Which recordings ship with the deck, and which its slides would play.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readOutline } from './outline.mjs'
import { ROOT } from './paths.mjs'

const RECORDINGS = join(ROOT, 'public', 'recordings')

/** @returns {Promise<{wanted: string[], missing: string[]}>} by experiment, in the order of their slides */
export async function readRecordings() {
  const { slides } = await readOutline()
  const wanted = [...new Set(slides.flatMap(({ experiment }) => experiment ?? []))]
  return { wanted, missing: wanted.filter((name) => !existsSync(join(RECORDINGS, `${name}.jsonl`))) }
}
