import type { Frontmatter } from '@slidev/client'

/** The experiments of the slides up to the one that ends the talk, each once, in their order. */
export function experimentsOfTalk(slides: Frontmatter[]): string[] {
  const end = slides.findIndex(({ endsTalk }) => endsTalk)
  const names = (end < 0 ? slides : slides.slice(0, end + 1)).flatMap(({ layout, experiment }) =>
    layout === 'live' && experiment ? [experiment] : [])
  return [...new Set(names)]
}
