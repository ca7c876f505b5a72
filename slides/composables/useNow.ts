import { onScopeDispose, readonly, ref } from 'vue'

const TICK_MS = 250
const now = ref(Date.now())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The time in ms, four times a second, for as long as somebody looks. */
export function useNow() {
  users += 1
  timer ??= setInterval(() => { now.value = Date.now() }, TICK_MS)
  onScopeDispose(() => {
    users -= 1
    if (users === 0) {
      clearInterval(timer)
      timer = undefined
    }
  })
  return readonly(now)
}
