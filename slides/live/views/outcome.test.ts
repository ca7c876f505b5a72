import { expect, test } from 'vitest'
import { countedOf, headlineOf } from './outcome'
import type { OutcomeData } from '../protocol/generated'

const WORKED: OutcomeData = { title: 'A form', outcome: 'worked', rows_in: 64, rows_out: 64 }

test('an exception is shown by its class', () => {
  expect(headlineOf({ ...WORKED, outcome: 'raised', rows_out: null, exception: 'ValueError' })).toBe('ValueError')
})

test('without an exception the rows are shown, and how many are missing', () => {
  const silent: OutcomeData = { ...WORKED, outcome: 'silent', rows_out: 62 }
  expect([headlineOf(silent), countedOf(silent)]).toEqual(['62 of 64 rows', '2 rows are missing'])
})

test('the processes are counted where they are known', () => {
  expect(countedOf({ ...WORKED, processes: 1 })).toBe('1 process did the work')
  expect(countedOf(WORKED)).toBe('')
})

test('rows of code that raised are not called missing', () => {
  expect(countedOf({ ...WORKED, outcome: 'raised', rows_out: null })).toBe('')
})
