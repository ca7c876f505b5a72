import type { SlideRoute } from '@slidev/client'
import { useNav } from '@slidev/client'
import { promiseTimeout, until } from '@vueuse/core'
import { computed, onScopeDispose, watchEffect } from 'vue'
import { useConnection } from './useConnection'
import { isGoing } from './useRun'

/** When the others are fetched, in milliseconds after the first: a deck that opens has enough to do. */
const FETCH_AFTER_MS = 3000
/** Milliseconds of rest after each slide that is fetched, so that a press waits for one at most. */
const REST_MS = 50

/**
 * Mounts a slide once it is next to the shown one, and fetches the others one by one, nearest first,
 * so that a server that dies takes no page with it. Slidev by itself mounts all of them in one go
 * three seconds after the first, and for a third of a second no key is answered. While a run streams
 * none is fetched: that of tldraw alone keeps the browser for a tenth of a second.
 */
export function useMounting(): void {
  const { currentSlideNo, slides } = useNav()
  const { runs } = useConnection()

  watchEffect(() => {
    for (const { no, meta } of slides.value) {
      if (Math.abs(no - currentSlideNo.value) <= 1)
        meta.slide.frontmatter.preload = true
      else
        meta.slide.frontmatter.preload ??= false
    }
  })

  const streaming = computed(() => runs.value.some(({ status }) => isGoing(status)))
  let disposed = false
  onScopeDispose(() => { disposed = true })

  async function fetchAll(): Promise<void> {
    await promiseTimeout(FETCH_AFTER_MS)
    const distance = ({ no }: SlideRoute) => Math.abs(no - currentSlideNo.value)
    for (const { load } of slides.value.toSorted((one, other) => distance(one) - distance(other))) {
      await until(streaming).toBe(false)
      if (disposed)
        return
      await load()
      await promiseTimeout(REST_MS)
    }
  }
  void fetchAll()
}
