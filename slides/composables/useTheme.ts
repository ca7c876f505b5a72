import { useDarkMode } from '@slidev/client'
import { createSharedComposable } from '@vueuse/core'
import { nextTick, shallowRef, watch } from 'vue'

const NAMES = ['text', 'muted', 'surface', 'accent', 'ok', 'warn', 'bad', 'recorded'] as const

export type Theme = Record<typeof NAMES[number], string>

function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement)
  return Object.fromEntries(NAMES.map(name => [name, style.getPropertyValue(`--live-${name}`).trim()])) as Theme
}

/** The deck's colours for canvases, which cannot use CSS variables; they follow dark mode. */
export const useTheme = createSharedComposable(() => {
  const theme = shallowRef(readTheme())
  watch(useDarkMode().isDark, async () => {
    await nextTick()
    theme.value = readTheme()
  })
  return theme
})
