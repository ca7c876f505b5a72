import { createGlobalState } from '@vueuse/core'
import { ref, shallowRef } from 'vue'
import type { Recording } from '../live/state/recording'
import { parseRecording, RecordingError } from '../live/state/recording'

type Known = Readonly<Record<string, Recording | RecordingError>>

/** The recordings that ship with the deck, by experiment, as they arrive; what cannot be played is an error. */
export const useRecordings = createGlobalState(() => {
  const recordings = shallowRef<Known>({})
  const loading = ref(true)

  /** All of them at once, and early: the server they come from may be gone when one is needed. */
  async function load(): Promise<void> {
    const names = await read('index.json').then(JSON.parse) as string[]
    await Promise.all(names.map(async (name) => {
      const recording = await readRecording(`${name}.jsonl`)
      recordings.value = { ...recordings.value, [name]: recording }
    }))
  }

  load()
    .catch((error: unknown) => { console.warn(`The list of recordings cannot be read: ${String(error)}.`) })
    .finally(() => { loading.value = false })
  return { recordings, loading }
})

async function readRecording(file: string): Promise<Recording | RecordingError> {
  try {
    return parseRecording(await read(file), file)
  }
  catch (reason) {
    const error = reason instanceof RecordingError ? reason : new RecordingError(`${file} cannot be read: ${String(reason)}.`)
    console.warn(error.message)
    return error
  }
}

async function read(file: string): Promise<string> {
  const answer = await fetch(`${import.meta.env.BASE_URL}recordings/${file}`)
  if (!answer.ok)
    throw new Error(`${answer.status} ${answer.statusText}`)
  return answer.text()
}
