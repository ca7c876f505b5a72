// The pictures in the docs: which there are, and which code each of them shows.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readOutline } from '../scripts/setup/outline.mjs'
import { extractRegion } from '../slides/setup/regions'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Where the pictures are, and the record of what each was made from. */
export const DIRECTORY = `${ROOT}docs/`
export const RECORD = `${DIRECTORY}pictures.json`

export interface Picture {
  file: string
  /** The experiment whose slide it shows, in the middle of a run. */
  experiment: string
}

export const PICTURES: readonly Picture[] = [{ file: 'running.png', experiment: 'embed' }]

/** What a picture was made from; hashes are SHA-256. */
export interface Origin {
  slide: string
  /** By `path#region`, of its text as the slide shows it. */
  regions: Record<string, string>
  /** Of the file, so that a picture made otherwise is noticed. */
  image: string
}

/** The slide that a picture shows, as the sources are now. Throws where none runs its experiment. */
export async function slideShown({ experiment }: Picture): Promise<{ slide: string, regions: Record<string, string> }> {
  const { slides } = await readOutline()
  const shown = slides.find(slide => slide.starts && slide.experiment === experiment)
  if (!shown)
    throw new Error(`no slide runs ${experiment}`)
  const regions = shown.regions.map(({ file, region }) => {
    const text = extractRegion(readFileSync(`${ROOT}${file}`, 'utf8'), region, file)
    return [`${file}#${region}`, sha256(text)] as const
  })
  return { slide: shown.title, regions: Object.fromEntries(regions) }
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** The origins by file; none before the first picture. */
export function recorded(): Record<string, Origin> {
  return existsSync(RECORD) ? JSON.parse(readFileSync(RECORD, 'utf8')) as Record<string, Origin> : {}
}
