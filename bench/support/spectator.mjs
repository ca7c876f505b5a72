// One browser on a slide while others measure: `spectator.mjs PAIRING URL EXPERIMENT`. It says
// "ready", answers each line on stdin with what it has seen since the last, and ends with stdin.

import { createInterface } from 'node:readline'
import { freshContext, launchChromium, openSettled, slideOf } from './deck.mjs'
import { takeSeen, watchDeck } from './painting.mjs'

const HEAP_EVERY_MS = 2000

const [pairing, url, experiment] = process.argv.slice(2)
const slide = await slideOf(experiment)
const browser = await launchChromium()
try {
  const context = await freshContext(browser)
  const page = await context.newPage()
  await page.addInitScript(watchDeck, slide)
  await openSettled(page, pairing, `${url}/${slide}`)
  await page.locator(`#slide-content [data-slidev-no="${slide}"] .run-message`).waitFor()
  const devtools = await context.newCDPSession(page)
  await devtools.send('Performance.enable')
  const heap = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'JSHeapUsedSize').value
  }
  let highest = 0
  let reading = Promise.resolve()
  const read = () => (reading = heap().then((bytes) => (highest = Math.max(highest, bytes))))
  const timer = setInterval(read, HEAP_EVERY_MS)
  console.log('ready')
  for await (const asked of createInterface({ input: process.stdin })) {
    await reading
    const { batches, longTasks } = await page.evaluate(takeSeen)
    await devtools.send('HeapProfiler.collectGarbage')
    console.log(JSON.stringify({ asked, batches, longTasks, heapHighest: highest, heapHeld: await heap() }))
    highest = 0
    // The collection is a long task, and not the deck's.
    await page.evaluate(takeSeen)
  }
  clearInterval(timer)
  await reading
} finally {
  await browser.close()
}
