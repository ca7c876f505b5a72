import type { MarkdownTransformContext } from '@slidev/types'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { defineTransformersSetup } from '@slidev/types'
import { expandSnippets } from './regions'

/**
 * Expands `<<<` imports before Slidev does.
 *
 * A transformer and not a preparser: what a preparser throws in an imported chapter only drops the
 * slide, what a transformer throws fails the build.
 */
function expandImports({ s, slide, options }: MarkdownTransformContext): void {
  failOnLoadErrors(options.data.markdownFiles)
  const source = s.toString()
  const expanded = expandSnippets(source, (path) => {
    const file = path.startsWith('@/')
      ? resolve(options.userRoot, path.slice(2))
      : resolve(dirname(slide.source.filepath), path)
    const watchers = (options.data.watchFiles[file] ??= new Set())
    watchers.add(slide.index)
    return readFileSync(file, 'utf8')
  })
  if (expanded !== source)
    s.overwrite(0, s.original.length, expanded)
}

/** Slidev leaves out a chapter that it can't load and says so to nobody; a talk must not lose one. */
function failOnLoadErrors(files: MarkdownTransformContext['options']['data']['markdownFiles']): void {
  for (const [file, markdown] of Object.entries(files)) {
    for (const error of markdown.errors ?? [])
      throw new Error(`${file}:${error.row + 1}: ${error.message}`)
  }
}

export default defineTransformersSetup(() => ({
  pre: [expandImports],
  preCodeblock: [],
  postCodeblock: [],
  post: [],
}))
