import { openSlide, shownSlide, slideOf } from './deck'
import { latestRun, message, resetSlide, runButton } from './run'
import { DemoServer } from './server'
import { expect, test } from './test'

test('a silent server is STALE, then RECONNECTING, and LIVE when it is back', async ({ presenter, pageErrors }) => {
  pageErrors.expect(/WebSocket/)
  const server = Number(process.env['DEMO_SERVER_PID'])
  await openSlide(presenter, slideOf('dataset'))
  await resetSlide(presenter)
  const badge = shownSlide(presenter).locator('.run-badge')
  process.kill(server, 'SIGSTOP')
  try {
    await expect(badge).toContainText('STALE')
    await expect(badge).toContainText('RECONNECTING')
    await expect(runButton(presenter)).toBeDisabled()
  }
  finally {
    process.kill(server, 'SIGCONT')
  }
  await expect(badge).toContainText('LIVE')
  await expect(runButton(presenter)).toBeEnabled()
})

test('a server that was killed in the middle of a run comes back, and the run is marked failed', async ({ browser, pageErrors }) => {
  pageErrors.expect(/WebSocket|ERR_CONNECTION_REFUSED/)
  const killed = await DemoServer.start()
  const context = await browser.newContext({ baseURL: killed.url, storageState: undefined })
  pageErrors.follow(context, killed.url)
  const page = await context.newPage()
  await page.goto(killed.pairing)
  await killed.warm()
  await openSlide(page, slideOf('embed'))
  await resetSlide(page)
  await page.keyboard.press('r')
  await expect(shownSlide(page).locator('.run-rows .row').first()).toBeVisible()
  await killed.crash()
  const badge = shownSlide(page).locator('.run-badge')
  await expect(badge).toContainText('RECONNECTING')

  const successor = await DemoServer.start({ cache: killed.cache, port: killed.port })
  try {
    await expect(badge).toContainText('LIVE')
    await expect(message(page)).toContainText('Failed')
    await expect(message(page), 'the browser is still the presenter’s').not.toContainText('Only the presenter')
    expect((await latestRun(page, 'embed')).run.status).toBe('failed')
    await expect.poll(() => killed.leftovers(), 'what was left behind is ended').toEqual([])
  }
  finally {
    await context.close()
    await successor.stop()
    successor.forget()
  }
})
