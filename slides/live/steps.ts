// The steps of a comparison, as its stages report them in their results.
import type { StageState } from './protocol'

export interface Step {
  stage: string
  title: string
  /** Seconds for 1,000 rows. */
  cost: number
  /** The same of the step before; none for the first. */
  before?: number
  rate: number
  /** Rows that it was measured on. */
  rows: number
}

/** In the order in which they ran; a stage without a cost is no step. */
export function readSteps(stages: Record<string, StageState>): Step[] {
  const steps: Step[] = []
  for (const [stage, { result }] of Object.entries(stages)) {
    const figures = Object.fromEntries((result?.figures ?? []).map(figure => [figure.name, figure]))
    const cost = figures['cost_s']
    if (typeof cost?.value !== 'number')
      continue
    const before = steps.at(-1)?.cost
    steps.push({
      stage,
      title: cost.label,
      cost: cost.value,
      ...before === undefined ? {} : { before },
      rate: Number(figures['rate']?.value ?? 0),
      rows: Number(figures['rows']?.value ?? 0),
    })
  }
  return steps
}
