import type { ShikiTransformer } from 'shiki'
import { defineShikiSetup } from '@slidev/types'

/** `params.X` of a run, and what `load_dataset` takes, which comes from the server's dataset. */
const VALUE = /\bparams\.[a-z_]\w*|\bpath, \*\*options\b/g

/** Marks in the highlighted code what has a value, so that LiveCode can show it. */
export const markValues: ShikiTransformer = {
  name: 'deck:values',
  preprocess(code, options) {
    for (const match of code.matchAll(VALUE)) {
      options.decorations ??= []
      options.decorations.push({
        start: match.index,
        end: match.index + match[0].length,
        properties: { 'class': 'live-param', 'data-value': match[0].startsWith('path') ? 'inputs.arguments' : match[0] },
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
  transformers: [markValues, nameLines],
  // A comment on the surface of a block is too pale as the theme has it.
  colorReplacements: { 'github-light-high-contrast': { '#66707b': '#4c5864' } },
}))
