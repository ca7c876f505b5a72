import type { ComputedRef } from 'vue'
import { computed, inject } from 'vue'
import type { ExperimentInfo } from '../live/protocol/generated'
import type { JsonObject } from '../live/protocol/merge'
import { useConnection } from './useConnection'
import { useExperiment } from './useExperiment'
import { runKey } from './useRun'

/** An experiment with the parameters of a run: the named one, or that of the slide. */
export function useParameters(name?: string): { experiment: ComputedRef<ExperimentInfo | undefined>, params: ComputedRef<Readonly<JsonObject>> } {
  const run = inject(runKey, undefined)
  if (name === undefined)
    return run ?? { experiment: computed(() => undefined), params: computed(() => ({})) }
  const { standsAlone } = useConnection()
  const { experiment, chosen, recording } = useExperiment(name)
  return { experiment, params: computed(() => standsAlone && recording.value ? recording.value.header.params : chosen.value) }
}
