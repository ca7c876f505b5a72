import type { ComputedRef } from 'vue'
import { computed, inject } from 'vue'
import { parametersOf } from '../live/views/parameter'
import { useExperiment } from './useExperiment'
import { runKey } from './useRun'

/** Which parameters are names in Python, classes for one: of the slide's run, or of the named experiment. */
export function usePythonNames(name?: string): ComputedRef<ReadonlySet<string>> {
  const experiment = inject(runKey, undefined)?.experiment ?? (name === undefined ? undefined : useExperiment(name).experiment)
  return computed(() => new Set(parametersOf(experiment?.value?.schema).filter(({ format }) => format === 'python-name').map(parameter => parameter.name)))
}
