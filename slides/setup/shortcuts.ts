import { useDrawings } from '@slidev/client'
import { magicKeys, showOverview } from '@slidev/client/state/index.ts'
import { defineShortcutsSetup } from '@slidev/types'
import { useActiveElement } from '@vueuse/core'
import { computed } from 'vue'
import { PLAY_KEY, pressPlayKey, pressResetKey, pressRunKey, RESET_KEY, RUN_KEY } from '../composables/useKeys'

/** The keys of the shown slide's run. */
export default defineShortcutsSetup((_, base) => {
  const { drawingEnabled } = useDrawings()
  const { ctrl, meta, alt, shift } = magicKeys
  const focused = useActiveElement()
  // Ctrl+R reloads the page, while drawing R is a rectangle, and in a list of choices it is a letter.
  const free = computed(() => focused.value?.tagName !== 'SELECT' && ![ctrl, meta, alt, shift, drawingEnabled, showOverview].some(held => held?.value))
  const alone = (key: string) => computed(() => free.value && magicKeys[key]?.value === true)
  return [
    ...base,
    { name: 'toggle_run', key: alone(RUN_KEY), fn: pressRunKey },
    { name: 'reset_run', key: alone(RESET_KEY), fn: pressResetKey },
    { name: 'play_recording', key: alone(PLAY_KEY), fn: pressPlayKey },
  ]
})
