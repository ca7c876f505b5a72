import type { ShikiTransformer } from 'shiki'
import { defineShikiSetup } from '@slidev/types'

const PARAMETER = /\bparams\.([a-z_]\w*)/g

/** Marks each `params.X` in the highlighted code, so that LiveCode can show its current value. */
export const markParameters: ShikiTransformer = {
  name: 'deck:parameters',
  preprocess(code, options) {
    for (const match of code.matchAll(PARAMETER)) {
      options.decorations ??= []
      options.decorations.push({
        start: match.index,
        end: match.index + match[0].length,
        properties: { 'class': 'live-param', 'data-param': match[1]! },
        alwaysWrap: true,
      })
    }
  },
}

/** Lets an arrow find a line by what it says: `.line[data-code^="def __init__"]`. */
export const nameLines: ShikiTransformer = {
  name: 'deck:lines',
  line(node, line) {
    node.properties['data-code'] = this.source.split('\n')[line - 1]?.trim() ?? ''
  },
}

export default defineShikiSetup(() => ({
  themes: { light: 'github-light-high-contrast', dark: 'github-dark-default' },
  transformers: [markParameters, nameLines],
  // A comment on the surface of a block is too pale as the theme has it.
  colorReplacements: { 'github-light-high-contrast': { '#66707b': '#4c5864' } },
}))
