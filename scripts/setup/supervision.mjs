// A server that dies is restarted at once; one that keeps dying is not.

import { isStopping } from './processes.mjs'

const DEATHS = 3
const WITHIN_MS = 30_000

/**
 * Supervise a server that has answered once.
 * @param {object} options
 * @param {import('./server.mjs').Server} options.server that answers now
 * @param {() => import('./server.mjs').Server} options.restart starts its successor
 * @param {(line: string) => void} options.report
 * @param {() => number} [options.now] the time in ms
 * @returns {Promise<string>} why it is not restarted
 */
export async function superviseServer({ server, restart, report, now = Date.now }) {
  const deaths = []
  for (let current = server; ; ) {
    const code = await current.exited
    if (isStopping()) return 'This command is ending.'
    const diedAt = now()
    if (code === 0) return 'The server exited with code 0, so this command ends too: run it again to continue.'
    deaths.push(diedAt)
    if (deaths.filter((at) => diedAt - at < WITHIN_MS).length >= DEATHS) {
      return `The server died ${DEATHS} times within ${WITHIN_MS / 1000} s. ${current.exitReason}`
    }
    report('The server died; restarting it.')
    current = restart()
    if (await current.answers()) {
      report(`The server answers again after ${((now() - diedAt) / 1000).toFixed(1)} s. Paired browsers stay paired; to pair another: ${current.pairing}   (works once)`)
    }
  }
}
