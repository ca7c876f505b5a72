// `npm run dev`: Slidev with hot reload in front of a server that restarts with its code.

import { watch } from 'node:fs'
import { join } from 'node:path'
import { openInBrowser } from './browser.mjs'
import { SLIDEV } from './deck.mjs'
import { Display } from './display.mjs'
import { Failure } from './failure.mjs'
import { nodeIsFresh, setUpNode } from './node-packages.mjs'
import { parseOptions } from './options.mjs'
import { ROOT } from './paths.mjs'
import { endAll, launch, onStop } from './processes.mjs'
import { findRunning, requireFreePort, Server } from './server.mjs'
import { withSetupLock } from './setup-lock.mjs'
import { pythonIsFresh, setUpPython } from './virtualenv.mjs'

const DECK_PORT = 3030
const SETTLE_MS = 300

export async function main(args) {
  const { open, port, forServer } = parseOptions(args)
  const running = await findRunning()
  if (running) throw new Failure(`A server of this checkout already runs at ${running.url}: stop it first.`)
  await requireFreePort(port)
  await requireFreePort(DECK_PORT)
  const display = new Display()
  let server = null
  let stopping = false
  onStop(async () => {
    stopping = true
    await Promise.all([server?.stop(), endAll()])
    process.exit(0)
  })
  await withSetupLock(() =>
    Promise.all([
      pythonIsFresh({ dev: true }) || setUpPython(display, { dev: true }),
      nodeIsFresh() || setUpNode(display),
    ]),
  )

  const startServer = async () => {
    server = new Server(port, forServer)
    const answers = await server.answers()
    if (!answers && !stopping) console.log(`${server.exitReason} It restarts when its code changes.`)
    return answers
  }
  const answers = await startServer()
  restartWithCode(async () => {
    await server.stop()
    if (stopping) return
    console.log('demo_server changed: restarting the server.')
    if (await startServer()) console.log('The server answers again.')
  })

  const slidev = launch(process.execPath, [SLIDEV, 'slides/slides.md', '--port', String(DECK_PORT), '--log', 'info'], {
    cwd: ROOT,
    env: { ...process.env, DEMO_SERVER_URL: `http://localhost:${port}` },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const deck = `http://localhost:${DECK_PORT}`
  await reachable(deck, slidev)
  const pairing = server.pairing.replace(server.url, deck)
  console.log(`\n  Deck      ${deck}/   (hot reload)\n  Server    ${server.url}`)
  const opened = answers && open && (await openInBrowser(pairing))
  console.log(opened ? '  Presenter the browser that opened\n' : `  Presenter ${pairing}   (works once)\n`)
}

async function reachable(url, child) {
  let ended = false
  child.once('exit', () => (ended = true))
  for (const until = Date.now() + 120_000; Date.now() < until && !ended; ) {
    try {
      return await fetch(url, { signal: AbortSignal.timeout(5000) })
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200)) // not listening yet
    }
  }
  throw new Failure(`Slidev did not start on port ${DECK_PORT}: its messages are above.`)
}

/** Call `restart` after Python files changed, once for a burst of changes, never twice at a time. */
function restartWithCode(restart) {
  let timer = null
  let work = Promise.resolve()
  watch(join(ROOT, 'demo_server'), { recursive: true }, (_, name) => {
    if (!name?.endsWith('.py')) return
    clearTimeout(timer)
    timer = setTimeout(() => (work = work.then(restart)), SETTLE_MS)
  })
}
