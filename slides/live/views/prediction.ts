// How long a run will take, before it is started.
import type { JsonObject } from '../protocol/merge'
import { parametersOf } from './parameter'
import type { ExperimentInfo } from '../protocol/generated'

const ASK_ABOVE_S = 60

export interface Prediction {
  rows: number | null
  datasetRows: number | null
  /** null where nothing was measured yet */
  seconds: number | null
}

export function predict(experiment: ExperimentInfo | undefined, params: JsonObject): Prediction {
  const datasetRows = experiment?.dataset_rows ?? null
  const rows = typeof params['rows'] === 'number' ? params['rows'] : null
  const rate = experiment ? rateOf(experiment, params) : null
  return { rows, datasetRows, seconds: rows !== null && rate !== null && rate > 0 ? rows / rate : null }
}

/** Rows a second of the engine that is set; null where it was not measured. */
function rateOf({ rate, rates }: ExperimentInfo, { engine }: JsonObject): number | null {
  if (rates == null || typeof engine !== 'string')
    return rate ?? null
  return rates[engine] ?? null
}

/** The parameters for all rows, in blocks as large as before: progress moves as blocks finish. */
export function entireDataset(experiment: ExperimentInfo, params: JsonObject): JsonObject {
  const all = experiment.dataset_rows
  const { rows, blocks } = params
  if (all == null)
    return params
  if (typeof rows !== 'number' || typeof blocks !== 'number')
    return { ...params, rows: all }
  const maximum = parametersOf(experiment.schema).find(parameter => parameter.name === 'blocks')?.maximum
  return { ...params, rows: all, blocks: Math.min(maximum ?? Infinity, Math.ceil(blocks * all / rows)) }
}

/** Long runs are asked about again; so is the entire dataset while nobody knows how long it takes. */
export function needsAsking({ rows, datasetRows, seconds }: Prediction): boolean {
  return seconds === null ? rows !== null && rows === datasetRows : seconds > ASK_ABOVE_S
}
