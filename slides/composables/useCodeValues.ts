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

/** The class that code to copy defines itself. */
const DEFINED = 'TextEmbedder'

/** The values of names in shown code, as Python has them: `params.x` of a run, `inputs.x` of its dataset and model. */
export function useCodeValues(name?: string): ComputedRef<Readonly<Record<string, string>>> {
  const { experiment, params } = useParameters(name)
  return computed(() => {
    const names = new Set(parametersOf(experiment.value?.schema).filter(({ format }) => format === 'python-name').map(parameter => parameter.name))
    const inputs = experiment.value === undefined ? {} : { ...BUNDLED, ...experiment.value.inputs }
    const engine = params.value['engine']
    const imported = names.has('engine') && typeof engine === 'string' && engine !== DEFINED
    const values: Record<string, string> = { 'inputs.engine_import': imported ? importEngine(engine) : '' }
    for (const [name, code] of Object.entries(inputs))
      values[`inputs.${name}`] = code
    for (const [name, value] of Object.entries(params.value))
      values[`params.${name}`] = names.has(name) && typeof value === 'string' ? value : toPython(value)
    return values
  })
}

/** What imports another class, and converts the model where that class needs it. */
function importEngine(name: string): string {
  return `from demo_server.embedding.conversion import model_for
from demo_server.embedding.registry import ${name}
model = model_for(${toPython(name)}, model)`
}

function toPython(value: JsonValue): string {
  if (value === null)
    return 'None'
  if (typeof value === 'boolean')
    return value ? 'True' : 'False'
  return JSON.stringify(value)
}
