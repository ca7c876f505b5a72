// The second `npm start`: how long until it answers, until the first slide is painted, until Ray
// is ready, until a run that is started at once shows a row; how much script the first slide takes;
// and how long after Ctrl-C all of it is gone.

/* global window, document, performance, requestAnimationFrame, MessageChannel -- in the page */
import { gzipSync } from 'node:zlib'
import { endAll, launch, onStop } from '../../scripts/setup/processes.mjs'
import { findRunning } from '../../scripts/setup/server.mjs'
import { wholeOption } from '../choices.mjs'
import { freshContext, launchChromium, slideOf } from '../support/deck.mjs'
import { enginesOf, experiment } from '../support/engines.mjs'
import { watchDeck } from '../support/painting.mjs'
import { freePort } from '../support/port.mjs'
import { Family } from '../support/processes.mjs'
import { medianAndWorst } from '../support/report.mjs'
import { Stage } from '../support/stage.mjs'

const ROUNDS = wholeOption('rounds', 5)
const POLL_MS = 10
const READY_WITHIN_MS = 120_000
const MEASURED_WITHIN_MS = 240_000
const MOST_SCRIPT_KB = 600

/** In the page: resolves to the time of the frame in which the cover's heading could be seen. */
function firstSlide() {
  window.painted = new Promise((resolve) => {
    const shown = () => {
      const heading = document.querySelector('#slide-content h1')
      const { width = 0, height = 0 } = heading?.getBoundingClientRect() ?? {}
      return width > 0 && height > 0 && heading.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    }
    const check = () => {
      if (!shown() || !performance.getEntriesByName('first-contentful-paint').length) return requestAnimationFrame(check)
      // A task after this frame's callbacks comes when the frame has been drawn.
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => resolve(Date.now())
      return port2.postMessage(null)
    }
    requestAnimationFrame(check)
  })
}

