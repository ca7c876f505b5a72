import { ref } from 'vue'
import type { Finding, Findings } from '../live/protocol/generated'

/** Has the server look at all that the talk stands on, once now and again when asked. */
export function useCheck() {
  const findings = ref<readonly Finding[]>([])
  const trouble = ref('')
  const looking = ref(false)

  async function look(): Promise<void> {
    looking.value = true
    try {
      const answer = await fetch('/api/check')
      const body = await answer.json() as Findings & { detail?: string }
      trouble.value = answer.ok ? '' : body.detail ?? answer.statusText
      findings.value = answer.ok ? body.findings : []
    }
    catch (error) {
      trouble.value = `The server does not answer: ${String(error)}.`
    }
    finally {
      looking.value = false
    }
  }

  void look()
  return { findings, trouble, looking, look }
}
