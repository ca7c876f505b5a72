// Slidev's shared state over our socket: page and clicks, drawings, and poll votes.
import type { JsonObject } from '../protocol/merge'
import { difference, isObject } from '../protocol/merge'
import type { Role } from '../protocol/generated'
import type { LinkStatus } from './transport'

/** The part of a Connection that is used. */
export interface Port {
  view: { link: LinkStatus, role: Role, channels: Readonly<Record<string, JsonObject>> }
  publish: (channel: string, patch: JsonObject) => void
}

/** Where a window stands, as Slidev shares it; undefined for one that shows no slide of its own: an overview, an export. */
export type Place = () => JsonObject | undefined

export interface DeckSync {
  init: <State extends object>(
    channelKey: string,
    onUpdate: (data: Partial<State>) => void,
    state: State,
  ) => ((state: State, updating?: boolean) => void) | undefined
}

interface Channel {
  name: string
  /** The patch to publish for a window whose state is `state`, if any. */
  outgoing: (known: JsonObject, state: JsonObject, role: Role) => JsonObject | undefined
  /** Whether it says where a window is: one that joins then tells the others, instead of being told. */
  isPlace: boolean
  /** What came over the wire, as Slidev's state, for a window at `own`. */
  incoming: (known: JsonObject, own: JsonObject | undefined) => JsonObject
}

/** How long a window takes at most to get to the slide that it is sent to. */
const ARRIVAL_MS = 1000

// Slidev names its channels "TITLE - shared" and so on. Names of poll users stay in their browser.
const CHANNELS: Record<string, Channel> = {
  shared: {
    name: 'deck',
    outgoing(known, state, role) {
      const moved = difference(known, { ...known, ...pick(state, ['page', 'clicks', 'clicksTotal']) })
      return role === 'presenter' && moved ? { ...moved, ...pick(state, ['lastUpdate']) } : undefined
    },
    isPlace: true,
    // Slidev's windows don't follow one of their own kind. Here all do: what comes is a presenter's,
    // and a presenter may have a phone and a laptop.
    incoming(known, own) {
      const lastUpdate = isObject(known['lastUpdate']) ? known['lastUpdate'] : {}
      const type = isObject(own?.['lastUpdate']) && own['lastUpdate']['type'] === 'presenter' ? 'viewer' : 'presenter'
      return { ...known, lastUpdate: { ...lastUpdate, type } }
    },
  },
  drawings: {
    name: 'drawings',
    outgoing: (known, state, role) => role === 'presenter' ? difference(known, { ...known, ...state }) : undefined,
    isPlace: false,
    incoming: known => known,
  },
  poll: {
    name: 'poll',
    outgoing(known, state, role) {
      const patch = difference(known, { ...known, ...state })
      return patch && role === 'viewer' ? votesOf(patch) : patch
    },
    isPlace: false,
    incoming: known => Object.fromEntries(Object.entries(known).map(([id, poll]) =>
      [id, { results: {}, status: 0, ...isObject(poll) ? poll : {} }])),
  },
}

/**
 * Connects Slidev's `addSyncMethod` to `port`; `subscribe` tells of each change of its view.
 *
 * A window that `leads` was opened by an address and takes the others there; one that was only
 * reloaded, such as a phone's after it slept, goes where they are by now.
 */
export function createDeckSync(port: Port, subscribe: (listener: () => void) => void, place: Place, leads = true): DeckSync {
  return {
    init(channelKey, onUpdate, initial) {
      const channel = CHANNELS[channelKey.slice(channelKey.lastIndexOf(' - ') + 3)]
      if (!channel)
        return undefined
      const known = () => port.view.channels[channel.name]
      let delivered: JsonObject | undefined
      let wasOpen = false
      let publishing = false
      // Where this window was sent, until it is there: on the way it says where it was before.
      let heading: { from: JsonObject, to: JsonObject, since: number } | undefined

      const send = (state: object) => {
        if (channel.isPlace && !place())
          return
        const patch = channel.outgoing(known() ?? {}, toJson(state), port.view.role)
        if (!patch)
          return
        publishing = true
        port.publish(channel.name, patch)
        publishing = false
        delivered = known()
      }
      const deliver = () => {
        const joins = !wasOpen && port.view.link === 'open'
        wasOpen ||= joins
        if (joins && (!known() || (channel.isPlace && leads)))
          send(channel.isPlace ? place() ?? {} : initial)
        const state = known()
        if (publishing || !state || state === delivered)
          return
        delivered = state
        // A copy: Slidev makes what it is given reactive and changes it.
        const own = place()
        if (channel.isPlace && own)
          heading = isAt(state, own) ? undefined : { from: own, to: state, since: Date.now() }
        onUpdate(structuredClone(channel.incoming(state, own)) as Parameters<typeof onUpdate>[0])
      }
      subscribe(deliver)
      deliver()

      return (state, updating = false) => {
        const own = place()
        if (heading && ((own && isAt(heading.to, own)) || Date.now() - heading.since > ARRIVAL_MS))
          heading = undefined
        // Slidev says `updating` also of what is done here right after somebody else's: a place moves on
        // by itself then, a vote is its voter's own. What is only theirs is no difference, and not sent.
        // Before the first welcome nobody knows what the others see: it would be overwritten.
        if ((updating && channel.isPlace) || !wasOpen || (heading && isAt(heading.from, toJson(state))))
          return
        send(state)
      }
    },
  }
}

/** `{poll: {results: {voter: choice}}}`: all that a viewer may publish. */
function votesOf(patch: JsonObject): JsonObject | undefined {
  for (const [id, poll] of Object.entries(patch)) {
    const results = isObject(poll) ? poll['results'] : undefined
    if (isObject(results) && Object.keys(results).length > 0)
      return { [id]: { results } }
  }
  return undefined
}

function isAt(place: JsonObject, state: JsonObject): boolean {
  return place['page'] === state['page'] && (place['clicks'] ?? 0) === (state['clicks'] ?? 0)
}

function pick(state: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(state).filter(([key]) => keys.includes(key)))
}

function toJson(state: object): JsonObject {
  return JSON.parse(JSON.stringify(state)) as JsonObject
}
