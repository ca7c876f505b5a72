import { expect, it } from 'vitest'
import type { Place, Port } from './deck-sync'
import { createDeckSync } from './deck-sync'
import type { JsonObject } from '../protocol/merge'
import { merge } from '../protocol/merge'
import type { Role } from '../protocol/generated'

/** A hall of windows around one server that merges and passes on. */
class Hall {
  private readonly windows: { port: Port, listeners: (() => void)[] }[] = []
  private server: Record<string, JsonObject> = {}
  readonly patches: JsonObject[] = []

  /** A window's place is its state once it has said so: Slidev may not have shared the slide it opens on. */
  enter(role: Role, channelKey: string, state: JsonObject, welcomed = true, place: Place = () => 'lastUpdate' in state ? state : undefined, leads = true) {
    const listeners: (() => void)[] = []
    const port: Port = {
      view: { link: welcomed ? 'open' : 'connecting', role, channels: welcomed ? structuredClone(this.server) : {} },
      publish: (channel, patch) => {
        this.patches.push(patch)
        this.server[channel] = merge(this.server[channel] ?? {}, patch)
        for (const window of this.windows)
          this.set(window, channel, merge(window.port.view.channels[channel] ?? {}, patch))
      },
    }
    const window = { port, listeners }
    this.windows.push(window)
    const write = createDeckSync(port, (listener) => { listeners.push(listener) }, place, leads)
      .init<JsonObject>(channelKey, (data) => { Object.assign(state, data) }, state)
    return {
      state,
      change: (part: JsonObject) => { write?.(Object.assign(state, part)) },
      changedByUpdate: () => { write?.(state, true) },
      welcome: () => {
        port.view = { link: 'open', role, channels: structuredClone(this.server) }
        listeners.forEach((listener) => { listener() })
      },
    }
  }

  private set(window: Hall['windows'][number], channel: string, state: JsonObject) {
    window.port.view = { ...window.port.view, channels: { ...window.port.view.channels, [channel]: state } }
    window.listeners.forEach((listener) => { listener() })
  }
}

const at = (page: number, type: string): JsonObject => ({ page, clicks: 0, clicksTotal: 2, lastUpdate: { id: 'a', type, time: 1 } })

it('takes viewers along when a presenter turns the page, on whichever of their windows', () => {
  const hall = new Hall()
  const viewer = hall.enter('viewer', 'Talk - shared', { page: 1 })
  const stage = hall.enter('presenter', 'Talk - shared', { page: 1 })
  stage.change(at(4, 'viewer'))
  expect(viewer.state).toMatchObject({ page: 4, lastUpdate: { type: 'presenter' } })
})

it('lets a viewer who comes late start where the others are', () => {
  const hall = new Hall()
  hall.enter('presenter', 'Talk - shared', {}).change(at(7, 'presenter'))
  expect(hall.enter('viewer', 'Talk - shared', { page: 1 }).state['page']).toBe(7)
})

it('tells a server that knows nothing where the presenter is', () => {
  const hall = new Hall()
  hall.enter('presenter', 'Talk - shared', at(5, 'presenter'), false).welcome()
  expect(hall.patches).toEqual([at(5, 'presenter')])
})

it('takes everyone along when a presenter opens a slide by its address', () => {
  const hall = new Hall()
  const stage = hall.enter('presenter', 'Talk - shared', {})
  stage.change(at(2, 'viewer'))
  hall.enter('presenter', 'Talk - shared', at(6, 'presenter'), false).welcome()
  expect(stage.state['page']).toBe(6)
})

it('takes nobody along when a presenter’s phone only wakes up and reloads', () => {
  const hall = new Hall()
  const stage = hall.enter('presenter', 'Talk - shared', {})
  stage.change(at(6, 'viewer'))
  const phone = hall.enter('presenter', 'Talk - shared', at(2, 'presenter'), false, undefined, false)
  phone.welcome()
  expect([stage.state['page'], phone.state['page']]).toEqual([6, 6])
})

it('lets a phone and a laptop lead each other, each on its presenter’s view', () => {
  const hall = new Hall()
  const laptop = hall.enter('presenter', 'Talk - shared', at(1, 'presenter'))
  const phone = hall.enter('presenter', 'Talk - shared', at(1, 'presenter'))
  phone.change(at(2, 'presenter'))
  // Slidev ignores what a window of its own kind says.
  expect(laptop.state).toMatchObject({ page: 2, lastUpdate: { type: 'viewer' } })
})

it('does not throw the others back while a window is still on its way', () => {
  const hall = new Hall()
  const phone = hall.enter('presenter', 'Talk - shared', at(1, 'presenter'))
  const shown = at(1, 'viewer')
  const stage = hall.enter('presenter', 'Talk - shared', {}, true, () => shown)
  phone.change(at(2, 'presenter'))
  phone.change(at(3, 'presenter'))
  stage.change(at(1, 'viewer'))
  expect(phone.state['page']).toBe(3)
  stage.change(at(3, 'viewer'))
  stage.change(at(4, 'viewer'))
  expect(phone.state['page']).toBe(4)
})

