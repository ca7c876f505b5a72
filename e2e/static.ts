// The deck that needs no server, built once for the tests, and a plain host for it.
import { join } from 'node:path'
import { buildDeck, deckIsFresh, standingAlone } from '../scripts/setup/deck.mjs'
import { Display } from '../scripts/setup/display.mjs'
import { withSetupLock } from '../scripts/setup/setup-lock.mjs'
import { ROOT } from './deck'

export { serveFolder } from '../scripts/setup/static-host.mjs'

/** Builds it where it is not fresh; returns its folder. */
export async function buildStatic(): Promise<string> {
  const deck = standingAlone(join(ROOT, '.cache', 'static'))
  if (!deckIsFresh(deck))
    await withSetupLock(() => buildDeck(new Display(), deck))
  return deck.directory
}
