import { useAsyncState } from '@vueuse/core'
import { computed } from 'vue'
import { parseBenchmark } from '../live/views/benchmark'

/** What `npm run bench -- NAME` left for the deck; `missing` is why there is nothing to show. */
export function useBenchmark(name: string) {
  async function load() {
    const known = JSON.parse(await read('index.json')) as string[]
    if (!known.includes(name))
      throw new Error(`Not measured yet: npm run bench -- ${name}`)
    return parseBenchmark(await read(`${name}.json`), `${name}.json`)
  }

  const { state: benchmark, error } = useAsyncState(load, undefined)
  return { benchmark, missing: computed(() => error.value instanceof Error ? error.value.message : '') }
}

async function read(file: string): Promise<string> {
  const answer = await fetch(`${import.meta.env.BASE_URL}benchmarks/${file}`)
  if (!answer.ok)
    throw new Error(`${file}: ${answer.status} ${answer.statusText}`)
  return answer.text()
}
