import type { Page } from '@playwright/test'
import { openSlide, settle, shownSlide, slideOf, SLIDES } from './deck'
import { message, resetSlide } from './run'
import { DemoServer } from './server'
import { expect, test as base } from './test'

const POLL = SLIDES.findIndex(slide => slide.title.includes('knobs')) + 1
const CLICKS = SLIDES.findIndex(slide => slide.clicks === 1) + 1
const AUDIENCE = SLIDES.findIndex(slide => slide.title.includes('on your phone')) + 1

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, storageState: undefined }

interface Shared {
  server: DemoServer
  /** Where the audience's phones open the deck: not the loopback. */
  address: string
  /** The cookie of the presenter's paired browser. */
  cookie: { name: string, value: string, url: string }
}

const test = base.extend<{ stage: Page, phone: Page }, { shared: Shared }>({
  shared: [async ({}, use) => { // eslint-disable-line no-empty-pattern -- Playwright wants a pattern
    const server = await DemoServer.start({ flags: ['--share'] })
    try {
      await server.ready()
      const address = (await server.health())?.share_url
      if (!address)
        throw new Error('this machine has no address in a network, so nobody can follow')
      await use({ server, address, cookie: await pair(server) })
    }
    finally {
      await server.stop()
      server.forget()
    }
  }, { scope: 'worker', timeout: 180_000 }],
  stage: async ({ browser, pageErrors, shared }, use) => {
    const context = await browser.newContext({ baseURL: shared.server.url, storageState: undefined })
    pageErrors.follow(context, shared.server.url)
    await context.addCookies([shared.cookie])
    await use(await context.newPage())
    await context.close()
  },
  phone: async ({ browser, pageErrors, shared }, use) => {
    const context = await browser.newContext({ ...PHONE, baseURL: shared.address })
    pageErrors.follow(context, shared.address)
    await use(await context.newPage())
    await context.close()
  },
})

async function pair({ pairing, url }: DemoServer): Promise<Shared['cookie']> {
  const answer = await fetch(pairing, { redirect: 'manual' })
  const [name, value] = (answer.headers.get('set-cookie') ?? '').split(';')[0]!.split('=')
  if (!name || !value)
    throw new Error(`the pairing code was not taken: ${answer.status}`)
  return { name, value, url }
}

async function isAt(page: Page, number: number, clicks = 0): Promise<void> {
  await expect(page).toHaveURL(({ pathname, searchParams }) =>
    pathname.split('/').pop() === String(number) && Number(searchParams.get('clicks') ?? 0) === clicks)
}

test('a phone that scans the code follows the pages, the run and the poll', async ({ stage, phone, shared }) => {
  await openSlide(stage, AUDIENCE)
  const shown = shared.address.replace('http://', '')
  await expect(shownSlide(stage).getByRole('img', { name: `QR code of ${shown}` })).toBeVisible()
  await expect(shownSlide(stage).getByText(shown)).toBeVisible()

  await phone.goto('/')
  await isAt(phone, AUDIENCE)
  await openSlide(stage, CLICKS)
  await isAt(phone, CLICKS)
  await stage.keyboard.press('ArrowRight')
  await isAt(phone, CLICKS, 1)

  await openSlide(stage, slideOf('peek'))
  await resetSlide(stage)
  await settle(phone, slideOf('peek'))
  await expect(message(phone)).toContainText('Only the presenter')
  await stage.keyboard.press('r')
  await expect(message(phone)).toContainText(/Starting|Running/)
  await expect(message(phone)).toContainText('Done')
  await expect(shownSlide(phone).locator('.run-rows .row').first()).toBeVisible()
  expect(await phone.evaluate(() => document.documentElement.scrollWidth), 'nothing to scroll sideways').toBeLessThanOrEqual(PHONE.viewport.width)

  await openSlide(stage, POLL)
  await settle(phone, POLL)
  const poll = shownSlide(phone).locator('.poll')
  await poll.getByText('256 rows', { exact: true }).tap()
  await poll.getByRole('button', { name: 'Submit' }).tap()
  await expect(shownSlide(phone).locator('.poll-results > *').filter({ hasText: '256 rows' })).toContainText('100')
})

test('the presenter’s phone turns the pages until it is revoked', async ({ stage, phone, shared, pageErrors }) => {
  await openSlide(stage, CLICKS)
  const devices = await stage.context().newPage()
  await devices.goto('/devices')
  const answer = devices.waitForResponse('**/api/devices/codes')
  await devices.getByRole('button', { name: 'Pair a phone' }).click()
  await expect(devices.getByRole('img', { name: 'QR code that pairs one phone' })).toBeVisible()
  const { url } = await (await answer).json() as { url: string }
  expect(url).toContain(shared.address)

  await phone.goto(url)
  await isAt(phone, CLICKS)
  expect(phone.url(), 'the code is out of the address bar').not.toContain('code')
  await expect(devices.getByRole('img'), 'the code is used up').toHaveCount(0)
  await expect(devices.getByRole('listitem').filter({ hasText: 'connected' })).toBeVisible()
  const next = phone.getByRole('button', { name: 'Go to next slide' })
  await next.tap()
  await isAt(stage, CLICKS, 1)
  await next.tap()
  await isAt(stage, CLICKS + 1)
  await settle(stage, CLICKS + 1)
  await stage.keyboard.press('ArrowLeft')
  await isAt(phone, CLICKS, 1)

  pageErrors.expect(/403/)
  await devices.getByRole('listitem').filter({ hasText: 'connected' }).getByRole('button', { name: 'Revoke' }).click()
  await expect(devices.getByRole('listitem')).toHaveCount(1)
  await expect.poll(() => phone.evaluate(async () => (await fetch('/api/devices')).status)).toBe(403)
  await next.tap()
  await isAt(phone, CLICKS + 1)
  await isAt(stage, CLICKS, 1)
  await openSlide(stage, POLL)
  await isAt(phone, POLL)
})
