import { beforeEach, describe, expect, it, vi } from 'vitest'
import { computed, effectScope, nextTick, ref, shallowRef } from 'vue'
import type { View } from '../live/link/view'
import { UNCONNECTED } from '../live/link/view'
import { merge } from '../live/protocol/merge'
import type { JsonObject } from '../live/protocol/merge'
import type { ExperimentInfo, RunInfo } from '../live/protocol/generated'
import type { Recording } from '../live/state/recording'
import { parseRecording, RecordingError } from '../live/state/recording'
import { textOf } from '../live/state/recording.fixture'
import { StartError } from '../live/link/starts'
import type { Run } from './useRun'
import { createRun, TONIGHT_MS } from './useRun'

const embed: ExperimentInfo = {
  name: 'embed', title: '', schema: {}, defaults: { rows: 4000, batch_size: 64 }, measured: true, rate: 100, dataset_rows: 116_000, inputs: {}, regions: {}, code_hash: '', uses_held: false, actions: [], stages: {},
}

const view = shallowRef(UNCONNECTED)
const server = {
  watch: vi.fn(() => () => undefined),
  start: vi.fn<(experiment: string, params: JsonObject) => Promise<string>>(() => Promise.resolve('r1')),
  cancel: vi.fn(),
  act: vi.fn(),
  publish: (channel: string, patch: JsonObject) => {
    view.value = { ...view.value, channels: { ...view.value.channels, [channel]: merge(view.value.channels[channel] ?? {}, patch) } }
  },
}

const recording = parseRecording(textOf(), 'embed.jsonl')
const recordings = shallowRef<Record<string, Recording | RecordingError>>({})

const now = ref(Date.now())

vi.mock('./useNow', () => ({ useNow: () => now }))
vi.mock('./useRecordings', () => ({ useRecordings: () => ({ recordings }) }))

vi.mock('./useConnection', () => ({
  useConnection: () => ({
    connection: server,
    view,
    isOpen: computed(() => view.value.link === 'open'),
    standsAlone: false,
    scripted: computed(() => view.value.recorded),
    canStart: computed(() => view.value.role === 'presenter'),
  }),
}))

const runOf = (change: Partial<RunInfo> = {}): RunInfo =>
  ({ run_id: 'r1', experiment: 'embed', params: {}, status: 'running', seq: 0, started_at: Date.now() / 1000, ...change })

let run: Run

beforeEach(() => {
  vi.clearAllMocks()
  recordings.value = {}
  now.value = Date.now()
  view.value = { ...UNCONNECTED, link: 'open', role: 'presenter', server: 'ready', experiments: [embed] }
  run = effectScope().run(() => createRun('embed', { batch_size: 32 }, ref(true)))!
})

function set(change: Partial<View>) {
  view.value = { ...view.value, ...change }
}

describe('starting', () => {
  it('takes the experiment’s defaults, the slide’s and then what was set on the slide', () => {
    run.setParams({ rows: 500 })
    run.toggle()
    expect(server.start).toHaveBeenCalledWith('embed', { rows: 500, batch_size: 32 })
  })

  it('asks before a run of more than a minute and starts it when told again', () => {
    run.requestAll()
    expect(server.start).not.toHaveBeenCalled()
    expect(run.question.value?.prediction.seconds).toBe(1160)
    run.toggle()
    expect(server.start).toHaveBeenCalledWith('embed', { rows: 116_000, batch_size: 32 })
  })

  it('takes a reset for a no', () => {
    run.requestAll()
    run.reset()
    expect(run.question.value).toBeUndefined()
    expect(server.start).not.toHaveBeenCalled()
  })

  it('keeps why it was refused, until something is changed', async () => {
    server.start.mockRejectedValueOnce(new StartError('too many', 'concurrency', { concurrency: 1 }))
    run.toggle()
    await vi.waitFor(() => { expect(run.error.value?.feasible).toEqual({ concurrency: 1 }) })
    run.setParams({ concurrency: 1 })
    expect(run.error.value).toBeUndefined()
  })

  it.each([
    ['a viewer', { role: 'viewer' }, 'Only the presenter'],
    ['a lost link', { link: 'reconnecting' }, 'Waiting'],
    ['no server', { link: 'offline' }, 'no server'],
    ['a server that still reads its experiments', { experiments: [] }, 'still reading'],
    ['an experiment that is not there', { experiments: [{ ...embed, name: 'other' }] }, 'knows no experiment'],
  ] as [string, Partial<View>, string][])('is impossible with %s, and says so', (_, change, reason) => {
    set(change)
    run.toggle()
    expect(run.blocked.value).toContain(reason)
    expect(server.start).not.toHaveBeenCalled()
  })

  it('is impossible off the stage', () => {
    const preview = effectScope().run(() => createRun('embed', {}, ref(false)))!
    preview.toggle()
    expect(server.start).not.toHaveBeenCalled()
  })
})

