import { ref } from 'vue'
import type { Benchmark } from '../live/views/benchmark'
import { parseBenchmark } from '../live/views/benchmark'

/** What `npm run bench -- NAME` left for the deck; `missing` says why there is nothing to show. */
export function useBenchmark(name: string) {
  const benchmark = ref<Benchmark>()
  const missing = ref('')

  async function load(): Promise<void> {
    const known = JSON.parse(await read('index.json')) as string[]
    if (known.includes(name))
      benchmark.value = parseBenchmark(await read(`${name}.json`), `${name}.json`)
    else
      missing.value = `Not measured yet: npm run bench -- ${name}`
  }

  load().catch((error: unknown) => { missing.value = error instanceof Error ? error.message : String(error) })
  return { benchmark, missing }
}

async function read(file: string): Promise<string> {
  const answer = await fetch(`${import.meta.env.BASE_URL}benchmarks/${file}`)
  if (!answer.ok)
    throw new Error(`${file}: ${answer.status} ${answer.statusText}`)
  return answer.text()
}
