// The steps of a comparison, in the order in which they ran.
import type { StageState, StepData } from '../protocol/generated'

export interface Step extends StepData {
  stage: string
  /** The cost of the step before; none for the first. */
  before?: number
}

/** A stage that has reported no step is none. */
export function readSteps(stages: Record<string, StageState>): Step[] {
  const steps: Step[] = []
  for (const [stage, { step }] of Object.entries(stages)) {
    const before = steps.at(-1)?.cost_s
    if (step)
      steps.push({ ...step, stage, ...before === undefined ? {} : { before } })
  }
  return steps
}
