import type { ComputedRef } from 'vue'
import { computed } from 'vue'
import { emptyStage } from '../live/state/fold'
import type { StageState } from '../live/protocol/generated'
import { useRun } from './useRun'

const nothing = emptyStage()

/** What one stage of the run has folded to; the stage without a name unless one is given. */
export function useRunStage(props: Readonly<{ stage?: string }>): ComputedRef<StageState> {
  const { state } = useRun()
  return computed(() => state.value?.stages[props.stage ?? ''] ?? nothing)
}