it('takes the others back at once from where a window has just arrived', () => {
  const hall = new Hall()
  const phone = hall.enter('presenter', 'Talk - shared', at(1, 'presenter'))
  let shown = at(1, 'viewer')
  const stage = hall.enter('presenter', 'Talk - shared', {}, true, () => shown)
  phone.change(at(2, 'presenter'))
  shown = at(2, 'viewer')
  stage.changedByUpdate()
  shown = at(1, 'viewer')
  stage.change(shown)
  expect(phone.state['page']).toBe(1)
})

it('leaves everyone where they are when a presenter opens the overview', () => {
  const hall = new Hall()
  const stage = hall.enter('presenter', 'Talk - shared', {})
  stage.change(at(2, 'viewer'))
  const overview = hall.enter('presenter', 'Talk - shared', {}, false, () => undefined)
  overview.welcome()
  overview.change(at(1, 'viewer'))
  expect(stage.state['page']).toBe(2)
})

it('publishes nothing of a viewer who turns pages', () => {
  const hall = new Hall()
  const viewer = hall.enter('viewer', 'Talk - shared', { page: 1 })
  viewer.change(at(9, 'viewer'))
  expect(hall.patches).toEqual([])
})

it('does not send back what it was told, nor a time stamp alone', () => {
  const hall = new Hall()
  const stage = hall.enter('presenter', 'Talk - shared', {})
  hall.enter('presenter', 'Talk - shared', {}).change(at(3, 'presenter'))
  stage.changedByUpdate()
  stage.change({ lastUpdate: { id: 'b', type: 'viewer', time: 2 } })
  expect(hall.patches).toHaveLength(1)
})

it('shares drawings of a presenter', () => {
  const hall = new Hall()
  const viewer = hall.enter('viewer', 'Talk - drawings', {})
  const presenter = hall.enter('presenter', 'Talk - drawings', {})
  presenter.change({ 2: '<path/>' })
  viewer.change({ 3: '<g/>' })
  expect(viewer.state[2]).toBe('<path/>')
  expect(presenter.state).toEqual({ 2: '<path/>' })
})

it('counts votes of several viewers and sends of each nothing but the vote', () => {
  const hall = new Hall()
  const presenter = hall.enter('presenter', 'Talk - poll', {})
  presenter.change({ size: { results: {}, status: 1 } })
  for (const [name, choice] of [['ann', 0], ['bob', 2]] as const) {
    const viewer = hall.enter('viewer', 'Talk - poll', {})
    const poll = viewer.state['size'] as { results: JsonObject }
    poll.results[name] = choice
    viewer.change({})
  }
  expect(presenter.state['size']).toEqual({ results: { ann: 0, bob: 2 }, status: 1 })
  expect(hall.patches.slice(1)).toEqual([{ size: { results: { ann: 0 } } }, { size: { results: { bob: 2 } } }])
})

it('keeps a vote that is cast just as somebody else’s arrives', () => {
  const hall = new Hall()
  const ann = hall.enter('presenter', 'Talk - poll', {})
  const bob = hall.enter('viewer', 'Talk - poll', {})
  ann.change({ size: { results: { ann: 0 }, status: 0 } })
  const poll = bob.state['size'] as { results: JsonObject }
  poll.results['bob'] = 2
  bob.changedByUpdate()
  expect(ann.state['size']).toEqual({ results: { ann: 0, bob: 2 }, status: 0 })
})

it('clears a poll for everyone', () => {
  const hall = new Hall()
  const presenter = hall.enter('presenter', 'Talk - poll', {})
  const viewer = hall.enter('viewer', 'Talk - poll', {})
  presenter.change({ size: { results: { ann: 1 }, status: 1 } })
  presenter.change({ size: { results: {}, status: 0 } })
  expect(viewer.state['size']).toEqual({ results: {}, status: 0 })
})

it('overwrites no votes with the empty poll of a window that has just opened', () => {
  const hall = new Hall()
  hall.enter('presenter', 'Talk - poll', {}).change({ size: { results: { ann: 1 }, status: 2 } })
  const second = hall.enter('presenter', 'Talk - poll', {}, false)
  second.change({ size: { results: {}, status: 0 } })
  second.welcome()
  expect(second.state['size']).toEqual({ results: { ann: 1 }, status: 2 })
  expect(hall.patches).toHaveLength(1)
})

it('leaves channels alone that it does not know', () => {
  const hall = new Hall()
  hall.enter('presenter', 'Talk - pollUsers', {}).change({ ann: 'Ann' })
  expect(hall.patches).toEqual([])
})
