import { expect, it } from 'vitest'
import type { Parameter } from './parameter'
import { labelOf, parametersOf, readParameter } from './parameter'

const [batchSize, share, warm, device] = parametersOf({
  properties: {
    batch_size: { type: 'integer', minimum: 1, maximum: 4096, description: 'rows in a call' },
    share: { type: 'number', minimum: 0 },
    warm: { type: 'boolean' },
    device: { type: 'string', enum: ['cpu', 'cuda', 'mps'], refused: { cuda: { reason: 'There is none.', remedy: '' }, mps: { reason: 'mps needs a Mac.', remedy: '' } } },
  },
}) as [Parameter, Parameter, Parameter, Parameter]

it('reads kinds, ranges and choices from the schema', () => {
  expect(batchSize).toMatchObject({ kind: 'number', integer: true, minimum: 1, maximum: 4096, description: 'rows in a call' })
  expect(warm.kind).toBe('boolean')
  expect(device).toMatchObject({ kind: 'choice', choices: ['cpu', 'cuda', 'mps'] })
})

it('takes what lies in the range', () => {
  expect(readParameter(batchSize, ' 64 ')).toEqual({ value: 64 })
  expect(readParameter(share, '0.5')).toEqual({ value: 0.5 })
})

it.each(['', '0', '4097', '1.5', 'many', 'Infinity'])('refuses %j with the parameter and its range', (text) => {
  expect(readParameter(batchSize, text)).toEqual({ mistake: 'batch_size takes a whole number from 1 to 4096.' })
})

it('knows no parameters of no schema', () => {
  expect(parametersOf(undefined)).toEqual([])
})

it('shows a choice that is refused with the reason, and its name once', () => {
  expect(device.choices.map(choice => labelOf(device, choice))).toEqual(['cpu', 'cuda: There is none.', 'mps needs a Mac.'])
  expect(Object.keys(device.refused)).toEqual(['cuda', 'mps'])
})
