import { computed } from 'vue'
import type { JsonObject } from '../live/protocol/merge'
import { objectAt } from '../live/protocol/merge'
import { RecordingError } from '../live/state/recording'
import { useConnection } from './useConnection'
import { useRecordings } from './useRecordings'

/** An experiment as the server, or else its recording, describes it, and the parameters its next run would start with. */
export function useExperiment(name: string, defaults: JsonObject = {}) {
  const { view } = useConnection()
  const { recordings } = useRecordings()
  const recording = computed(() => {
    const known = recordings.value[name]
    return known instanceof RecordingError ? undefined : known
  })
  const experiment = computed(() => view.value.experiments.find(known => known.name === name) ?? recording.value?.header.experiment)
  /** What all windows share of its controls. */
  const shared = computed(() => objectAt(view.value.channels['controls'], name))
  const chosen = computed<JsonObject>(() => ({ ...experiment.value?.defaults, ...defaults, ...objectAt(shared.value, 'params') }))
  return { experiment, recording, shared, chosen }
}
