import { useIsSlideActive, useNav, useSlideContext } from '@slidev/client'
import { computed } from 'vue'

/**
 * Whether this slide is on the stage: the shown slide of the play or presenter view. Slides are
 * also mounted ahead of time, as the presenter's preview, in the overview and for an export.
 */
export function useOnStage() {
  const { $renderContext } = useSlideContext()
  const { isPrintMode } = useNav()
  const isActive = useIsSlideActive()
  const isMain = computed(() => ['slide', 'presenter'].includes($renderContext.value) && !isPrintMode.value)
  return { isMain, onStage: computed(() => isMain.value && isActive.value) }
}
