import { computed, ref, watch } from 'vue'
import { STALE_AFTER_MS } from '../live/views/badge'
import { useConnection } from './useConnection'
import { useNow } from './useNow'
import { useRun } from './useRun'

/** Seconds since the run was accepted, or into its recording. It stands still when the run has ended or nothing arrives. */
export function useElapsed() {
  const { state, active, isReplay, playback } = useRun()
  const { connection } = useConnection()
  const now = useNow()
  const receivedAt = ref(Date.now())
  watch(() => state.value?.seq, () => { receivedAt.value = Date.now() })
  return computed(() => {
    if (isReplay.value)
      return playback.position.value / 1000
    if (!state.value)
      return 0
    // It stops as the badge turns STALE, and does not jump back to when the last frame came.
    const until = Math.min(now.value, connection.lastFrameAt + STALE_AFTER_MS)
    return (state.value.t + (active.value ? Math.max(0, until - receivedAt.value) : 0)) / 1000
  })
}
