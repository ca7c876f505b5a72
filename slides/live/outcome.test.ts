import { expect, test } from 'vitest'
import { emptyStage } from './fold'
import { readOutcome } from './outcome'
import type { StageState } from './protocol'

function stage(value: string, more: Partial<StageState> = {}, lost = 0): StageState {
  const figures = [{ name: 'outcome', label: 'A mistake', value }, { name: 'in', label: 'rows', value: 64 }, { name: 'lost', label: 'rows are missing', value: lost }]
  return { ...emptyStage(), result: { columns: [], first_rows: [], checks: [], figures }, ...more }
}

test('a stage that is not done has no outcome', () => {
  expect(readOutcome(emptyStage())).toBeUndefined()
})

test('an exception shows its class, its words and the remedy', () => {
  const failure = { exception: 'ValueError', message: 'No list.', remedy: 'Name it.', expected: true }
  expect(readOutcome(stage('ValueError', { failure }))).toEqual({ title: 'A mistake', kind: 'raised', headline: 'ValueError', words: 'No list.', remedy: 'Name it.', counted: '' })
})

test('what is silent shows the rows that are missing, what happens and the remedy', () => {
  const notes: StageState['notes'] = [{ text: 'Not there.', level: 'warning' }, { text: 'Let it raise.', level: 'info' }]
  expect(readOutcome(stage('62 of 64 rows', { notes }, 2))).toMatchObject({ kind: 'silent', headline: '62 of 64 rows', words: 'Not there.', remedy: 'Let it raise.', counted: '2 rows are missing' })
})

test('what works shows its rows, and none that are missing', () => {
  expect(readOutcome(stage('64 of 64 rows'))).toMatchObject({ kind: 'worked', words: '', remedy: '', counted: '' })
})
