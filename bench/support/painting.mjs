// What a page of the deck shows of a run, and when it was drawn; `watchDeck` runs in the page.

/* global window, document, performance, requestAnimationFrame, MessageChannel, MutationObserver, PerformanceObserver, WebSocket -- in the page */

/** In the page: notes when what was drawn, on the clock that the workers stamp batches with. */
export function watchDeck(slide) {
  const seen = { pressed: Infinity, acceptedAt: 0, firstEventAt: 0, statuses: [], batches: [], longTasks: [], rowsAt: 0 }
  window.seen = seen
  let unpainted = []
  const here = (selector) => document.querySelector(`#slide-content [data-slidev-no="${slide}"] ${selector}`)

  // A task after a frame's callbacks comes when that frame has been drawn.
  const whenDrawn = (then) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => then(Date.now())
      port2.postMessage(null)
    })

  const Native = WebSocket
  window.WebSocket = class extends Native {
    constructor(...args) {
      super(...args)
      this.addEventListener('message', ({ data }) => {
        const receivedAt = Date.now()
        if (data.includes('"type":"accepted"')) seen.acceptedAt ||= receivedAt
        if (data.includes('"type":"events"')) seen.firstEventAt ||= receivedAt
        if (!data.includes('"finished_at"')) return
        const { type, events } = JSON.parse(data)
        if (type !== 'events') return
        for (const event of events) if (event.kind === 'rows') unpainted.push({ finishedAt: event.data.finished_at, receivedAt })
      })
    }
  }
  document.addEventListener('click', ({ timeStamp }) => (seen.pressed = performance.timeOrigin + timeStamp), true)

  // The browser reports tasks of 50 ms and more.
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) seen.longTasks.push({ at: performance.timeOrigin + startTime, duration })
  }).observe({ type: 'longtask' })

  let status = ''
  const update = () => {
    const text = here('.run-message')?.textContent ?? ''
    if (text !== status) {
      status = text
      whenDrawn((at) => seen.statuses.push({ text, at }))
    }
    const shown = Number(here('[data-finished-at]')?.getAttribute('data-finished-at') ?? 0)
    // Rows of a run before this one stay until there are new ones.
    if (!seen.rowsAt && shown > seen.pressed) {
      seen.rowsAt = -1
      whenDrawn((at) => (seen.rowsAt = at))
    }
    const painted = unpainted.filter(({ finishedAt }) => finishedAt <= shown)
    unpainted = unpainted.filter(({ finishedAt }) => finishedAt > shown)
    if (painted.length) whenDrawn((at) => seen.batches.push(...painted.map((batch) => ({ ...batch, at }))))
  }
  const options = { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['data-finished-at'] }
  document.addEventListener('DOMContentLoaded', () => new MutationObserver(update).observe(document.body, options))
}

/** In the page: what was seen since the last time, which is then forgotten, so that it fills no memory. */
export function takeSeen() {
  const { batches, longTasks } = window.seen
  Object.assign(window.seen, { batches: [], longTasks: [] })
  return { batches, longTasks }
}
