import type { Page } from '@playwright/test'
import { availableParallelism } from 'node:os'
import { openSlide, shownSlide, slideOf, SLIDES } from './deck'
import { findFlaws } from './flaws'
import { chooseParameter, latestRun, message, resetSlide, runButton, runs, setParameter } from './run'
import { jumps, watchParts } from './stillness'
import { expect, test } from './test'

const SLIDE = slideOf('embed')

/** What the button of a block of code on the shown slide copies. */
async function copyCode(page: Page, text: string): Promise<string> {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  const block = shownSlide(page).locator('.slidev-code-wrapper').filter({ has: page.locator('.line', { hasText: text }) })
  await block.hover()
  await block.getByTitle('Copy').click()
  await expect(block.getByTitle('Copied')).toBeVisible()
  return page.evaluate(() => navigator.clipboard.readText())
}

test('pressing R embeds the rows before the eyes of the presenter and of a viewer', async ({ presenter, viewer }) => {
  await openSlide(presenter, SLIDE)
  await openSlide(viewer, SLIDE)
  await resetSlide(presenter)
  await setParameter(presenter, 'rows', 600)
  await setParameter(presenter, 'batch_size', 64)
  await chooseParameter(presenter, 'engine', 'OpenVinoEmbedder')
  await expect(message(presenter)).toContainText('The first 600 of')
  await expect(shownSlide(presenter).locator('.live-code')).toContainText('batch_size=64')
  await expect(shownSlide(presenter).locator('.live-code')).toContainText('OpenVinoEmbedder,')
  expect(await copyCode(presenter, 'materialized = ')).toMatch(new RegExp([
    'import ray', 'class TextEmbedder:', 'load_dataset\\("data/wordnet", split="train"\\)', 'rows = min\\(600, ',
    'import OpenVinoEmbedder\nmodel = model_for\\("OpenVinoEmbedder", model\\)',
    'ds.map_batches\\(\n +OpenVinoEmbedder,', 'batch_size=64,', 'materialized = ds.materialize\\(\\)$',
  ].join('[^]*')))

  await watchParts(presenter)
  await presenter.keyboard.press('r')
  await expect(message(presenter)).toContainText(/Starting|Running/)

  const slide = shownSlide(presenter)
  await expect(slide.locator('.run-rows .row').first()).toBeVisible()
  await expect(slide.locator('.run-badge')).toContainText('LIVE')
  await expect(message(presenter)).toContainText('Running')
  await expect(runButton(presenter), 'a run is cancelled, not started again').toHaveCount(0)
  await expect(message(viewer)).toContainText('Running')
  await expect(shownSlide(viewer).locator('.run-rows .row').first()).toBeVisible()

  await expect(message(presenter)).toContainText('Done')
  for (const page of [presenter, viewer]) {
    await expect(shownSlide(page).getByRole('progressbar')).toHaveAttribute('aria-valuenow', '600')
    await expect(shownSlide(page).locator('.run-progress')).toContainText('600 rows of the first 600 of')
    await expect(shownSlide(page).locator('.run-rows .row')).toHaveCount(3)
  }
  expect(await jumps(presenter)).toEqual([])
  expect(await shownSlide(viewer).locator('.run-rows .row .text').allTextContents())
    .toEqual(await slide.locator('.run-rows .row .text').allTextContents())

  const { run, state } = await latestRun(presenter, 'embed')
  expect(run.params).toMatchObject({ rows: 600, batch_size: 64, engine: 'OpenVinoEmbedder' })
  expect(state.stages['']?.result?.rows).toBe(600)
  expect(state.stages['']?.result?.first_rows.map(row => row.dim)).toEqual([384, 384, 384])
})

test('a reload in the middle of a run comes back to it and sees its end', async ({ presenter }) => {
  await openSlide(presenter, SLIDE)
  await resetSlide(presenter)
  await setParameter(presenter, 'rows', 1200)
  await presenter.keyboard.press('r')
  await expect(shownSlide(presenter).locator('.run-rows .row').first()).toBeVisible()
  const before = await latestRun(presenter, 'embed')

  await presenter.reload()
  await expect(message(presenter)).toContainText('Running')
  await expect(shownSlide(presenter).locator('.run-rows .row').first()).toBeVisible()
  await expect(shownSlide(presenter).getByRole('progressbar')).toHaveAttribute('aria-valuenow', '1200')
  await expect(message(presenter)).toContainText('Done')
  const after = await latestRun(presenter, 'embed')
  expect(after.run.run_id).toBe(before.run.run_id)
})

