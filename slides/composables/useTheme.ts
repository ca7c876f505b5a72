import { useDarkMode } from '@slidev/client'
import { nextTick, shallowRef, watch } from 'vue'

const NAMES = ['text', 'muted', 'surface', 'accent', 'ok', 'warn', 'bad', 'recorded'] as const

export type Theme = Record<typeof NAMES[number], string>

function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement)
  return Object.fromEntries(NAMES.map(name => [name, style.getPropertyValue(`--live-${name}`).trim()])) as Theme
}

let theme: ReturnType<typeof shallowRef<Theme>> | undefined

/** The deck's colours for canvases, which cannot use CSS variables; they follow dark mode. */
export function useTheme() {
  if (!theme) {
    const current = shallowRef(readTheme())
    watch(useDarkMode().isDark, async () => {
      await nextTick()
      current.value = readTheme()
    })
    theme = current
  }
  return theme as typeof theme & { value: Theme }
}
