import { useNav, useSlideContext } from '@slidev/client'
import type { ComputedRef } from 'vue'
import { computed } from 'vue'
import { useOnStage } from './useOnStage'

/**
 * Whether this slide is shown or next to the one that is; always, where it is not on a stage. A slide
 * that was shown once stays mounted.
 */
export function useNear(): ComputedRef<boolean> {
  const { $page } = useSlideContext()
  const { currentSlideNo } = useNav()
  const { isMain } = useOnStage()
  return computed(() => !isMain.value || Math.abs(currentSlideNo.value - $page.value) <= 1)
}
