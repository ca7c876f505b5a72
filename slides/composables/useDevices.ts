import { onScopeDispose, ref } from 'vue'

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

async function ask<Answer>(method: string, path: string): Promise<Answer | undefined> {
  const answer = await fetch(path, { method })
  const body: unknown = answer.status === 204 ? undefined : await answer.json()
  if (answer.ok)
    return body as Answer | undefined
  const detail = typeof body === 'object' && body && 'detail' in body ? String(body.detail) : answer.statusText
  throw new Error(detail)
}

/** The presenter's paired devices, kept up to date while the component lives. */
export function useDevices() {
  const devices = ref<readonly Device[]>([])
  const code = ref<ShownCode>()
  const trouble = ref('')
  let hide: ReturnType<typeof setTimeout> | undefined

  async function tell<Answer>(asked: Promise<Answer | undefined>): Promise<Answer | undefined> {
    try {
      const answer = await asked
      trouble.value = ''
      return answer
    }
    catch (error) {
      trouble.value = error instanceof Error ? error.message : String(error)
      return undefined
    }
  }

  async function refresh(): Promise<void> {
    const known = devices.value.length
    devices.value = await tell(ask<Device[]>('GET', '/api/devices')) ?? devices.value
    // The code is used up.
    if (devices.value.length > known)
      hideCode()
  }

  function hideCode(): void {
    clearTimeout(hide)
    code.value = undefined
  }

  async function showCode(): Promise<void> {
    await refresh()
    hideCode()
    const shown = await tell(ask<ShownCode>('POST', '/api/devices/codes'))
    code.value = shown
    if (shown)
      hide = setTimeout(hideCode, shown.seconds * 1000)
  }

  async function revoke(device: Device): Promise<void> {
    await tell(ask('DELETE', `/api/devices/${encodeURIComponent(device.id)}`))
    await refresh()
  }

  void refresh()
  const timer = setInterval(() => { void refresh() }, EVERY_MS)
  onScopeDispose(() => {
    clearInterval(timer)
    hideCode()
  })
  return { devices, code, trouble, showCode, hideCode, revoke }
}
