import type { Page } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { click, openSlide, ROOT, shownSlide, slideOf, SLIDES } from './deck'
import { findFlaws } from './flaws'
import { findOverflows } from './layout'
import { readSlide } from './painted'
import { latestRun, message, resetSlide, setParameter } from './run'
import { familyOf } from './server'
import { jumps, watchParts } from './stillness'
import { expect, test } from './test'

test.use({ reducedMotion: 'reduce' })

/** Runs the slide's experiment; how it looks is measured while it runs and when it is done. */
async function runAndLook(page: Page): Promise<void> {
  await watchParts(page)
  await page.keyboard.press('r')
  await expect(message(page)).toContainText(/Starting|Running|Done/)
  const active = async () => /Starting|Running/.test(await message(page).textContent() ?? '')
  expect(await findFlaws(page, active), 'while it runs').toEqual([])
  await expect(message(page)).toContainText('Done')
  expect(await findFlaws(page), 'when it is done').toEqual([])
  expect(await jumps(page)).toEqual([])
}

/** What Python reads from the bundled dataset: how many rows, which columns, the texts asked for. */
function readDataset(ids: readonly string[]): { rows: number, columns: string[], texts: string[] } {
  const program = `
import glob, json, sys, pyarrow.parquet as pq
table = pq.read_table(sorted(glob.glob("data/wordnet/*.parquet")))
texts = dict(zip(table["id"].to_pylist(), table["text"].to_pylist()))
print(json.dumps({"rows": table.num_rows, "columns": table.column_names, "texts": [texts.get(i) for i in sys.argv[1:]]}))`
  return JSON.parse(execFileSync('.venv/bin/python', ['-c', program, ...ids], { cwd: ROOT, encoding: 'utf8' })) as ReturnType<typeof readDataset>
}

test('the dataset slide shows the rows and the schema that are on disk', async ({ page }) => {
  await openSlide(page, slideOf('dataset'))
  await resetSlide(page)
  await runAndLook(page)
  const { state } = await latestRun(page, 'dataset')
  const onDisk = readDataset([])
  expect(state.stages['']?.result?.rows).toBe(onDisk.rows)
  const schema = shownSlide(page).locator('.result-schema')
  await expect(schema).toContainText(`${onDisk.rows.toLocaleString('en-US')} rows`)
  await expect(schema.locator('dt')).toHaveText(onDisk.columns)
  await expect(shownSlide(page).locator('.result-rows tbody tr')).toHaveCount(3)
})

test('the peek slide embeds one batch and draws its rows', async ({ page }) => {
  await openSlide(page, slideOf('peek'))
  await resetSlide(page)
  await runAndLook(page)
  await expect(shownSlide(page).locator('.run-progress')).toContainText('128 rows')
  const rows = (await latestRun(page, 'peek')).state.stages['']?.rows ?? []
  expect(rows.length).toBeGreaterThan(0)
  const shown = await shownSlide(page).locator('.run-rows .row .text').allTextContents()
  expect(rows.map(row => row.text)).toEqual(expect.arrayContaining(shown))
  await expect(shownSlide(page).locator('.run-rows .row canvas, .run-rows .row svg')).toHaveCount(shown.length)
})

test('the show slide asks the dataset that the embed slide has materialized', async ({ page }) => {
  await openSlide(page, slideOf('embed'))
  await resetSlide(page)
  await setParameter(page, 'rows', 500)
  await runAndLook(page)

  await openSlide(page, slideOf('show'))
  await resetSlide(page)
  await runAndLook(page)
  const { state } = await latestRun(page, 'show')
  const result = state.stages['']?.result
  expect(result?.rows).toBe(500)
  expect(result?.first_rows.map(row => row.dim)).toEqual([384, 384, 384])
  expect(result?.first_rows.map(row => row.text)).toEqual(readDataset(result?.first_rows.map(row => row.id) ?? []).texts)
  await expect(shownSlide(page).getByRole('figure', { name: 'Original dataset' })).toContainText('num_rows=500')
  await expect(shownSlide(page).locator('.result-schema')).toContainText('embedding')
  await expect(shownSlide(page).locator('.result-rows tbody tr')).toHaveCount(3)
})

test('the out of memory slide shows the real exception and then the smaller batch that passes', async ({ page }) => {
  await openSlide(page, slideOf('out_of_memory'))
  await resetSlide(page)
  await runAndLook(page)
  const { state } = await latestRun(page, 'out_of_memory')
  const failure = state.stages['large_batch']?.failure
  expect(failure?.expected).toBe(true)
  expect(failure?.message).toMatch(/alloc|memory/i)
  await expect(shownSlide(page).locator('.run-failure h3')).toContainText(failure?.exception ?? 'an exception')
  expect(state.stages['small_batch']?.failure).toBeNull()
  expect(state.stages['small_batch']?.progress).toMatchObject({ rows: 512, total: 512 })
  await expect(shownSlide(page).getByRole('progressbar')).toHaveAttribute('aria-valuenow', '512')
})

