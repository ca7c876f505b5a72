import { ref, shallowRef } from 'vue'
import type { Recording } from '../live/state/recording'
import { parseRecording, RecordingError } from '../live/state/recording'

type Known = Readonly<Record<string, Recording | RecordingError>>

const recordings = shallowRef<Known>({})
const loading = ref(false)
let asked = false

/** All of them at once, and early: the server they come from may be gone when one is needed. */
async function load(): Promise<void> {
  const names = await read('index.json').then(JSON.parse) as string[]
  await Promise.all(names.map(async (name) => {
    const file = `${name}.jsonl`
    let recording: Recording | RecordingError
    try {
      recording = parseRecording(await read(file), file)
    }
    catch (error) {
      recording = error instanceof RecordingError ? error : new RecordingError(`${file} cannot be read: ${String(error)}.`)
      console.warn(recording.message)
    }
    recordings.value = { ...recordings.value, [name]: recording }
  }))
}

async function read(file: string): Promise<string> {
  const answer = await fetch(`${import.meta.env.BASE_URL}recordings/${file}`)
  if (!answer.ok)
    throw new Error(`${answer.status} ${answer.statusText}`)
  return answer.text()
}

/** The recordings that ship with the deck, by experiment, as they arrive; what cannot be played is an error. */
export function useRecordings() {
  if (!asked) {
    asked = loading.value = true
    load()
      .catch((error: unknown) => { console.warn(`The list of recordings cannot be read: ${String(error)}.`) })
      .finally(() => { loading.value = false })
  }
  return { recordings, loading }
}
