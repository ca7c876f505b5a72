import { createGlobalState, useEventListener } from '@vueuse/core'
import { computed, shallowRef } from 'vue'
import { browserEnvironment, oncePerFrame, socketUrl } from '../live/link/browser'
import { Connection } from '../live/link/connection'
import type { JsonObject } from '../live/protocol/merge'

type Listener = () => void

function connectDeck() {
  const listeners = new Set<Listener>()
  // Without a server, the windows of one browser still follow each other.
  const windows = new BroadcastChannel('deck')
  const changed = () => {
    paint()
    listeners.forEach((listener) => { listener() })
  }
  const connection = new Connection(browserEnvironment(socketUrl(location)), changed, (channel, patch) => {
    windows.postMessage({ channel, patch })
  })
  // Events are gathered: components see one new view a frame.
  const view = shallowRef(connection.view)
  const paint = oncePerFrame(() => { view.value = connection.view })
  if (__DECK_STATIC__) {
    connection.standAlone()
  }
  else {
    connection.connect()
    useEventListener(window, 'online', () => { connection.nudge() })
    useEventListener(document, 'visibilitychange', () => {
      if (!document.hidden)
        connection.nudge()
    })
  }
  windows.onmessage = ({ data }: MessageEvent<{ channel: string, patch: JsonObject }>) => { connection.mergeShared(data.channel, data.patch) }
  return {
    connection,
    view,
    link: computed(() => view.value.link),
    isOpen: computed(() => view.value.link === 'open'),
    canStart: computed(() => view.value.role === 'presenter'),
    shareUrl: computed(() => view.value.shareUrl),
    experiments: computed(() => view.value.experiments),
    runs: computed(() => view.value.runs),
    /** A deck without a server behind it, built as such. */
    standsAlone: __DECK_STATIC__,
    /** Nothing runs here: the talk is played from its recordings. */
    scripted: computed(() => __DECK_STATIC__ || view.value.recorded),
    /** Calls `listener` at each change, before the paint. */
    onChange: (listener: Listener) => { listeners.add(listener) },
  }
}

/** The deck's one connection to its server, opened at first use. */
export const useConnection = createGlobalState(connectDeck)
