// `npm start`: from whatever state the checkout is in to the open deck.

import { randomBytes } from 'node:crypto'
import { openInBrowser } from './browser.mjs'
import { buildDeck, deckIsFresh } from './deck.mjs'
import { Display } from './display.mjs'
import { Failure } from './failure.mjs'
import { nodeIsFresh, setUpNode } from './node-packages.mjs'
import { parseOptions } from './options.mjs'
import { endAll, onStop } from './processes.mjs'
import { findRunning, requireFreePort, Server } from './server.mjs'
import { withSetupLock } from './setup-lock.mjs'
import { superviseServer } from './supervision.mjs'
import { pythonIsFresh, pythonWorks, setUpPython } from './virtualenv.mjs'

export async function main(args) {
  const began = Date.now()
  const options = parseOptions(args)
  const running = await findRunning()
  if (running) {
    console.log(`Already running: ${running.url}`)
    if (options.share && !running.audience) {
      throw new Failure('The server that runs already is not shared: end it, then run this command again.')
    }
    printAudience(options, running.audience)
    return present(running, options.open)
  }
  await requireFreePort(options.port)

  const display = new Display()
  const launcher = new Launcher(options)
  onStop((why) => launcher.stop(why))
  if (pythonIsFresh()) launcher.start(); // first of all: Ray warms up while the rest is done
  if (!pythonIsFresh() || !nodeIsFresh() || !deckIsFresh()) {
    await withSetupLock(() => prepare(display, launcher))
  }
  await launcher.answers(display)

  console.log(`\n  Deck      ${launcher.server.url}/`)
  await present(launcher.server, options.open)
  printAudience(options, (await launcher.server.health())?.share_url)
  console.log(`  Stop      Ctrl-C\n`)
  console.log(`Answering after ${((Date.now() - began) / 1000).toFixed(1)} s.`)
  void followWarmUp(launcher)
  throw new Failure(await launcher.supervised())
}

/** Do what is not done yet, the Python and the Node side at once. */
async function prepare(display, launcher) {
  const python = async () => {
    if (pythonIsFresh()) return
    await setUpPython(display)
    launcher.start()
  }
  const deck = async () => {
    if (!nodeIsFresh()) await setUpNode(display)
    if (!deckIsFresh()) await buildDeck(display)
  }
  await Promise.all([python(), deck()])
}

/** Open the deck as the presenter's, or print the address. */
async function present({ pairing }, open) {
  if (open && (await openInBrowser(pairing))) console.log('  Presenter the browser that opened')
  else console.log(`  Presenter ${pairing}   (works once)`)
}

/** Where the audience follows on its phones. */
function printAudience({ share }, audience) {
  if (audience) console.log(`  Audience  ${audience}   (as a QR code on the cover)`)
  else if (share) console.log('  Audience  no network yet: join one, and the cover shows its QR code')
}

/** Report what is still warming up, until nothing is. */
async function followWarmUp(launcher) {
  let reported = ''
  for (;;) {
    const health = await launcher.server.health()
    const now = health?.status === 'ready' ? 'Ready: press Run on a slide.' : health?.reason
    if (now && now !== reported) console.log(now)
    reported = now ?? reported
    if (health?.status === 'ready') return
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/** The server of this command, restarted when it dies and stopped with this command. */
class Launcher {
  server = null
  #options
  #stopping = false
  // One token for all of this command's servers: a client that has it stays the presenter.
  #env = { DEMO_TOKEN: process.env.DEMO_TOKEN ?? randomBytes(18).toString('base64url') }

  constructor(options) {
    this.#options = options
  }

  start({ appendLog = false } = {}) {
    if (!this.#stopping) this.server = new Server(this.#options.port, this.#options.forServer, { env: this.#env, appendLog })
  }

  /** Restart it whenever it dies; resolves to why it is not restarted any more. */
  supervised() {
    const restart = () => {
      this.start({ appendLog: true })
      return this.server
    }
    return superviseServer({ server: this.server, restart, report: (line) => console.log(line) })
  }

  /** Wait for its health; where a broken `.venv` keeps it from starting, repair that first. */
  async answers(display) {
    if (await this.server.answers()) return
    if (await pythonWorks()) throw new Failure(this.server.exitReason)
    await withSetupLock(() => setUpPython(display))
    this.start()
    if (!(await this.server.answers())) throw new Failure(this.server.exitReason)
  }

  /** End everything, and this command with it. */
  async stop(why) {
    this.#stopping = true
    if (why === 'SIGINT') process.stderr.write('\nStopping.\n')
    await this.server?.stop()
    await endAll()
    process.exit(0)
  }
}
