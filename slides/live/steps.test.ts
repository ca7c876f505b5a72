import { expect, test } from 'vitest'
import { emptyStage } from './fold'
import { laneAt, laneSeconds } from './lanes'
import type { StageState } from './protocol'
import { readSteps } from './steps'

function stage(cost: number, label = 'A step'): StageState {
  const figure = (name: string, value: number) => ({ name, label: name === 'cost_s' ? label : name, value })
  const figures = [figure('cost_s', cost), figure('rate', 1000 / cost), figure('rows', 16)]
  return { ...emptyStage(), result: { columns: [], first_rows: [], figures, checks: [] } }
}

test('steps come in the order of their stages, each with the cost of the one before', () => {
  const steps = readSteps({ slow: stage(200, 'Slow'), fast: stage(2, 'Fast') })
  expect(steps.map(({ stage, title, cost, before }) => [stage, title, cost, before])).toEqual([['slow', 'Slow', 200, undefined], ['fast', 'Fast', 2, 200]])
})

test('a stage without a cost is no step', () => {
  expect(readSteps({ '': emptyStage(), 'slow': stage(200) }).map(step => step.stage)).toEqual(['slow'])
})

test('a lane starts with its first point, whenever its stage ran', () => {
  const points = [{ t: 9000, rows: 0 }, { t: 10_000, rows: 4 }, { t: 13_000, rows: 10 }]
  const ran = { ...stage(2, 'Fast'), points }
  expect(laneSeconds(ran)).toBe(4)
  expect(laneAt(ran, 1.5)).toMatchObject({ title: 'Fast', rows: 4, seconds: undefined })
  expect(laneAt(ran, 4)).toMatchObject({ rows: 10, seconds: 4 })
})
