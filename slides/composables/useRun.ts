import type { ComputedRef, InjectionKey, Ref } from 'vue'
import { computed, inject, onScopeDispose, ref, shallowRef, watch } from 'vue'
import type { JsonObject } from '../live/protocol/merge'
import type { Prediction } from '../live/views/prediction'
import { entireDataset, needsAsking, predict } from '../live/views/prediction'
import type { ExperimentInfo, RunInfo, RunStatus } from '../live/protocol/generated'
import { describeOrigin } from '../live/views/origin'
import { StartError } from '../live/link/starts'
import { useConnection } from './useConnection'
import { useExperiment } from './useExperiment'
import { useNow } from './useNow'
import { usePlayback } from './usePlayback'

/** Runs of an earlier evening are not shown: the recordings are for that. */
export const TONIGHT_MS = 12 * 3600 * 1000
/** A run without an event for so long is offered its recording; the server's watchdog takes longer. */
const STALLED_MS = 8000
const GOING: readonly string[] = ['queued', 'starting', 'running'] satisfies RunStatus[]

/** Whether a run has yet to end. */
export function isGoing(status: string): boolean {
  return GOING.includes(status)
}

export interface Question {
  params: JsonObject
  prediction: Prediction
}

export type Run = ReturnType<typeof createRun>

export const runKey: InjectionKey<Run> = Symbol('run')

/** The run of this slide. */
export function useRun(): Run {
  const run = inject(runKey, undefined)
  if (!run)
    throw new Error('A live component stands on a slide that runs nothing: give the slide `layout: live` and an `experiment:`.')
  return run
}

/**
 * The latest run of an experiment, or its recording where that is played, with what starts, cancels
 * and resets it. Parameters, resets and playbacks are shared, so that the stage, the presenter's
 * view and the audience see the same.
 *
 * `matching`: only runs whose parameters have the chosen values of those in `defaults`, for a slide
 * that is about them.
 */
