import { expect, test } from 'vitest'
import { emptyStage } from '../state/fold'
import { barsOf, readPasses, scaleOf } from './padding'
import type { StageState } from '../protocol/generated'

function stage(...passes: [tokens: number, padding: number][]): StageState {
  const step = { title: 'A step', rows: 10, seconds: 1, start_s: 1, cost_s: 4, rate: 250 }
  return { ...emptyStage(), step, passes: { passes: passes.map(([tokens, padding]) => ({ tokens, padding })) } }
}

test('the share of padding is of all tokens that were computed', () => {
  expect(readPasses(stage([60, 20], [15, 5]))).toEqual({
    rate: 250,
    passes: [{ tokens: 60, padding: 20 }, { tokens: 15, padding: 5 }],
    share: 0.25,
  })
})

test('a stage that has not said its passes has none', () => {
  expect(readPasses(emptyStage())).toBeUndefined()
  expect(readPasses({ ...stage([1, 0]), passes: null })).toBeUndefined()
})

test('drawings on one scale have the same area for the same tokens', () => {
  const drawings = [stage([60, 40], [60, 40]), stage([100, 0], [20, 5])].map(each => readPasses(each)!)
  const scale = scaleOf(drawings)
  expect(scale).toEqual({ passes: 2, tokens: 100 })
  const areas = drawings.map(({ passes }) => barsOf(passes, scale).reduce((area, bar) => area + bar.width * bar.tokens.height, 0))
  expect(areas[0]).toBeCloseTo(areas[1]!)
})

test('padding stands on the tokens, and no bar leaves its square or meets another', () => {
  const { passes } = readPasses(stage([60, 40], [30, 10]))!
  const [first, second] = barsOf(passes, scaleOf([readPasses(stage([60, 40], [30, 10]))!]))
  expect(first!.padding.y).toBeCloseTo(0)
  expect(first!.padding.y + first!.padding.height).toBeCloseTo(first!.tokens.y)
  expect(second!.tokens.y + second!.tokens.height).toBeCloseTo(1)
  expect(first!.x + first!.width).toBeLessThan(second!.x)
  expect(second!.x + second!.width).toBeLessThan(1)
})
