// One parameter of an experiment, as its JSON Schema describes it.
import type { JsonValue } from '../protocol/generated'

export interface Parameter {
  name: string
  kind: 'number' | 'boolean' | 'choice' | 'text'
  integer: boolean
  minimum: number | undefined
  maximum: number | undefined
  choices: JsonValue[]
  /** Choices that can't be had on this machine or with this model, and why. */
  refused: Record<string, string>
  /** What a text means; `python-name` stands in code without quotes. */
  format: string
  description: string
}

type Schema = Record<string, unknown>

export function parametersOf(schema: Schema | undefined): Parameter[] {
  return Object.entries(asSchema(schema?.['properties'])).map(([name, property]) => toParameter(name, asSchema(property)))
}

/** The value that a person typed, or a sentence that says what is allowed. */
export function readParameter(parameter: Parameter, text: string): { value: JsonValue } | { mistake: string } {
  const { name, kind, integer, minimum = -Infinity, maximum = Infinity } = parameter
  if (kind !== 'number')
    return { value: text }
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isNaN(value) || (integer && !Number.isInteger(value)) || value < minimum || value > maximum)
    return { mistake: `${name} takes ${integer ? 'a whole number' : 'a number'} ${rangeOf(parameter)}.` }
  return { value }
}

/** A choice as the list shows it: with the reason, where it is refused. */
export function labelOf({ refused }: Parameter, choice: JsonValue): string {
  const name = typeof choice === 'string' ? choice : JSON.stringify(choice)
  const reason = refused[name]
  if (reason === undefined)
    return name
  return reason.startsWith(name) ? reason : `${name}: ${reason}`
}

export function rangeOf({ minimum, maximum }: Parameter): string {
  if (minimum === undefined)
    return maximum === undefined ? '' : `up to ${maximum}`
  return maximum === undefined ? `from ${minimum}` : `from ${minimum} to ${maximum}`
}

function toParameter(name: string, schema: Schema): Parameter {
  const choices = Array.isArray(schema['enum']) ? schema['enum'] as JsonValue[] : []
  const type = schema['type']
  return {
    name,
    kind: choices.length > 0 ? 'choice' : type === 'boolean' ? 'boolean' : type === 'integer' || type === 'number' ? 'number' : 'text',
    integer: type === 'integer',
    minimum: asNumber(schema['minimum']),
    maximum: asNumber(schema['maximum']),
    choices,
    refused: Object.fromEntries(Object.entries(asSchema(schema['refused'])).map(([choice, why]) => [choice, String(asSchema(why)['reason'])])),
    format: typeof schema['format'] === 'string' ? schema['format'] : '',
    description: typeof schema['description'] === 'string' ? schema['description'] : '',
  }
}

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? value as Schema : {}
}

function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
