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

export interface Freshness {
  stale: boolean
  /** Seconds since anything came from the server. */
  age: number
}

export function badgeOf(link: LinkStatus, { stale, age }: Freshness, origin: Origin | undefined, scripted: boolean): Badge {
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
  switch (link) {
    case 'connecting':
      return { kind: 'connecting', text: 'CONNECTING', meaning: 'The deck is connecting to its server.' }
    case 'offline':
      return { kind: 'offline', text: 'OFFLINE', meaning: 'There is no server behind this deck; nothing can be run.' }
    case 'reconnecting':
      return { kind: 'reconnecting', text: stale ? `RECONNECTING ${Math.floor(age)} s` : 'RECONNECTING', meaning: 'The connection was lost; the deck is coming back by itself.' }
    case 'open':
      return stale
        ? { kind: 'stale', text: `STALE ${Math.floor(age)} s`, meaning: 'Nothing has come from the server for some time.' }
        : { kind: 'live', text: 'LIVE', meaning: 'Connected: what this slide shows is what happens now.' }
  }
}
