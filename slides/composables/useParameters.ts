import type { ComputedRef } from 'vue'
import { computed, inject } from 'vue'
import type { JsonObject } from '../live/merge'
import { parametersOf } from '../live/parameter'
import { runKey } from './useRun'

/** Which parameters of the surrounding LiveRun are names in Python, classes for one. */
export function usePythonNames(): ComputedRef<ReadonlySet<string>> {
  const run = inject(runKey, undefined)
  return computed(() => new Set(parametersOf(run?.experiment.value?.schema).filter(({ format }) => format === 'python-name').map(({ name }) => name)))
}

/** The parameters of the surrounding LiveRun; none outside one. */
export function useParameters(): ComputedRef<Readonly<JsonObject>> {
  return inject(runKey, undefined)?.params ?? computed(() => ({}))
}
