// Two stages that ran one after the other, on a clock that starts with each.
import type { StageState } from '../protocol/generated'

export interface Lane {
  rows: number
  total: number
  /** Seconds that it took; undefined until it is done. */
  seconds: number | undefined
}

/** Seconds from a stage's first point to its last row; undefined until all rows are there. */
export function laneSeconds(stage: StageState): number | undefined {
  const { points, step } = stage
  const [first] = points
  const last = points.at(-1)
  return step && first && last ? (last.t - first.t) / 1000 : undefined
}

/** The rows that were out `seconds` after the stage began. */
function rowsAt(stage: StageState, seconds: number): number {
  const [first] = stage.points
  if (!first)
    return 0
  const reached = stage.points.filter(point => point.t - first.t <= seconds * 1000)
  return reached.at(-1)?.rows ?? 0
}

/** What a lane shows at a time on the common clock. */
export function laneAt(stage: StageState, seconds: number): Lane {
  const total = stage.progress?.total ?? stage.plan?.total_rows ?? 0
  const length = laneSeconds(stage)
  return {
    rows: rowsAt(stage, seconds),
    total,
    seconds: length !== undefined && seconds >= length ? length : undefined,
  }
}
