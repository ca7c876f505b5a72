import type { Plugin } from 'vite'

const COMPLAINS = 'if (element == null) {'

/**
 * A slide that is opened first sets its arrows up before it is in the page, and each complains
 * in the console that its ends are missing; a moment later they are found.
 */
export function quietArrows(): Plugin {
  return {
    name: 'deck:quiet-arrows',
    enforce: 'pre',
    transform(code, id) {
      if (!/slidev-addon-fancy-arrow[\\/]components[\\/]use-element-position\.ts/.test(id))
        return null
      if (!code.includes(COMPLAINS))
        throw new Error(`${id} no longer has “${COMPLAINS}”: look whether its arrows still complain too early`)
      return { code: code.replace(COMPLAINS, 'if (element == null && slideContainerRef.value) {'), map: null }
    },
  }
}
