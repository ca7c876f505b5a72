// A server that dies is started again at once; one that dies again and again is not.

import { isStopping } from './processes.mjs'

const DEATHS = 3
const WITHIN_MS = 30_000

/**
 * Watch over a server that has answered once.
 * @param {object} watched
 * @param {import('./server.mjs').Server} watched.server that answers now
 * @param {() => import('./server.mjs').Server} watched.again starts its successor
 * @param {(line: string) => void} watched.say
 * @param {() => number} [watched.now] the time in ms
 * @returns {Promise<string>} why it is not started again: its last words
 */
export async function superviseServer({ server, again, say, now = Date.now }) {
  const deaths = []
  for (let current = server; ; ) {
    const code = await current.exited
    if (isStopping()) return 'This command is ending.'
    const diedAt = now()
    if (code === 0) return 'The server was ended from outside, so this command ends with it: run it again to go on.'
    deaths.push(diedAt)
    if (deaths.filter((at) => diedAt - at < WITHIN_MS).length >= DEATHS) {
      return `The server died ${DEATHS} times within ${WITHIN_MS / 1000} s. ${current.lastWords}`
    }
    say('The server died; it is started again.')
    current = again()
    if (await current.answers()) {
      say(`The server answers again after ${((now() - diedAt) / 1000).toFixed(1)} s. Browsers that were paired still are; for another one: ${current.pairing}   (works once)`)
    }
  }
}
