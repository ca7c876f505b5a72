// What came of one form of a mistake, as its stage reports it.
import type { StageState } from './protocol'

export interface Outcome {
  title: string
  /** It raised, it went wrong without a word, or it worked. */
  kind: 'raised' | 'silent' | 'worked'
  /** The exception's class, or how many rows came out. */
  headline: string
  /** The exception's own words, or what happens instead. */
  words: string
  remedy: string
  /** What else was counted, in a line. */
  counted: string
}

/** Undefined until the stage is done. */
export function readOutcome({ result, failure, notes }: StageState): Outcome | undefined {
  const [first, ...others] = result?.figures ?? []
  if (first?.name !== 'outcome')
    return undefined
  const warning = notes.findIndex(note => note.level === 'warning')
  const counted = others.filter(({ name, value }) => name === 'processes' || (name === 'lost' && value !== 0))
  return {
    title: first.label,
    kind: failure ? 'raised' : warning >= 0 ? 'silent' : 'worked',
    headline: String(first.value),
    words: failure?.message ?? notes[warning]?.text ?? '',
    remedy: failure?.remedy ?? (warning >= 0 ? notes[warning + 1]?.text : undefined) ?? '',
    counted: counted.map(({ value, label }) => `${value} ${label}`).join(', '),
  }
}
