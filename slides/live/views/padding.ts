// The forward passes of a comparison: what each computed for its rows, and what for padding.
import type { ForwardPass, StageState } from '../protocol/generated'

export interface Passes {
  rate: number
  passes: readonly ForwardPass[]
  /** Padding's share of all tokens that were computed, 0 to 1. */
  share: number
}

/** A stage whose passes are known; undefined until it is done. */
export function readPasses({ step, passes: reported }: StageState): Passes | undefined {
  if (!step || !reported)
    return undefined
  const { passes } = reported
  const sum = (of: (pass: ForwardPass) => number) => passes.reduce((total, pass) => total + of(pass), 0)
  return { rate: step.rate, passes, share: sum(pass => pass.padding) / Math.max(1, sum(pass => pass.tokens + pass.padding)) }
}

export interface Bar {
  x: number
  width: number
  tokens: { y: number, height: number }
  padding: { y: number, height: number }
}

export interface Scale {
  /** As many passes as fit next to each other. */
  passes: number
  /** As many tokens as the highest of them computes. */
  tokens: number
}

/** One scale for several drawings: their areas can then be compared. */
export function scaleOf(drawings: readonly Passes[]): Scale {
  const all = drawings.flatMap(drawing => drawing.passes)
  return {
    passes: Math.max(1, ...drawings.map(drawing => drawing.passes.length)),
    tokens: Math.max(1, ...all.map(pass => pass.tokens + pass.padding)),
  }
}

const GAP = 0.08

/** A bar for each pass, in a square of 1 by 1 whose y grows downwards: padding stands on the tokens. */
export function barsOf(passes: readonly ForwardPass[], scale: Scale): Bar[] {
  return passes.map(({ tokens, padding }, index) => {
    const [own, grey] = [tokens / scale.tokens, padding / scale.tokens]
    return {
      x: (index + GAP / 2) / scale.passes,
      width: (1 - GAP) / scale.passes,
      tokens: { y: 1 - own, height: own },
      padding: { y: 1 - own - grey, height: grey },
    }
  })
}
