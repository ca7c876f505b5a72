import { computed } from 'vue'
import { useConnection } from './useConnection'
import { useNow } from './useNow'

/** How many ms ago anything came from the server. */
export function useSilence() {
  const { connection } = useConnection()
  const now = useNow()
  return computed(() => Math.max(0, now.value - connection.lastFrameAt))
}
