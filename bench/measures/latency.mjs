// What a presenter waits for on the slide of `embed`, in Chromium: from a press or a finished batch
// to pixels, run after run, and from a cancel to idle CPUs.

import { Server } from '../../scripts/setup/server.mjs'
import { wholeOption } from '../choices.mjs'
import { freshContext, launchChromium, openSettled, slideOf } from '../support/deck.mjs'
import { enginesOf, experiment } from '../support/engines.mjs'
import { watchDeck } from '../support/painting.mjs'
import { freePort } from '../support/port.mjs'
import { Family } from '../support/processes.mjs'
import { medianAndWorst, quantile } from '../support/report.mjs'
import { Stage } from '../support/stage.mjs'

const ROUNDS = wholeOption('rounds', 20)
/** How long a run works before it is cancelled. */
const WORK_MS = 4000
/** Between a cancel and the next press, as a speaker talks; every fourth press comes at once. */
const PAUSE_MS = 6000
const AT_ONCE_EVERY = 4
/** Every third run is of other parameters than the one before. */
const CHANGED_EVERY = 3
const BATCH_SIZES = [2048, 1024]
const SETTLE_MS = 12_000
const WARM_MS = 240_000
const POLL_MS = 25
/** What Ray calls the processes of map_batches' actors. */
const ACTOR = /^ray::.*(MapWorker|TextEmbedder)/

async function main() {
  const server = new Server(await freePort())
  const family = new Family(server.child.pid)
  const browser = await launchChromium()
  try {
    if (!(await server.answers())) throw new Error(server.exitReason)
    await warm(server)
    const slide = await slideOf('embed')
    const context = await freshContext(browser)
    const page = await context.newPage()
    await page.addInitScript(watchDeck, slide)
    await openSettled(page, server.pairing, `${server.url}/${slide}`)
    const stage = new Stage(page, slide)
    const measured = []
    for (const engine of enginesOf(await experiment(server.url))) {
      await stage.choose('engine', engine.name)
      measured.push({ engine, rounds: await inARow(stage, family, engine) })
    }
    report(measured, await stage.batches())
  } finally {
    await browser.close()
    await server.stop()
    family.close()
  }
}

/** Wait until Ray is up and the machine is measured: nothing else is at work then. */
async function warm(server) {
  log('Ray warms up, and the machine is measured …')
  for (const until = Date.now() + WARM_MS; Date.now() < until; await pause(500)) {
    if ((await experiment(server.url))?.measured && (await server.health())?.status === 'ready') return pause(SETTLE_MS)
  }
  throw new Error(`Ray is not warm and measured after ${WARM_MS / 1000} s`)
}

/** Runs one after the other, each cancelled while it works; milliseconds from each press. */
async function inARow(stage, family, engine) {
  const actors = () => family.list().filter(({ command }) => ACTOR.test(command))
  const rounds = []
  for (let number = 1; number <= ROUNDS; number += 1) {
    const changed = number % CHANGED_EVERY === 0
    if (changed) await stage.type('batch_size', BATCH_SIZES[(number / CHANGED_EVERY) % 2])
    const atOnce = number > 1 && number % AT_ONCE_EVERY === 0
    const started = await stage.start()
    await pause(WORK_MS)
    if (!actors().length) throw new Error('no actor is at work: there is nothing to cancel')
    const asked = await stage.press('Cancel')
    while (actors().length) await pause(POLL_MS)
    const idle = Date.now() - asked
    const cancelled = (await stage.messageAt(/^Cancelled/)) - asked
    rounds.push({ number, atOnce, changed, ...started, cancelled, idle })
    log(`${engine.name}, run ${number} of ${ROUNDS}: ${JSON.stringify(rounds.at(-1))}`)
    if ((number + 1) % AT_ONCE_EVERY !== 0) await pause(PAUSE_MS)
  }
  return rounds
}

function report(measured, batches) {
  const all = measured.flatMap(({ rounds }) => rounds)
  const seconds = (rounds, name) => rounds.map((round) => round[name] / 1000)
  const delays = batches.map(({ finishedAt, at }) => at - finishedAt)
  const onTheWay = quantile(batches.map(({ finishedAt, receivedAt }) => receivedAt - finishedAt), 0.5)
  console.log(
    JSON.stringify({
      measures: [
        ...measured.flatMap(({ engine, rounds }) => ofEngine(engine, rounds, seconds)),
        { what: `batch finished in an actor to pixels, median of ${delays.length}`, value: quantile(delays, 0.5), unit: 'ms', digits: 0, at_most: 150 },
        { what: '… of which until the browser has it', value: onTheWay, unit: 'ms', digits: 0 },
        { what: '… 95 of 100 are faster than', value: quantile(delays, 0.95), unit: 'ms', digits: 0 },
        ...medianAndWorst('press Cancel to “cancelled” painted', seconds(all, 'cancelled'), { unit: 's', at_most: 0.5 }),
        ...medianAndWorst('press Cancel to no actor process left', seconds(all, 'idle'), { unit: 's', at_most: 2 }),
      ],
      notes: [
        `Chromium on the built deck at 1280x720, all its slides fetched, Ray warm, this machine’s default parameters but for the engine, ${ROUNDS} runs in a row with each engine. A run is cancelled after ${WORK_MS / 1000} s of work; then ${PAUSE_MS / 1000} s pass, or for every ${AT_ONCE_EVERY}th run none: it is started right after the cancel. Every ${CHANGED_EVERY}rd has another batch_size than the one before.`,
        'Painted: the frame after the change has been drawn, so up to one frame more than what an eye sees. Accepted and first event: when the page’s socket has them. A batch’s time is stamped by the actor when the model has returned; page and actor share the clock.',
      ],
    }),
  )
}

function ofEngine({ name: of, row }, rounds, seconds) {
  const special = (what, some) => (some.length ? [{ what: `… ${what}, median of ${some.length}`, value: quantile(seconds(some, 'firstRow'), 0.5), unit: 's' }] : [])
  return [
    ...medianAndWorst(`${of}: press Run to the first sample row painted`, seconds(rounds, 'firstRow'), { unit: 's', at_most: row.median, worst_at_most: row.worst }),
    ...special('right after a cancel', rounds.filter(({ atOnce }) => atOnce)),
    ...special('with a changed parameter', rounds.filter(({ changed }) => changed)),
    ...special('the second run and the last', [rounds.at(1), rounds.at(-1)].filter(Boolean)),
    ...medianAndWorst(`${of}: press Run to accepted`, seconds(rounds, 'accepted'), { unit: 's' }),
    ...medianAndWorst(`${of}: press Run to the first event`, seconds(rounds, 'firstEvent'), { unit: 's' }),
    ...medianAndWorst(`${of}: press Run to “starting” painted`, seconds(rounds, 'starting'), { unit: 's', at_most: 0.3 }),
  ]
}

/** Progress goes to stderr: stdout carries the result. */
function log(text) {
  process.stderr.write(`${text}\n`)
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

await main()
