// A slide's run as the audience sees it and as the server knows it.
import type { Locator, Page } from '@playwright/test'
import { expect } from '@playwright/test'
import { nextPaint, shownSlide } from './deck'

export interface RunInfo {
  run_id: string
  experiment: string
  params: Record<string, unknown>
  status: string
}

export function message(page: Page): Locator {
  return shownSlide(page).locator('.run-message')
}

export function runButton(page: Page): Locator {
  return shownSlide(page).getByRole('button', { name: /^Run/ })
}

/** Changes a parameter as a presenter does: type, then leave the field. */
export async function setParameter(page: Page, name: string, value: number): Promise<void> {
  const field = shownSlide(page).locator('.run-params label', { hasText: new RegExp(`^${name}$`) }).locator('input')
  await field.fill(String(value))
  await field.blur()
  await nextPaint(page)
}

/** Chooses a parameter's value as the keyboard does it. */
export async function chooseParameter(page: Page, name: string, value: string): Promise<void> {
  const field = shownSlide(page).locator('.run-params label', { hasText: new RegExp(`^${name}`) }).locator('select')
  await field.focus()
  await page.keyboard.type(value)
  await expect(field).toHaveValue(value)
  await field.blur()
  await nextPaint(page)
}

/** Back to a slide that nothing has run on, with the experiment's own parameters. */
export async function resetSlide(page: Page): Promise<void> {
  await expect(shownSlide(page).locator('.run-badge')).toContainText('LIVE')
  await expect(runButton(page)).toBeEnabled()
  await page.keyboard.press('x')
  await nextPaint(page)
  await expect(message(page)).not.toContainText(/Done|Failed|Cancelled/)
}

/** The server's list of runs, oldest first. */
export async function runs(page: Page): Promise<RunInfo[]> {
  const answer = await page.request.get('/api/runs')
  const all = await answer.json() as (RunInfo & { started_at: number })[]
  return all.sort((a, b) => a.started_at - b.started_at)
}

/** The newest run of an experiment, with what it folded to. */
export async function latestRun(page: Page, experiment: string): Promise<{ run: RunInfo, state: RunState }> {
  const run = (await runs(page)).findLast(known => known.experiment === experiment)
  if (!run)
    throw new Error(`no run of ${experiment} is known`)
  return await (await page.request.get(`/api/runs/${run.run_id}`)).json() as { run: RunInfo, state: RunState }
}

export interface RunState {
  stages: Record<string, {
    result: { rows: number | null, first_rows: { id: string, text: string, dim: number | null }[], figures: { name: string, value: number | string }[] } | null
    outcome: { outcome: string, exception: string | null, message: string | null } | null
    passes: { passes: { tokens: number, padding: number }[] } | null
    checks: { checks: { name: string, state: string, figure: { label: string } | null }[] } | null
    failure: { exception: string, message: string, expected: boolean } | null
    progress: { rows: number, total: number | null } | null
    rows: { id: string, text: string }[]
  }>
}
