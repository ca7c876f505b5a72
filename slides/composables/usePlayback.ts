import type { ComputedRef } from 'vue'
import { useRafFn } from '@vueuse/core'
import { computed, ref, watch } from 'vue'
import type { JsonObject } from '../live/protocol/merge'
import { isObject } from '../live/protocol/merge'
import type { Playback } from '../live/state/playback'
import { playFrom, positionAt, readPlayback, Replay, SPEEDS } from '../live/state/playback'
import { RecordingError } from '../live/state/recording'
import { useRecordings } from './useRecordings'

/**
 * The recording of an experiment and where it stands, as all windows share it.
 *
 * @param atEnd shows the recorded end until something is played, as in a deck without a server.
 */
export function usePlayback(
  name: string,
  shared: ComputedRef<JsonObject>,
  share: (patch: JsonObject) => void,
  atEnd: boolean,
) {
  const { recordings, loading } = useRecordings()
  const known = computed(() => recordings.value[name])
  const recording = computed(() => known.value instanceof RecordingError ? undefined : known.value)
  /** Why there is nothing to play. */
  const trouble = computed(() => {
    if (known.value instanceof RecordingError)
      return known.value.message
    if (known.value)
      return undefined
    return loading.value ? 'The recordings are being loaded.' : `No recording of “${name}” ships with this deck.`
  })
  const replay = computed(() => recording.value && new Replay(recording.value))
  const length = computed(() => recording.value?.end.t ?? 0)

  const playback = computed<Playback | undefined>(() => {
    if (!recording.value)
      return undefined
    const value = shared.value['playback']
    return isObject(value) ? readPlayback(value) : atEnd ? { position: length.value, since: null, speed: 1 } : undefined
  })

  const now = ref(Date.now())
  const position = computed(() => playback.value ? positionAt(playback.value, now.value, length.value) : 0)
  const playing = computed(() => playback.value?.since != null && position.value < length.value)
  const state = computed(() => playback.value && replay.value?.at(position.value))

  const clock = useRafFn(() => {
    now.value = Date.now()
    if (!playing.value)
      clock.pause()
  }, { immediate: false })
  watch(playback, () => {
    now.value = Date.now()
    if (playing.value)
      clock.resume()
  }, { immediate: true })

  const set = ({ position, since, speed }: Playback) => { share({ playback: { position, since, speed } }) }
  const speed = computed(() => playback.value?.speed ?? 1)

  function play(): void {
    const from = playback.value && position.value < length.value ? position.value : 0
    set(playFrom(from, speed.value, Date.now()))
  }

  return {
    recording, trouble, state, position, length, playing, speed,
    shown: computed(() => playback.value !== undefined),
    play,
    pause: () => { set({ position: position.value, since: null, speed: speed.value }) },
    seek: (to: number) => { set({ position: to, since: playing.value ? Date.now() : null, speed: speed.value }) },
    faster: () => {
      const next = SPEEDS[(SPEEDS.findIndex(known => known === speed.value) + 1) % SPEEDS.length] ?? 1
      set({ position: position.value, since: playing.value ? Date.now() : null, speed: next })
    },
    close: () => { share({ playback: null }) },
  }
}