/** `npm start`, what `act` does with it, and its end; `act` gets the port, when it began, and ends. */
async function started(act) {
  const port = await freePort()
  const began = Date.now()
  const child = launch('npm', ['start', '--', '--no-open', '--port', String(port)], { stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const family = new Family(child.pid)
  try {
    const measured = await act({ port, child, began })
    family.list()
    const asked = Date.now()
    process.kill(-child.pid, 'SIGINT')
    await exited
    while (family.list().length) await pause(POLL_MS)
    return { ...measured, ended: Date.now() - asked }
  } finally {
    family.close()
  }
}

/** A page that nobody has seen, closed at the end. */
async function withPage(browser, act) {
  const context = await freshContext(browser)
  try {
    return await act(await context.newPage())
  } finally {
    await context.close()
  }
}

/** How long until the first slide is painted, and Ray is ready. */
function round(browser) {
  return withPage(browser, (page) =>
    started(async ({ port, child, began }) => {
      await page.addInitScript(firstSlide)
      await healthy(port, child, () => true)
      const health = Date.now() - began
      await page.goto(`http://localhost:${port}/`, { waitUntil: 'commit' })
      const painted = (await page.evaluate('window.painted')) - began
      await healthy(port, child, ({ status }) => status === 'ready')
      return { health, painted, ready: Date.now() - began }
    }),
  )
}

/** How long until a run that is started as soon as the slide lets one shows its first row. */
function coldRun(browser, slide, engine) {
  return withPage(browser, (page) =>
    started(async ({ port, child, began }) => {
      await page.addInitScript(watchDeck, slide)
      await healthy(port, child, () => true)
      await page.goto((await findRunning()).pairing)
      await page.goto(`http://localhost:${port}/${slide}`)
      const stage = new Stage(page, slide)
      await stage.choose('engine', engine.name)
      await stage.start()
      return { firstRow: (await page.evaluate('window.seen.rowsAt')) - began }
    }),
  )
}

/** The start that is not counted: all that is done once is done, and the script is weighed. */
function firstStart(browser) {
  return withPage(browser, (page) =>
    started(async ({ port, child }) => {
      await page.addInitScript(firstSlide)
      await healthy(port, child, () => true)
      const scripts = []
      page.on('response', (answer) => {
        if (answer.request().resourceType() === 'script') scripts.push({ at: Date.now(), answer })
      })
      await page.goto(`http://localhost:${port}/`, { waitUntil: 'commit' })
      const painted = await page.evaluate('window.painted')
      const before = scripts.filter(({ at }) => at <= painted)
      const weights = await Promise.all(before.map(async ({ answer }) => gzipSync(await answer.body()).length))
      return {
        script: { files: weights.length, bytes: weights.reduce((a, b) => a + b, 0), largest: Math.max(...weights) },
        embed: await measuredOn(port),
      }
    }),
  )
}

async function measuredOn(port) {
  for (const until = Date.now() + MEASURED_WITHIN_MS; Date.now() < until; await pause(500)) {
    const embed = await experiment(`http://127.0.0.1:${port}`)
    if (embed?.measured) return embed
  }
  throw new Error(`the machine is not measured after ${MEASURED_WITHIN_MS / 1000} s`)
}

async function healthy(port, child, holds) {
  for (const until = Date.now() + READY_WITHIN_MS; Date.now() < until; await pause(POLL_MS)) {
    if (child.exitCode !== null) throw new Error('npm start ended; its messages are above')
    const health = await healthOf(port)
    if (health && holds(health)) return
  }
  throw new Error(`npm start is not ready after ${READY_WITHIN_MS / 1000} s`)
}

async function healthOf(port) {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/api/health`, { signal: AbortSignal.timeout(2000) })
    return await answer.json()
  } catch {
    return null // not listening yet
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

onStop(async () => {
  await endAll()
  process.exit(130)
})
const browser = await launchChromium()
try {
  process.stderr.write('The first start, which is not counted …\n')
  const { script, embed } = await firstStart(browser)
  const slide = await slideOf('embed')
  const engines = enginesOf(embed)
  const rounds = []
  const cold = Object.fromEntries(engines.map(({ name }) => [name, []]))
  for (let number = 1; number <= ROUNDS; number += 1) {
    rounds.push(await round(browser))
    process.stderr.write(`start ${number} of ${ROUNDS}: ${JSON.stringify(rounds.at(-1))}\n`)
    for (const engine of engines) {
      cold[engine.name].push(await coldRun(browser, slide, engine))
      process.stderr.write(`… with a run of ${engine.name} at once: ${JSON.stringify(cold[engine.name].at(-1))}\n`)
    }
  }
  const seconds = (name, of = rounds) => of.map((each) => each[name] / 1000)
  console.log(
    JSON.stringify({
      measures: [
        ...medianAndWorst('health answered', seconds('health'), { unit: 's', at_most: 1.5 }),
        ...medianAndWorst('first slide painted', seconds('painted'), { unit: 's', at_most: 3 }),
        ...medianAndWorst('Ray ready', seconds('ready'), { unit: 's' }),
        ...engines.flatMap((engine) =>
          medianAndWorst(`first row of a run of ${engine.name}, started at once`, seconds('firstRow', cold[engine.name]), { unit: 's', at_most: engine.cold }),
        ),
        ...medianAndWorst('Ctrl-C until every process is gone', seconds('ended'), { unit: 's', at_most: 5 }),
        { what: `script before the first slide, ${script.files} files, compressed`, value: Math.round(script.bytes / 1000), unit: 'kB', at_most: MOST_SCRIPT_KB },
        { what: '… the largest file', value: Math.round(script.largest / 1000), unit: 'kB' },
      ],
      notes: [
        `${ROUNDS} ${ROUNDS === 1 ? 'round' : 'rounds'}, counted from the start of \`npm\`. The page is opened when health answers, in a browser that runs already and has an empty cache; painted means first contentful paint and the cover’s heading in view, in a frame that was drawn. A run started at once: the slide is opened when health answers, the engine is chosen, Run is pressed as soon as the slide lets one; until its first sample row is painted.`,
        'Script: each file that the browser has asked for before the first slide is painted, by itself in gzip.',
      ],
    }),
  )
} finally {
  await browser.close()
}
