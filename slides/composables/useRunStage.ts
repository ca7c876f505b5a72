import type { ComputedRef } from 'vue'
import { computed } from 'vue'
import { stageOf } from '../live/state/fold'
import type { StageState } from '../live/protocol/generated'
import { useRun } from './useRun'

/** What one stage of the run has folded to; the stage without a name unless one is given. */
export function useRunStage(props: Readonly<{ stage?: string }>): ComputedRef<StageState> {
  const { state } = useRun()
  return computed(() => stageOf(state.value, props.stage))
}