export function createRun(name: string, defaults: JsonObject, onMain: Ref<boolean>, matching = false) {
  const { connection, view, isOpen, canStart, standsAlone, scripted } = useConnection()
  const { experiment, shared, chosen } = useExperiment(name, defaults)
  const playback = usePlayback(name, shared, share, standsAlone)
  const isReplay = playback.shown

  const info = computed(() => {
    const latest = view.value.runs.findLast(run => run.experiment === name && isMeant(run))
    return !latest || latest.run_id === shared.value['dismissed'] || isEarlier(latest) ? undefined : latest
  })
  const runId = computed(() => info.value?.run_id)
  const liveState = computed(() => runId.value === undefined ? undefined : view.value.states[runId.value])
  const state = computed(() => isReplay.value ? playback.state.value : liveState.value)
  const status: ComputedRef<RunStatus | 'idle'> = computed(() => state.value?.status?.status ?? (isReplay.value ? 'queued' : info.value?.status ?? 'idle'))
  /** Something moves on the slide, live or played. */
  const going = computed(() => isGoing(status.value))
  const active = computed(() => going.value && !isReplay.value)

  const params = computed<JsonObject>(() => isReplay.value
    ? { ...playback.recording.value?.header.params }
    : active.value && info.value ? { ...chosen.value, ...info.value.params } : chosen.value)
  /** The names of what the experiment compares, in their order. */
  const stages = computed(() => Object.keys(experiment.value?.stages ?? {}))
  const prediction = computed(() => predict(experiment.value, params.value))
  const origin = computed(() => isReplay.value && playback.recording.value
    ? describeOrigin(playback.recording.value.header, currentCode(name, view.value.experiments))
    : undefined)

  const now = useNow()
  const movedAt = ref(Date.now())
  watch(() => [runId.value, liveState.value?.seq], () => { movedAt.value = Date.now() })
  const stalled = computed(() => active.value && status.value !== 'queued' && now.value - movedAt.value > STALLED_MS)
  const mayPlay = computed(() => playback.recording.value !== undefined && canStart.value && onMain.value && !isReplay.value)
  /** The live way is barred or broken: the recording is a way on. */
  const offered = computed(() => mayPlay.value && !scripted.value
    && (!isOpen.value || stalled.value || status.value === 'failed' || view.value.server === 'degraded'))

  const error = shallowRef<StartError>()
  const question = shallowRef<Question>()
  const pending = ref(false)
  const cancelling = ref<string>()

  const blocked = computed(() => {
    if (scripted.value) {
      if (playback.trouble.value)
        return playback.trouble.value
      return canStart.value ? undefined : 'The presenter’s browser plays the recording.'
    }
    if (!isOpen.value)
      return view.value.link === 'offline' ? 'There is no server behind this deck.' : 'Waiting for the server.'
    if (!canStart.value)
      return 'Only the presenter’s browser starts runs.'
    if (!experiment.value)
      return unknownExperiment(name, view.value.experiments.length)
    return onMain.value ? undefined : 'Runs start on the stage.'
  })

  /** What the experiment offers while it runs, where this window may do it. */
  const actions = computed(() => active.value && status.value === 'running' && blocked.value === undefined ? experiment.value?.actions ?? [] : [])

  let stop: (() => void) | undefined
  watch(runId, (id) => {
    stop?.()
    stop = id === undefined ? undefined : connection.watch(id)
  }, { immediate: true })
  onScopeDispose(() => stop?.())

  function isMeant(run: RunInfo): boolean {
    return !matching || Object.keys(defaults).every(key => run.params[key] === chosen.value[key])
  }

  function share(patch: JsonObject): void {
    if (canStart.value)
      connection.publish('controls', { [name]: patch })
  }

  async function start(values: JsonObject): Promise<void> {
    question.value = undefined
    error.value = undefined
    pending.value = true
    try {
      await connection.start(name, values)
    }
    catch (reason) {
      if (!(reason instanceof StartError))
        throw reason
      error.value = reason
    }
    finally {
      pending.value = false
    }
  }

  /** Starts, or asks first where it would take long. */
  function request(values: JsonObject = chosen.value): void {
    if (blocked.value !== undefined || pending.value || active.value)
      return
    const expected = predict(experiment.value, values)
    if (needsAsking(expected))
      question.value = { params: values, prediction: expected }
    else
      void start(values)
  }

  function requestAll(): void {
    if (experiment.value?.dataset_rows != null)
      request(entireDataset(experiment.value, chosen.value))
  }

  function cancel(): void {
    if (runId.value === undefined || !active.value || !canStart.value)
      return
    cancelling.value = runId.value
    connection.cancel(runId.value)
  }

  function act(action: string): void {
    if (runId.value !== undefined && actions.value.includes(action))
      connection.act(runId.value, action)
  }

  function reset(): void {
    if (isReplay.value) {
      if (canStart.value)
        playback.close()
      return
    }
    if (question.value) {
      question.value = undefined
      return
    }
    if (active.value)
      return
    error.value = undefined
    share({ params: null, ...runId.value === undefined ? {} : { dismissed: runId.value } })
  }

  function toggle(): void {
    if (isReplay.value)
      (playback.playing.value ? playback.pause : playback.play)()
    else if (scripted.value)
      play()
    else if (question.value)
      void start(question.value.params)
    else if (active.value)
      cancel()
    else
      request()
  }

  function setParams(values: JsonObject): void {
    error.value = undefined
    share({ params: values })
  }

  function refuse(message: string, field: string): void {
    error.value = new StartError(message, field, null)
  }

  function play(): void {
    if (mayPlay.value)
      playback.play()
  }

  return {
    experiment, info, stages, state, status, active, actions, going, params, prediction, blocked, error, question, pending, playback,
    isReplay, offered, origin, scripted,
    locked: computed(() => active.value || isReplay.value || scripted.value || blocked.value !== undefined),
    cancelling: computed(() => active.value && cancelling.value === runId.value),
    request, requestAll, cancel, act, reset, toggle, setParams, refuse, play,
  }
}

function isEarlier(run: RunInfo): boolean {
  return Date.now() - run.started_at * 1000 > TONIGHT_MS
}

/** The hash of the experiment's file as it is now: the server's, or that of the deck's build. */
function currentCode(name: string, experiments: readonly ExperimentInfo[]): string | undefined {
  return experiments.find(known => known.name === name)?.code_hash ?? __CODE_HASHES__[name]
}

function unknownExperiment(name: string, known: number): string {
  return known === 0 ? 'The server is still reading its experiments.' : `The server knows no experiment “${name}”.`
}
