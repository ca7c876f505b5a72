import type { Page } from '@playwright/test'
import { readdirSync, readFileSync } from 'node:fs'
import { openSlide, ROOT, settle, shownSlide, SLIDES, slideOf } from './deck'
import { findFlaws } from './flaws'
import { message, resetSlide } from './run'
import { DemoServer } from './server'
import { buildStatic, serveFolder } from './static'
import { expect, test } from './test'

test.use({ reducedMotion: 'reduce' })

const badge = (page: Page) => shownSlide(page).locator('.run-badge')
const place = (page: Page) => shownSlide(page).getByLabel('Place in the recording')

test('every recording ships under 300 kB', () => {
  const directory = `${ROOT}public/recordings/`
  const files = readdirSync(directory).filter(file => file.endsWith('.jsonl'))
  expect(files.map(file => file.replace('.jsonl', ''))).toEqual(expect.arrayContaining(SLIDES.flatMap(({ experiment }) => experiment ?? [])))
  for (const file of files)
    expect(readFileSync(directory + file).byteLength, file).toBeLessThan(300_000)
})

test('the deck without a server, under a path of a plain host, shows each run at its recorded end', async ({ browser, pageErrors }) => {
  const host = await serveFolder(await buildStatic(), '/talks/x/')
  const context = await browser.newContext({ storageState: undefined, reducedMotion: 'reduce' })
  pageErrors.follow(context, new URL(host.url).origin)
  const page = await context.newPage()
  const sockets: string[] = []
  page.on('websocket', (socket) => { sockets.push(socket.url()) })
  try {
    for (const { number, title, starts } of SLIDES) {
      await page.goto(`${host.url}#/${number}`)
      await settle(page, number)
      if (!starts)
        continue
      await expect(badge(page)).toContainText('RECORDED')
      await expect(message(page)).toContainText('Recorded on')
      await expect.poll(async () => Number(await place(page).inputValue())).toBe(Number(await place(page).getAttribute('max')))
      expect(await findFlaws(page), `slide ${number}`).toEqual([])
      if (title === 'The doctor')
        await expect(shownSlide(page).locator('[data-check]')).toHaveCount(6)
    }
    await page.goto(`${host.url}#/${slideOf('embed')}`)
    await settle(page, slideOf('embed'))
    const end = await shownSlide(page).locator('.run-progress').textContent()
    await page.keyboard.press('r')
    await expect(shownSlide(page).getByRole('button', { name: /^Pause/ })).toBeVisible()
    await expect(shownSlide(page).locator('.run-rows .row').first()).toBeVisible()
    await place(page).fill(String(await place(page).getAttribute('max')))
    await expect(shownSlide(page).locator('.run-progress')).toHaveText(end ?? '')
    expect(sockets).toEqual([])
    expect(host.asked).toEqual([])
  }
  finally {
    await context.close()
    await host.close()
  }
})

test('the whole talk is given from recordings, on the stage and in the presenter’s view', async ({ browser, pageErrors }) => {
  const server = await DemoServer.start({ flags: ['--recorded'] })
  const context = await browser.newContext({ baseURL: server.url, storageState: undefined, reducedMotion: 'reduce' })
  pageErrors.follow(context, server.url)
  const [stage, notes] = [await context.newPage(), await context.newPage()]
  try {
    await stage.goto(server.pairing)
    await openSlide(stage, slideOf('peek'))
    await openSlide(notes, slideOf('peek'), '/presenter')
    for (const page of [stage, notes])
      await expect(message(page)).toContainText('A recording of')
    await notes.keyboard.press('r')
    for (const page of [stage, notes]) {
      await expect(badge(page)).toContainText('RECORDED')
      await expect(shownSlide(page).locator('.run-rows .row').first()).toBeVisible()
    }
    await stage.keyboard.press('x')
    await expect(place(notes)).toHaveCount(0)
  }
  finally {
    await context.close()
    await server.stop()
    server.forget()
  }
})

test('a server that dies leaves the presenter a key that plays the recording', async ({ browser, pageErrors }) => {
  pageErrors.expect(/WebSocket|ERR_CONNECTION_REFUSED/)
  const server = await DemoServer.start()
  const context = await browser.newContext({ baseURL: server.url, storageState: undefined })
  pageErrors.follow(context, server.url)
  const page = await context.newPage()
  try {
    await page.goto(server.pairing)
    await openSlide(page, slideOf('dataset'))
    await server.ready()
    await resetSlide(page)
    await server.crash()
    await shownSlide(page).getByRole('button', { name: /^Recording/ }).waitFor()
    await page.keyboard.press('p')
    await expect(badge(page)).toContainText('RECORDED')
    await expect(shownSlide(page).locator('.result-rows tbody tr')).toHaveCount(3)
  }
  finally {
    await context.close()
    const successor = await DemoServer.start({ cache: server.cache, port: server.port })
    await successor.stop()
    successor.forget()
  }
})