test('the recovery slide kills a worker, and each row still comes exactly once', async ({ page }) => {
  await openSlide(page, slideOf('recovery'))
  await resetSlide(page)
  const kill = shownSlide(page).getByRole('button', { name: 'Kill a worker' })
  await expect(kill).toHaveCount(0)
  await watchParts(page)
  await page.keyboard.press('r')
  await expect(shownSlide(page).getByRole('progressbar')).toHaveAttribute('aria-valuenow', /[1-9]/)
  await kill.click()
  const notes = shownSlide(page).locator('.run-notes')
  await expect(notes).toContainText('died')
  expect(await findFlaws(page), 'while it recovers').toEqual([])
  await expect(notes).toContainText('has taken over')
  await expect(message(page)).toContainText('Done')
  await expect(kill).toHaveCount(0)
  expect(await findFlaws(page), 'when it is done').toEqual([])
  expect(await jumps(page)).toEqual([])
  const { run, state } = await latestRun(page, 'recovery')
  const figures = Object.fromEntries((state.stages['']?.result?.figures ?? []).map(({ name, value }) => [name, value]))
  expect(figures).toMatchObject({ kills: 1, rows_once: run.params['rows'] })
  expect(figures['recovery_s']).toBeGreaterThan(0)
  await expect(shownSlide(page).locator('[data-figure="recovery_s"]')).toContainText('s')
})

test('the errors slide shows for each form what came of it, in the run’s own words', async ({ page }) => {
  await openSlide(page, slideOf('errors'))
  await resetSlide(page)
  await runAndLook(page)
  const { state } = await latestRun(page, 'errors')
  const stages = Object.entries(state.stages).filter(([name]) => /_(wrong|block|fixed)$/.test(name))
  expect(stages).toHaveLength(17)
  expect(stages.map(([name]) => name)).toEqual(expect.arrayContaining(['list_wrong', 'swallowed_block', 'pickle_fixed']))
  const outcome = shownSlide(page).locator('.run-outcome')
  for (const [index, [name, { outcome: found }]] of stages.entries()) {
    if (index > 0)
      await click(page, slideOf('errors'), index)
    await expect(outcome, name).toContainText(found?.message ?? 'rows')
    await expect(outcome, name).toHaveAttribute('data-kind', found!.outcome)
    expect(found!.outcome === 'worked', name).toBe(name.endsWith('_fixed'))
    expect(findOverflows(await readSlide(page)), name).toEqual([])
  }
})

test('the padding slide draws each pass of both runs, and less grey by length', async ({ page }) => {
  await openSlide(page, slideOf('padding'))
  await resetSlide(page)
  await runAndLook(page)
  const { state } = await latestRun(page, 'padding')
  const [before, after] = ['in_order', 'by_length'].map((stage) => {
    const { passes } = state.stages[stage]!.passes!
    const [tokens, padding] = [passes.reduce((sum, pass) => sum + pass.tokens, 0), passes.reduce((sum, pass) => sum + pass.padding, 0)]
    return { stage, passes: passes.length, share: padding / (padding + tokens) }
  })
  expect(after!.share).toBeLessThan(before!.share)
  for (const { stage, passes, share } of [before!, after!]) {
    const drawing = shownSlide(page).locator(`.padding-area [data-stage="${stage}"]`)
    await expect(drawing.locator('g')).toHaveCount(passes)
    await expect(drawing).toContainText(`${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}% padding`)
  }
})

test('the doctor answers each question with a figure of the run just made', async ({ page }) => {
  await openSlide(page, SLIDES.find(({ title }) => title === 'The doctor')!.number)
  await resetSlide(page)
  await runAndLook(page)
  const { state } = await latestRun(page, 'embed')
  const checks = state.stages['']?.checks?.checks ?? []
  expect(checks).toHaveLength(6)
  for (const { name, state: found, figure } of checks) {
    const shown = shownSlide(page).locator(`[data-check="${name}"]`)
    await expect(shown).toHaveAttribute('data-state', found)
    await expect(shown).toContainText(figure?.label ?? 'not measured')
  }
  expect(checks.find(({ name }) => name === 'loaded')?.state).toBe('ok')
})

test('the shutdown slide ends Ray’s processes and the next run brings Ray back', async ({ page }) => {
  const rayProcesses = () => familyOf(Number(process.env['DEMO_SERVER_PID'])).filter(({ command }) => /raylet|gcs_server/.test(command))
  await openSlide(page, slideOf('shutdown'))
  await resetSlide(page)
  expect(rayProcesses().length).toBeGreaterThan(0)
  await runAndLook(page)
  expect(rayProcesses()).toEqual([])
  const figures = (await latestRun(page, 'shutdown')).state.stages['']?.result?.figures ?? []
  expect(figures.find(figure => figure.name === 'ended_processes')?.value).toBeGreaterThan(3)
  expect(figures.find(figure => figure.name === 'freed_bytes')?.value).toBeGreaterThan(100_000_000)
  await expect(shownSlide(page).locator('.run-figures [data-figure]')).toHaveCount(figures.length)

  await openSlide(page, slideOf('dataset'))
  await resetSlide(page)
  await page.keyboard.press('r')
  await expect(message(page)).toContainText('Ray')
  await expect(message(page)).toContainText('Done')
  expect(rayProcesses().length).toBeGreaterThan(0)
})
