import { useIntervalFn, useTimeoutFn } from '@vueuse/core'
import { ref } from 'vue'
import { fetchJson } from './fetch-json'

export interface Device {
  id: string
  name: string
  /** Unix time in seconds */
  paired_at: number
  connected: boolean
  /** This browser. */
  current: boolean
}

/** A code that pairs one phone while it is shown. */
export interface ShownCode {
  url: string
  seconds: number
}

const EVERY_MS = 2000

/** The presenter's paired devices, kept up to date while the component lives. */
export function useDevices() {
  const devices = ref<readonly Device[]>([])
  const code = ref<ShownCode>()
  const error = ref('')

  /** The answer; where there is none, the error is shown. */
  async function request<Answer>(path: string, method = 'GET'): Promise<Answer | undefined> {
    try {
      const answer = await fetchJson<Answer>(path, method)
      error.value = ''
      return answer
    }
    catch (reason) {
      error.value = reason instanceof Error ? reason.message : String(reason)
      return undefined
    }
  }

  async function refresh(): Promise<void> {
    const known = devices.value.length
    devices.value = await request<Device[]>('/api/devices') ?? devices.value
    // The code is used up.
    if (devices.value.length > known)
      hideCode()
  }

  const hiding = useTimeoutFn(() => { code.value = undefined }, () => (code.value?.seconds ?? 0) * 1000, { immediate: false })

  function hideCode(): void {
    hiding.stop()
    code.value = undefined
  }

  async function showCode(): Promise<void> {
    await refresh()
    hideCode()
    code.value = await request<ShownCode>('/api/devices/codes', 'POST')
    if (code.value)
      hiding.start()
  }

  async function revoke(device: Device): Promise<void> {
    await request(`/api/devices/${encodeURIComponent(device.id)}`, 'DELETE')
    await refresh()
  }

  useIntervalFn(() => { void refresh() }, EVERY_MS, { immediateCallback: true })
  return { devices, code, error, showCode, hideCode, revoke }
}
