// What the badge shows: where the figures on this slide come from, and how old they are.
import type { LinkStatus } from '../link/transport'
import type { Origin } from './origin'

export type BadgeKind = 'live' | 'stale' | 'recorded' | 'connecting' | 'reconnecting' | 'offline'

export interface Badge {
  kind: BadgeKind
  text: string
  /** A longer sentence for a tooltip and a screen reader. */
  meaning: string
}

/** The server beats twice a second: what has brought nothing for so long shows the past. */
export const STALE_AFTER_MS = 2000

/** `silentMs`: how long ago anything came from the server. */
export function badgeOf(link: LinkStatus, silentMs: number, origin: Origin | undefined, scripted: boolean): Badge {
  if (origin) {
    const older = origin.olderCode ? ', of older code than the slide shows' : ''
    return {
      kind: 'recorded',
      text: `RECORDED ${origin.when} · ${origin.olderCode ? 'OLDER CODE' : origin.cores}`,
      meaning: `This is the recording of a run of ${origin.when} on ${origin.machine}${older}.`,
    }
  }
  if (scripted)
    return { kind: 'recorded', text: 'RECORDED', meaning: 'This talk plays recordings; nothing runs here.' }
  const stale = silentMs > STALE_AFTER_MS
  const age = `${Math.floor(silentMs / 1000)} s`
  switch (link) {
    case 'connecting':
      return { kind: 'connecting', text: 'CONNECTING', meaning: 'The deck is connecting to its server.' }
    case 'offline':
      return { kind: 'offline', text: 'OFFLINE', meaning: 'There is no server behind this deck; nothing can be run.' }
    case 'reconnecting':
      return { kind: 'reconnecting', text: stale ? `RECONNECTING ${age}` : 'RECONNECTING', meaning: 'The connection was lost; the deck is coming back by itself.' }
    case 'open':
      return stale
        ? { kind: 'stale', text: `STALE ${age}`, meaning: 'Nothing has come from the server for some time.' }
        : { kind: 'live', text: 'LIVE', meaning: 'Connected: what this slide shows is what happens now.' }
  }
}
