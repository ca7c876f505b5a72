// A recording for tests: three rows in two seconds.
import type { RunEvent } from '../protocol/generated'
import { RECORDING_FORMAT } from '../protocol/generated'

export const HEADER = {
  format: RECORDING_FORMAT,
  experiment: { name: 'embed', title: 'Embed', schema: {}, defaults: { rows: 3 }, measured: true, rate: 1, dataset_rows: 3, inputs: {}, regions: {}, code_hash: 'abc', uses_held: false, actions: [], stages: {} },
  params: { rows: 3 },
  started_at: 0,
  date: '2026-11-21T12:00:00+00:00',
  machine: { system: 'Linux', machine: 'x86_64', cpus: 2 },
  versions: {},
  dataset: 'bundled',
  model: 'default',
  code_hash: 'abc',
}

const progress = (seq: number, t: number, rows: number) =>
  ({ seq, t, kind: 'progress', stage: null, data: { rows, total: 3, rate: 1, eta_s: null, operators: [] } }) satisfies RunEvent

export const EVENTS: readonly RunEvent[] = [
  { seq: 1, t: 0, kind: 'status', stage: null, data: { status: 'running', reason: null, place: null } },
  progress(2, 500, 1),
  progress(3, 1000, 2),
  progress(4, 1500, 3),
  { seq: 5, t: 2000, kind: 'status', stage: null, data: { status: 'succeeded', reason: null, place: null } },
]

export function textOf(events: readonly unknown[] = EVENTS, header: unknown = HEADER): string {
  return [header, ...events].map(line => `${JSON.stringify(line)}\n`).join('')
}