describe('a run', () => {
  it('is the latest of the experiment, on a slide about some parameters the latest that has them', () => {
    const about = effectScope().run(() => createRun('embed', { batch_size: 32 }, ref(true), true))!
    set({ runs: [runOf({ run_id: 'r1', params: { batch_size: 32, rows: 1 } }), runOf({ run_id: 'r2', params: { batch_size: 64, rows: 1 } })] })
    expect(run.info.value?.run_id).toBe('r2')
    expect(about.info.value?.run_id).toBe('r1')
    about.setParams({ batch_size: 64 })
    expect(about.info.value?.run_id).toBe('r2')
    about.setParams({ batch_size: 16 })
    expect(about.info.value).toBeUndefined()
  })

  it('is cancelled by the key that starts one', () => {
    set({ runs: [runOf()] })
    run.toggle()
    expect(server.cancel).toHaveBeenCalledWith('r1')
    expect(run.cancelling.value).toBe(true)
  })

  it('offers its actions while it runs, to the presenter on the stage', () => {
    set({ experiments: [{ ...embed, actions: ['kill_worker'] }] })
    run.act('kill_worker')
    set({ runs: [runOf({ status: 'starting' })] })
    expect(run.actions.value).toEqual([])
    set({ runs: [runOf()], role: 'viewer' })
    expect(run.actions.value).toEqual([])
    set({ role: 'presenter' })
    expect(run.actions.value).toEqual(['kill_worker'])
    expect(server.act).not.toHaveBeenCalled()
    run.act('kill_worker')
    expect(server.act).toHaveBeenCalledExactlyOnceWith('r1', 'kill_worker')
  })

  it('is watched while it is the latest', async () => {
    set({ runs: [runOf()] })
    await nextTick()
    expect(server.watch).toHaveBeenLastCalledWith('r1')
    set({ runs: [runOf({ status: 'succeeded' }), runOf({ run_id: 'r2' })] })
    await nextTick()
    expect(server.watch).toHaveBeenLastCalledWith('r2')
  })

  it('shows the parameters that it runs with', () => {
    run.setParams({ rows: 500 })
    set({ runs: [runOf({ params: { rows: 7 } })] })
    expect(run.params.value).toEqual({ rows: 7, batch_size: 32 })
  })

  it('is cleared by a reset when it has ended, and not before', () => {
    set({ runs: [runOf()] })
    run.reset()
    expect(run.info.value?.run_id).toBe('r1')
    set({ runs: [runOf({ status: 'failed' })] })
    run.reset()
    expect(run.status.value).toBe('idle')
  })

  it('of an earlier evening is not shown', () => {
    set({ runs: [runOf({ status: 'succeeded', started_at: (Date.now() - TONIGHT_MS) / 1000 - 60 })] })
    expect(run.status.value).toBe('idle')
  })
})

describe('a recording', () => {
  beforeEach(() => {
    vi.stubGlobal('requestAnimationFrame', () => 0)
    recordings.value = { embed: recording }
  })

  it.each([
    ['the link is lost', { link: 'reconnecting' }],
    ['there is no server', { link: 'offline' }],
    ['Ray cannot be started', { server: 'degraded' }],
    ['the run failed', { runs: [runOf({ status: 'failed' })] }],
  ] as [string, Partial<View>][])('is offered when %s, and plays at a key', (_, change) => {
    expect(run.offered.value).toBe(false)
    set(change)
    expect(run.offered.value).toBe(true)
    run.play()
    expect(run.offered.value).toBe(false)
    expect(run.origin.value).toMatchObject({ when: '21 Nov 2026', olderCode: true })
    expect(run.params.value).toEqual({ rows: 3 })
  })

  it('is offered when a run has no event for a while', () => {
    set({ runs: [runOf()], states: { r1: { seq: 1, t: 0, status: { status: 'running' }, stages: {} } } })
    now.value = Date.now() + 4000
    expect(run.offered.value).toBe(false)
    now.value = Date.now() + 12_000
    expect(run.offered.value).toBe(true)
  })

  it('never plays for a viewer, nor where there is none', () => {
    set({ link: 'offline', role: 'viewer' })
    run.play()
    expect(run.isReplay.value).toBe(false)
    recordings.value = {}
    set({ role: 'presenter' })
    expect(run.offered.value).toBe(false)
  })

  it('gives the slide back to the live run when it is closed', () => {
    set({ runs: [runOf({ status: 'failed' })] })
    run.play()
    expect(run.status.value).toBe('running')
    run.reset()
    expect(run.status.value).toBe('failed')
    expect(run.origin.value).toBeUndefined()
  })

  it('is what the run key plays and pauses where nothing runs', () => {
    set({ recorded: true })
    run.toggle()
    expect(server.start).not.toHaveBeenCalled()
    expect(run.playback.playing.value).toBe(true)
    run.toggle()
    expect(run.playback.playing.value).toBe(false)
  })

  it('that cannot be played says why where nothing runs', () => {
    recordings.value = { embed: new RecordingError('embed.jsonl, line 3: broken') }
    set({ recorded: true })
    expect(run.blocked.value).toContain('line 3')
  })
})
