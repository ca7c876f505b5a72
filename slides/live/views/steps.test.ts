import { expect, test } from 'vitest'
import { emptyStage } from '../state/fold'
import { laneAt, laneSeconds } from './lanes'
import type { StageState } from '../protocol/generated'
import { readSteps } from './steps'

function stage(cost_s: number, title = 'A step'): StageState {
  return { ...emptyStage(), step: { title, rows: 16, seconds: 1, start_s: 1, cost_s, rate: 1000 / cost_s } }
}

test('steps come in the order of their stages, each with the cost of the one before', () => {
  const steps = readSteps({ slow: stage(200, 'Slow'), fast: stage(2, 'Fast') })
  expect(steps.map(({ stage, title, cost_s, before }) => [stage, title, cost_s, before])).toEqual([['slow', 'Slow', 200, undefined], ['fast', 'Fast', 2, 200]])
})

test('a stage that reported no step is none', () => {
  expect(readSteps({ '': emptyStage(), 'slow': stage(200) }).map(step => step.stage)).toEqual(['slow'])
})

test('a lane starts with its first point, whenever its stage ran', () => {
  const points = [{ t: 9000, rows: 0 }, { t: 10_000, rows: 4 }, { t: 13_000, rows: 10 }]
  const ran = { ...stage(2, 'Fast'), points }
  expect(laneSeconds(ran)).toBe(4)
  expect(laneAt(ran, 1.5)).toMatchObject({ rows: 4, seconds: undefined })
  expect(laneAt(ran, 4)).toMatchObject({ rows: 10, seconds: 4 })
})
