import type { ComputedRef } from 'vue'
import { computed, inject } from 'vue'
import type { JsonObject } from '../live/merge'
import { runKey } from './useRun'

/** The parameters of the surrounding LiveRun; none outside one. */
export function useParameters(): ComputedRef<Readonly<JsonObject>> {
  return inject(runKey, undefined)?.params ?? computed(() => ({}))
}
