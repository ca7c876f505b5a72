/**
 * Named regions of source files, as slides import them: `<<< @/../file.py#name py {1|2}`, and all of a
 * file in their order: `<<< @/../file.py#* py`.
 *
 * Slidev shows the whole file when a region's name is misspelt, and refuses paths outside
 * `slides/` within magic-move. Here every mistake is an error that names the place and the remedy.
 */

const START = /^\s*(?:#|\/\/)\s*region\s+([\w-]+)\s*$/
const END = /^\s*(?:#|\/\/)\s*endregion\s+([\w-]+)\s*$/
const IMPORT = /^ {0,3}<<<\s*(\S+?)(?:#([\w-]+|\*))?(?:\s+([\w-]+))?(?:\s+(\{.*\}))?\s*$/
const IMPORT_START = /^ {0,3}<<</
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/
const MAGIC_MOVE = /^\s*(?:md|markdown)\s+magic-move\b/

interface Region {
  start: number
  end: number
}

/** Where each region of a file lies. Throws on an unclosed, unopened, repeated or crossed one. */
export function findRegions(source: string, file: string): Map<string, Region> {
  const regions = new Map<string, Region>()
  const open = new Map<string, number>()
  source.split(/\r?\n/).forEach((line, index) => {
    const place = `${file}:${index + 1}`
    const start = START.exec(line)?.[1]
    if (start !== undefined) {
      if (regions.has(start) || open.has(start))
        throw new Error(`${place}: region "${start}" is opened twice; give each region its own name`)
      open.set(start, index + 1)
    }
    const end = END.exec(line)?.[1]
    if (end !== undefined) {
      const from = open.get(end)
      if (from === undefined)
        throw new Error(`${place}: "endregion ${end}" closes a region that was never opened`)
      open.delete(end)
      regions.set(end, { start: from, end: index })
    }
  })
  const [unclosed] = open.keys()
  if (unclosed !== undefined)
    throw new Error(`${file}: region "${unclosed}" is never closed; add "# endregion ${unclosed}"`)
  return regions
}

/** The names of a file's regions, in their order. */
function regionNames(source: string, file: string): string[] {
  return [...findRegions(source, file)].sort(([, one], [, other]) => one.start - other.start).map(([name]) => name)
}

/** Removes the indentation that all non-blank lines share. */
export function dedent(lines: string[]): string[] {
  const indents = lines.filter(line => line.trim()).map(line => /^[ \t]*/.exec(line)![0].length)
  const common = Math.min(...indents)
  return lines.map(line => (line.trim() ? line.slice(common) : ''))
}

/** The text of one region: markers stripped, dedented, no blank line at either end. */
export function extractRegion(source: string, name: string, file: string): string {
  const regions = findRegions(source, file)
  const region = regions.get(name)
  if (!region) {
    const known = [...regions.keys()].join(', ') || 'none'
    throw new Error(`${file} has no region "${name}"; it has: ${known}`)
  }
  const lines = source.split(/\r?\n/).slice(region.start, region.end)
  const text = dedent(lines.filter(line => !START.test(line) && !END.test(line))).join('\n')
  if (!text.trim())
    throw new Error(`${file}: region "${name}" is empty; put the code to show between its markers`)
  return text.replace(/^\n+/, '').trimEnd()
}

/** How a slide's `<<<` line is read: returns the file's text, throws when there is none. */
export type ReadSource = (path: string) => string

/**
 * Replaces each `<<<` line of a slide by a fenced code block.
 *
 * A line inside a fence is text and stays, except inside magic-move, whose steps may be imports.
 */
export function expandSnippets(markdown: string, read: ReadSource): string {
  let fence: string | null = null
  let magicMove: string | null = null
  return markdown
    .split('\n')
    .map((line) => {
      const [, marks = '', info = ''] = FENCE.exec(line) ?? []
      const closes = (opened: string | null) => opened !== null && marks.startsWith(opened) && !info.trim()
      if (fence !== null) {
        if (closes(fence))
          fence = null
        return line
      }
      if (closes(magicMove))
        magicMove = null
      else if (marks && MAGIC_MOVE.test(info))
        magicMove = marks
      else if (marks)
        fence = marks
      else if (IMPORT_START.test(line))
        return expandLine(line, read, magicMove === null)
      return line
    })
    .join('\n')
}

/** Where `named`, a block carries the name of its region, `file#region`, behind its language. */
function expandLine(line: string, read: ReadSource, named: boolean): string {
  const match = IMPORT.exec(line)
  if (!match)
    throw new Error(`"${line.trim()}" is not a snippet import; write: <<< @/../path/file.py#region py {1|2}`)
  const [, path, region, lang, meta = ''] = match
  if (region === undefined)
    throw new Error(`"${line.trim()}" imports a whole file; name a region: ${path}#region`)
  const source = read(path!)
  const info = `${lang ?? path!.split('.').pop()} ${meta}`.trim()
  const names = region === '*' ? regionNames(source, path!) : [region]
  const nameOf = (name: string) => named ? ` ${path!.replace('@/../', '')}#${name}` : ''
  return names.map(name => `\`\`\`${info}${nameOf(name)}\n${extractRegion(source, name, path!)}\n\`\`\``).join('\n')
}
