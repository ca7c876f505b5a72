// Which recordings ship with the deck, and which its slides would play.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './paths.mjs'

const RECORDINGS = join(ROOT, 'public', 'recordings')
const PARTS = join(ROOT, 'slides', 'parts')

/** @returns {{wanted: string[], missing: string[]}} by experiment, in the order of their slides */
export function readRecordings() {
  const chapters = ['../slides.md', ...readdirSync(PARTS)].filter((file) => file.endsWith('.md'))
  const text = chapters.map((file) => readFileSync(join(PARTS, file), 'utf8')).join('\n')
  const wanted = [...new Set([...text.matchAll(/<LiveRun\s+experiment="(\w+)"/g)].map(([, name]) => name))]
  return { wanted, missing: wanted.filter((name) => !existsSync(join(RECORDINGS, `${name}.jsonl`))) }
}
