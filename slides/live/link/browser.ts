// What the connection needs of a browser.
import type { Environment, Socket } from './transport'

export function browserEnvironment(url: string): Environment {
  return {
    open: () => new WebSocket(url) as Socket,
    now: () => Date.now(),
    random: () => Math.random(),
    after(ms, then) {
      const timer = setTimeout(then, ms)
      return () => { clearTimeout(timer) }
    },
  }
}

/** `/ws` on the host that this page came from. */
export function socketUrl({ protocol, host }: Location): string {
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/ws`
}

/** Runs `then` once before the next paint, however often it is asked to. */
export function oncePerFrame(then: () => void): () => void {
  let asked = false
  return () => {
    if (asked)
      return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      then()
    })
  }
}
