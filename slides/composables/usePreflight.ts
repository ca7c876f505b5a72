import { useAsyncState } from '@vueuse/core'
import { computed } from 'vue'
import type { Finding, Findings } from '../live/protocol/generated'
import { fetchJson } from './fetch-json'

/** What the server's pre-flight finds: checked now, and again when asked. */
export function usePreflight() {
  const { state, error, isLoading, execute } = useAsyncState(() => fetchJson<Findings>('/api/check'), { findings: [] })
  return {
    findings: computed<readonly Finding[]>(() => error.value ? [] : state.value.findings),
    error: computed(() => error.value instanceof Error ? error.value.message : ''),
    checking: isLoading,
    check: () => { void execute() },
  }
}
