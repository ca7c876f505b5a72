import { expect, it } from 'vitest'
import { entireDataset, needsAsking, predict } from './prediction'
import type { ExperimentInfo } from '../protocol/generated'

const embed: ExperimentInfo = {
  name: 'embed', title: '', schema: {}, defaults: {}, measured: true, rate: 100, dataset_rows: 116_000, inputs: {}, regions: {}, code_hash: '', uses_held: false, actions: [], stages: {},
}

it('predicts from the rate measured on this machine', () => {
  expect(predict(embed, { rows: 4000 })).toEqual({ rows: 4000, datasetRows: 116_000, seconds: 40 })
})

it('follows the engine that is set', () => {
  const measured = { ...embed, rates: { TextEmbedder: 100, OpenVinoEmbedder: 200 } }
  const seconds = (engine: string) => predict(measured, { rows: 4000, engine }).seconds
  expect(seconds('TextEmbedder')).toBe(40)
  expect(seconds('OpenVinoEmbedder')).toBe(20)
  expect(seconds('TorchEmbedder'), 'not measured').toBeNull()
  expect(predict(measured, { rows: 4000 }).seconds, 'an experiment without engines').toBe(40)
})

it('claims nothing where nothing was measured', () => {
  expect(predict({ ...embed, rate: null }, { rows: 4000 }).seconds).toBeNull()
  expect(predict(undefined, {})).toEqual({ rows: null, datasetRows: null, seconds: null })
})

it('asks again above a minute, and before an entire dataset that nobody has timed', () => {
  expect(needsAsking(predict(embed, { rows: 6000 }))).toBe(false)
  expect(needsAsking(predict(embed, { rows: 6001 }))).toBe(true)
  expect(needsAsking(predict({ ...embed, rate: null }, { rows: 116_000 }))).toBe(true)
  expect(needsAsking(predict({ ...embed, rate: null }, { rows: 10 }))).toBe(false)
})

it('keeps blocks as large as they are when it takes the entire dataset', () => {
  const params = { rows: 4000, blocks: 20, seed: 1 }
  expect(entireDataset(embed, params)).toEqual({ rows: 116_000, blocks: 580, seed: 1 })
  const schema = { properties: { blocks: { type: 'integer', maximum: 100 } } }
  expect(entireDataset({ ...embed, schema }, params)).toEqual({ rows: 116_000, blocks: 100, seed: 1 })
  expect(entireDataset(embed, { rows: 4000 })).toEqual({ rows: 116_000 })
})