test('R cancels the run and X clears the slide', async ({ presenter }) => {
  await openSlide(presenter, SLIDE)
  await resetSlide(presenter)
  await presenter.keyboard.press('r')
  await expect(message(presenter)).toContainText('Running')
  await presenter.keyboard.press('r')
  await expect(message(presenter)).toContainText('Cancelled')
  expect((await latestRun(presenter, 'embed')).run.status).toBe('cancelled')

  await presenter.keyboard.press('x')
  await expect(message(presenter)).toContainText('The first')
  await expect(runButton(presenter)).toBeEnabled()
  await expect(shownSlide(presenter).locator('.run-rows .row')).toHaveCount(0)
})

test('a run that can never be scheduled is refused with its sum, and one that can is offered', async ({ presenter }) => {
  await openSlide(presenter, SLIDE)
  await resetSlide(presenter)
  const before = await runs(presenter)
  const tooMany = Math.max(2, availableParallelism()) + 1
  await setParameter(presenter, 'concurrency', tooMany)
  await presenter.keyboard.press('r')
  await expect(message(presenter)).toContainText(`${tooMany} actors`)
  await expect(message(presenter)).toHaveAttribute('data-tone', 'bad')

  await shownSlide(presenter).getByRole('button', { name: /^Use/ }).click()
  await expect(shownSlide(presenter).locator('.run-params label', { hasText: /^concurrency$/ }).locator('input')).not.toHaveValue(String(tooMany))
  expect(await runs(presenter), 'nothing was started').toEqual(before)
})

test('the slide about too many actors shows the whole refusal', async ({ presenter }) => {
  await openSlide(presenter, SLIDES.find(({ title }) => title === 'More actors than cores')!.number)
  await resetSlide(presenter)
  await presenter.keyboard.press('r')
  await expect(message(presenter)).toHaveAttribute('data-tone', 'bad')
  expect(await findFlaws(presenter)).toEqual([])
})

test('the entire dataset is asked about before it is started', async ({ presenter }) => {
  await openSlide(presenter, SLIDE)
  await resetSlide(presenter)
  const before = await runs(presenter)
  await shownSlide(presenter).getByRole('button', { name: 'Entire dataset' }).click()
  await expect(message(presenter)).toContainText(/rows\. .* Start\?/)
  await presenter.keyboard.press('x')
  await expect(message(presenter)).toContainText('The first')
  expect(await runs(presenter), 'nothing was started').toEqual(before)
})

test('a parameter out of its range is refused where it is typed', async ({ presenter }) => {
  await openSlide(presenter, SLIDE)
  await resetSlide(presenter)
  const field = shownSlide(presenter).locator('.run-params label', { hasText: /^batch_size$/ }).locator('input')
  const before = await field.inputValue()
  await setParameter(presenter, 'batch_size', 5000)
  await expect(message(presenter)).toContainText('4096')
  await expect(field).toHaveAttribute('aria-invalid', 'true')
  await expect(field).toHaveValue(before)
})

test('a viewer has no way to start: neither a button, nor a key, nor a frame of its own', async ({ presenter, viewer }) => {
  await openSlide(presenter, SLIDE)
  await resetSlide(presenter)
  const before = await runs(presenter)
  await openSlide(viewer, SLIDE)
  await expect(message(viewer)).toContainText('Only the presenter')
  await expect(runButton(viewer)).toBeDisabled()
  await viewer.keyboard.press('r')
  const answer = await viewer.evaluate(() => new Promise<unknown>((resolve, reject) => {
    const socket = new WebSocket(`ws://${location.host}/ws`)
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: 'hello' }))
      socket.send(JSON.stringify({ type: 'start', request_id: 'viewer', experiment: 'embed', params: {} }))
    }
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data)) as { type: string }
      if (['error', 'accepted'].includes(frame.type))
        resolve(frame)
    }
    socket.onerror = () => { reject(new Error('the socket failed')) }
  }))
  expect(answer).toMatchObject({ type: 'error', code: 'not_allowed', request_id: 'viewer' })
  expect(await runs(presenter), 'nothing was started').toEqual(before)
})
