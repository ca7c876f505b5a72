import type { Plugin } from 'vite'

const WARNS = 'if (element == null) {'

/**
 * A slide that is opened first sets its arrows up before it is in the page, and each warns
 * in the console that its ends are missing; a moment later they are found.
 */
export function quietArrows(): Plugin {
  return {
    name: 'deck:quiet-arrows',
    enforce: 'pre',
    transform(code, id) {
      if (!/slidev-addon-fancy-arrow[\\/]components[\\/]use-element-position\.ts/.test(id))
        return null
      if (!code.includes(WARNS))
        throw new Error(`${id} no longer has “${WARNS}”: check whether its arrows still warn too early`)
      return { code: code.replace(WARNS, 'if (element == null && slideContainerRef.value) {'), map: null }
    },
  }
}
