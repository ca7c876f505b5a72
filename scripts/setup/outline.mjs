// deck.json: what the deck consists of, for all that has to know it without a browser. Described in docs/deck-json.md.

import { readFileSync, writeFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { Failure } from './failure.mjs'
import { DIST, ROOT } from './paths.mjs'
import { digests } from './stamp.mjs'

export const OUTLINE = 'deck.json'
/** What an outline is read from: the slides, and the code whose regions they show. */
export const SHOWN = ['slides', 'demo_server/experiments', 'demo_server/embedding']
const TIME = /^(\d+):([0-5]\d)$/
const IMPORT = /^ {0,3}<<<\s*(\S+?)#([\w-]+)/gm
const ALL_REGIONS = /^( {0,3}<<<\s*(\S+?)#)\*(.*)$/gm
const REGION = /^\s*# region ([\w-]+)\s*$/gm
const MAGIC_MOVE = /^(`{3,})md magic-move\b[^\n]*\n([\s\S]*?)^\1\s*$/gm

/**
 * @typedef {{file: string, region: string}} Region
 * @typedef {{
 *   number: number, title: string, chapter: string, layout: string, seconds: number | null, inTalk: boolean,
 *   experiment: string | null, starts: boolean, params: Record<string, unknown>, regions: Region[], clicks: number,
 *   drawing: boolean, notes: string,
 * }} Slide
 * @typedef {{format: 1, sources: Record<string, string>, slides: Slide[]}} Outline
 */

/**
 * The outline of a checkout's deck, read from its Markdown.
 * @returns {Promise<Outline>}
 * @throws {Failure} naming the slide, where its front matter says something that it may not
 */
export async function readOutline(root = ROOT) {
  const { load } = await import('@slidev/parser/fs')
  const home = join(root, 'slides')
  const deck = await load({ userRoot: home, roots: [home] }, join(home, 'slides.md'))
  for (const [file, { errors = [] }] of Object.entries(deck.markdownFiles)) {
    for (const { row, message } of errors) throw new Failure(`${file}:${row + 1}: ${message}`)
  }
  const end = deck.slides.findIndex(({ frontmatter }) => frontmatter.endsTalk)
  const slides = deck.slides.map((slide, index) => describe(slide, index, home, root, end < 0 || index <= end))
  return { format: 1, sources: digests(SHOWN, root), slides }
}

/** Write a checkout's outline into the folder of its built deck. */
export async function writeOutline(directory, root = ROOT) {
  writeFileSync(join(directory, OUTLINE), `${JSON.stringify(await readOutline(root), null, 1)}\n`)
}

/** `npm run outline`: write it again into dist/, or print it. */
export async function main(args) {
  const { values } = parseArgs({ args, options: { print: { type: 'boolean', default: false } } })
  if (values.print) console.log(JSON.stringify(await readOutline(), null, 1))
  else await writeOutline(DIST)
}

function describe({ title = '', frontmatter, note = '', source, content: written }, index, home, root, inTalk) {
  const content = nameRegions(written, (path) => join(root, fileOf(path, source.filepath, home, root)))
  const isLive = frontmatter.layout === 'live'
  const place = `Slide ${index + 1}, “${title}”`
  if (isLive && typeof frontmatter.experiment !== 'string') throw new Failure(`${place}, has \`layout: live\` and no \`experiment:\`.`)
  return {
    number: index + 1,
    title,
    chapter: relative(home, source.filepath),
    layout: frontmatter.layout ?? (index === 0 ? 'cover' : 'default'),
    seconds: readSeconds(frontmatter.time, place),
    inTalk,
    experiment: isLive ? frontmatter.experiment : null,
    starts: isLive && content.includes('<RunControls'),
    params: isLive ? frontmatter.params ?? {} : {},
    regions: [...content.matchAll(IMPORT)].map(([, path, region]) => ({ file: fileOf(path, source.filepath, home, root), region })),
    clicks: countClicks(content),
    drawing: content.includes('<Tldraw'),
    notes: note.trim(),
  }
}

function readSeconds(time, place) {
  if (time === undefined) return null
  const match = TIME.exec(String(time))
  if (!match) throw new Failure(`${place}, has \`time: ${time}\`: write minutes and seconds, as in \`time: 1:30\`.`)
  return Number(match[1]) * 60 + Number(match[2])
}

/** Each import of all regions of a file as one import for each. */
function nameRegions(content, locate) {
  return content.replace(ALL_REGIONS, (_, start, path, end) =>
    [...readFileSync(locate(path), 'utf8').matchAll(REGION)].map(([, name]) => `${start}${name}${end}`).join('\n'))
}

/** `@/` is the folder of the slides; other paths begin where their chapter lies. */
function fileOf(path, chapter, home, root) {
  const file = path.startsWith('@/') ? posix.join(home, path.slice(2)) : posix.join(posix.dirname(chapter), path)
  return posix.relative(root, file)
}

/** How often one presses before the next slide: the steps of moving code, of a switch, and what appears. */
function countClicks(content) {
  const moves = [...content.matchAll(MAGIC_MOVE)].map(([, , steps]) => steps.match(/^ {0,3}(?:<<<|```)/gm).length - 1)
  const switches = [...content.matchAll(/<template #(\d+)>/g)].map(([, step]) => Number(step))
  const appearing = content.match(/<v-(?:click|after)\b|\bv-click\b(?!s)/g)?.length ?? 0
  return moves.reduce((sum, steps) => sum + steps, 0) + Math.max(0, ...switches) + appearing
}
