import { computed } from 'vue'
import { STALE_AFTER_MS } from '../live/link/transport'
import { useConnection } from './useConnection'
import { useNow } from './useNow'

/** How long ago anything came from the server; the server beats twice a second. */
export function useFreshness() {
  const { connection } = useConnection()
  const now = useNow()
  const ageMs = computed(() => Math.max(0, now.value - connection.lastFrameAt))
  const stale = computed(() => ageMs.value > STALE_AFTER_MS)
  return {
    stale,
    /** Seconds, whole, so that nothing is painted again while all is well. */
    age: computed(() => Math.floor(ageMs.value / 1000)),
  }
}
