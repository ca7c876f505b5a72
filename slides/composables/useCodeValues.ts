import type { ComputedRef } from 'vue'
import { computed } from 'vue'
import type { JsonValue } from '../live/protocol/generated'
import { parametersOf } from '../live/views/parameter'
import { useParameters } from './useParameters'

/** What recordings that name none of it were made with. */
const BUNDLED: Readonly<Record<string, string>> = {
  arguments: '"data/wordnet", split="train"',
  column: '"text"',
  model: '"sentence-transformers/all-MiniLM-L6-v2"',
}

/** The values of names in shown code, as Python has them: `params.x` of a run, `inputs.x` of its dataset and model. */
export function useCodeValues(name?: string): ComputedRef<Readonly<Record<string, string>>> {
  const { experiment, params } = useParameters(name)
  return computed(() => {
    const names = new Set(parametersOf(experiment.value?.schema).filter(({ format }) => format === 'python-name').map(parameter => parameter.name))
    const inputs = experiment.value === undefined ? {} : { ...BUNDLED, ...experiment.value.inputs }
    return Object.fromEntries([
      ...Object.entries(inputs).map(([name, code]) => [`inputs.${name}`, code]),
      ...Object.entries(params.value).map(([name, value]) => [`params.${name}`, names.has(name) && typeof value === 'string' ? value : toPython(value)]),
    ])
  })
}

function toPython(value: JsonValue): string {
  if (value === null)
    return 'None'
  if (typeof value === 'boolean')
    return value ? 'True' : 'False'
  return JSON.stringify(value)
}
