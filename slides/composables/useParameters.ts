import type { ComputedRef } from 'vue'
import { computed, inject } from 'vue'
import type { JsonObject } from '../live/protocol/merge'
import { useConnection } from './useConnection'
import { useExperiment } from './useExperiment'
import { runKey } from './useRun'

/** The parameters of the slide's run; on a slide that runs nothing, those that the named experiment would be run with. */
export function useParameters(name?: string): ComputedRef<Readonly<JsonObject>> {
  const run = inject(runKey, undefined)
  if (run)
    return run.params
  if (name === undefined)
    return computed(() => ({}))
  const { standsAlone } = useConnection()
  const { chosen, recording } = useExperiment(name)
  return computed(() => standsAlone && recording.value ? recording.value.header.params : chosen.value)
}
