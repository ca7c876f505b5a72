// The built deck: in `dist/` for our server, in a folder of its own to stand alone.

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Failure, diskSentence } from './failure.mjs'
import { SHOWN, writeOutline } from './outline.mjs'
import { DIST, NODE_MODULES, ROOT, WORK } from './paths.mjs'
import { run } from './processes.mjs'
import { digests, readStamp, writeStamp } from './stamp.mjs'

/** Everything that the deck is built from. */
export const SOURCES = [...SHOWN, 'public', 'package-lock.json']
const STAMP = '.built.json'

export const SLIDEV = join(NODE_MODULES, '@slidev', 'cli', 'bin', 'slidev.mjs')

/**
 * A deck to be built: where it goes, and how it finds what it loads.
 * @type {{directory: string, args: string[], env: Record<string, string>}}
 */
export const SERVED = { directory: DIST, args: [], env: {} }

/** Needs no server and works under any path: addresses are relative, pages follow a `#`. */
export const standingAlone = (/** @type {string} */ directory) => ({
  directory: resolve(directory),
  args: ['--base', './', '--router-mode', 'hash'],
  env: { DECK_STATIC: '1' },
})

/** Whether it is built from what the sources are now. */
export function deckIsFresh({ directory } = SERVED) {
  return isDeepStrictEqual(readStamp(join(directory, STAMP))?.sources, digests(SOURCES))
}

/** Build into a folder of its own and swap it in at the end, so that a running server always has a whole deck. */
export async function buildDeck(display, { directory, args, env } = SERVED) {
  if (existsSync(directory) && !existsSync(join(directory, STAMP))) {
    throw new Failure(`${directory} exists and is not a deck: choose a folder that does not exist yet.`)
  }
  const step = display.step('Deck')
  const sources = digests(SOURCES)
  const fresh = `${directory}.new`
  mkdirSync(WORK, { recursive: true })
  rmSync(fresh, { recursive: true, force: true })
  const { code, output } = await run(process.execPath, [SLIDEV, 'build', 'slides/slides.md', '--out', fresh, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env, NODE_ENV: 'production', NO_COLOR: '1' },
    onLine: (line) => {
      if (line.trim()) step.text = line.trim().slice(0, 60)
    },
  })
  if (code !== 0) {
    step.failed()
    writeFileSync(join(WORK, 'deck.log'), output)
    throw new Failure(diskSentence(output) ?? `The deck could not be built (${firstError(output)}): fix that and run the command again; details are in .cache/deck.log.`)
  }
  await writeOutline(fresh)
  writeStamp(join(fresh, STAMP), { sources })
  rmSync(directory, { recursive: true, force: true })
  renameSync(fresh, directory)
  step.done('built')
}

function firstError(output) {
  // eslint-disable-next-line no-control-regex -- colours of the terminal
  const lines = output.replace(/\x1b\[[0-9;]*m/g, '').split('\n').map((line) => line.trim())
  return (lines.find((line) => /error/i.test(line)) ?? lines.filter(Boolean).pop() ?? 'no output').slice(0, 200)
}
