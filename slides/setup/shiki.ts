import type { ShikiTransformer } from 'shiki'
import { defineShikiSetup } from '@slidev/types'
import codeBefore from './code-before.json'

/** `params.X` of a run, and what `load_dataset` takes, which comes from the server's dataset. */
const VALUE = /\bparams\.[a-z_]\w*|\bpath, \*\*options\b/g

const OURS = /^from demo_server\b/

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

/**
 * An import of this project is shown and not copied: the style sheet writes it. What it names stands in front of the
 * region, from public packages alone.
 */
export const keepOurImports: ShikiTransformer = {
  name: 'deck:our-imports',
  line(node, line) {
    const code = this.source.split('\n')[line - 1] ?? ''
    if (!OURS.test(code))
      return
    node.properties['data-import'] = code
    node.children = []
  },
}

/** Puts in front of a region, out of sight, what it needs to run: the button that copies a block takes both. */
export const addCodeBefore: ShikiTransformer = {
  name: 'deck:code-before',
  pre(node) {
    const lines = (codeBefore as Record<string, string[]>)[this.options.meta?.__raw?.trim() ?? '']
    if (!lines?.length)
      return
    const pieces = `${lines.join('\n')}\n\n`.split(/\b((?:params|inputs)\.[a-z_]\w*)/)
    node.children.unshift({
      type: 'element',
      tagName: 'span',
      properties: { hidden: true },
      children: pieces.map((piece, index) => {
        const text = { type: 'text' as const, value: piece }
        return index % 2 === 0 ? text : { type: 'element' as const, tagName: 'span', properties: { 'data-value': piece }, children: [text] }
      }),
    })
  },
}

export default defineShikiSetup(() => ({
  themes: { light: 'github-light-high-contrast', dark: 'github-dark-default' },
  transformers: [markValues, nameLines, keepOurImports, addCodeBefore],
  // A comment on the surface of a block is too pale as the theme has it.
  colorReplacements: { 'github-light-high-contrast': { '#66707b': '#4c5864' } },
}))
