import { beforeEach, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, shallowRef } from 'vue'
import { useElapsed } from './useElapsed'

const now = ref(0)
const state = shallowRef<{ seq: number, t: number }>()
const active = ref(true)
const connection = { lastFrameAt: 0 }

vi.mock('./useNow', () => ({ useNow: () => now }))
vi.mock('./useRun', () => ({ useRun: () => ({ state, active, isReplay: ref(false), playback: { position: ref(0) } }) }))
vi.mock('./useConnection', () => ({ useConnection: () => ({ connection }) }))

function elapsed() {
  const made = effectScope().run(() => useElapsed())
  if (!made)
    throw new Error('the scope had ended')
  return made
}

/** An event comes at `ms`, and is the run's newest. */
async function receive(ms: number, t: number) {
  vi.setSystemTime(ms)
  now.value = connection.lastFrameAt = ms
  state.value = { seq: (state.value?.seq ?? 0) + 1, t }
  await nextTick()
}

beforeEach(() => {
  vi.useFakeTimers({ now: 100_000 })
  state.value = undefined
  active.value = true
})

it('goes on between two events', async () => {
  const seconds = elapsed()
  await receive(100_000, 4000)
  connection.lastFrameAt = now.value = 101_500
  expect(seconds.value).toBe(5.5)
})

it('stands still once nothing has come for two seconds, and never goes back', async () => {
  const seconds = elapsed()
  await receive(100_000, 4000)
  const shown = []
  for (const ms of [101_000, 102_000, 103_000, 160_000]) {
    now.value = ms
    shown.push(seconds.value)
  }
  expect(shown).toEqual([5, 6, 6, 6])
})

it('stands still when the run has ended', async () => {
  const seconds = elapsed()
  await receive(100_000, 4000)
  active.value = false
  now.value = connection.lastFrameAt = 150_000
  expect(seconds.value).toBe(4)
})
