// Generated from demo_server/protocol/ by `npm run types`. Do not edit.

export type JsonValue = string | number | boolean | null | JsonValue[] | {[key: string]: JsonValue}
/**
 * Stable words of an `error` frame.
 */
export type ErrorCode =
  | 'not_json'
  | 'bad_frame'
  | 'unknown_type'
  | 'unknown_experiment'
  | 'unknown_run'
  | 'unknown_action'
  | 'bad_parameter'
  | 'infeasible'
  | 'not_allowed'
  | 'not_ready'
  | 'queue_full'
  | 'already_ended'
  | 'too_many'
export type RunEvent =
  | StatusEvent
  | PlanEvent
  | ProgressEvent
  | RowsEvent
  | MetricsEvent
  | NoteEvent
  | ResultEvent
  | FailureEvent
  | StepEvent
  | PassesEvent
  | OutcomeEvent
  | ExportEvent
  | ComparisonEvent
  | ChecksEvent
export type RunStatus = 'queued' | 'starting' | 'running' | 'succeeded' | 'failed' | 'cancelled'
export type FromClient =
  HelloFrame | StartFrame | CancelFrame | ActFrame | WatchFrame | UnwatchFrame | PublishFrame
export type FromServer =
  | WelcomeFrame
  | ServerFrame
  | AcceptedFrame
  | RunStartedFrame
  | EventsFrame
  | SnapshotFrame
  | StateFrame
  | BeatFrame
  | ErrorFrame
export type Role = 'presenter' | 'viewer'
export type ServerStatus = 'starting' | 'ready' | 'degraded'

export interface AcceptedFrame {
  type: 'accepted'
  request_id: string
  run_id: string
}
export interface ActFrame {
  type: 'act'
  run_id: string
  action: string
  args?: {
    [k: string]: JsonValue
  }
}
export interface ActorMetrics {
  pid: number
  state: string
  memory_bytes: number
}
export interface BeatFrame {
  type: 'beat'
  epoch: string
  runs: {
    [k: string]: number
  }
}
export interface CancelFrame {
  type: 'cancel'
  run_id: string
}
/**
 * What the doctor found about one thing in a run.
 */
export interface Check {
  /**
   * of one of QUESTIONS
   */
  name: string
  /**
   * unknown: it was not measured
   */
  state: 'ok' | 'warn' | 'unknown'
  question: string
  figure?: Figure | null
  /**
   * how to fix it where it is not ok
   */
  fix: string
  /**
   * why it was not measured
   */
  reason?: string | null
}
/**
 * A number that came out of the run.
 */
export interface Figure {
  /**
   * a stable word, e.g. freed_bytes
   */
  name: string
  label: string
  value: number | string
  unit?: string | null
}
/**
 * What the doctor found about the whole run.
 */
export interface ChecksData {
  checks: Check[]
}
export interface ChecksEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'checks'
  data: ChecksData
}
/**
 * What the steps of a run come to together.
 */
export interface ComparisonData {
  /**
   * the cost of the first step, as a multiple of the least cost
   */
  ratio: number
  /**
   * the lowest of any row's embeddings in two steps
   */
  cosine: number
  /**
   * that all steps took
   */
  seconds?: number | null
}
export interface ComparisonEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'comparison'
  data: ComparisonData
}
export interface ErrorFrame {
  type: 'error'
  code: ErrorCode
  message: string
  request_id?: string | null
  field?: string | null
  /**
   * parameters that would work, with code infeasible
   */
  feasible?: {
    [k: string]: JsonValue
  } | null
}
export interface EventsFrame {
  type: 'events'
  run_id: string
  events: RunEvent[]
}
export interface StatusEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'status'
  data: StatusData
}
export interface StatusData {
  status: RunStatus
  reason?: string | null
  /**
   * place in the queue, 1 is next
   */
  place?: number | null
}
export interface PlanEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'plan'
  data: PlanData
}
export interface PlanData {
  operators: PlanOperator[]
  total_rows?: number | null
  /**
   * all rows of the dataset, M of N
   */
  dataset_rows?: number | null
  /**
   * cuda, mps or cpu
   */
  device?: string | null
  /**
   * why these resources, as a sum
   */
  reason?: string | null
}
export interface PlanOperator {
  /**
   * as Ray Data names it, e.g. MapBatches(TextEmbedder)
   */
  name: string
  detail?: string | null
}
export interface ProgressEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'progress'
  data: ProgressData
}
export interface ProgressData {
  /**
   * rows out of the last operator
   */
  rows: number
  total?: number | null
  /**
   * rows per second, steady; None in the first second of work
   */
  rate?: number | null
  eta_s?: number | null
  operators: OperatorProgress[]
}
export interface OperatorProgress {
  name: string
  /**
   * rows out so far
   */
  rows: number
  total_rows?: number | null
  /**
   * blocks out so far
   */
  blocks: number
  /**
   * blocks waiting at its input
   */
  queued_blocks: number
  active_tasks: number
  actors: number
}
export interface RowsEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'rows'
  data: RowsData
}
export interface RowsData {
  rows: Row[]
  /**
   * rows of the batch they came from
   */
  batch_rows?: number | null
  batch_seconds?: number | null
  /**
   * the batch's share of its call's text, in rows of average length
   */
  work: number
  /**
   * when the batch left the model: Unix time in ms
   */
  finished_at?: number | null
  /**
   * the process that made them
   */
  worker?: string | null
  /**
   * calls that it began since its last report
   */
  calls: number
  /**
   * models that it loaded since then
   */
  models: number
  /**
   * tokens that its model read since then
   */
  tokens: number
  /**
   * tokens that it computed in addition
   */
  padding: number
}
export interface Row {
  id: string
  text: string
  /**
   * int8 values, base64
   */
  embedding?: string | null
  /**
   * float value = int8 value x scale
   */
  scale?: number | null
  norm?: number | null
  dim?: number | null
  columns: {
    [k: string]: string | number | boolean | null
  }
}
export interface MetricsEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'metrics'
  data: MetricsData
}
export interface MetricsData {
  /**
   * of all cores together, 0 to 100
   */
  cpu_percent: number
  cpus: number
  memory_bytes: number
  memory_total_bytes: number
  object_store_bytes: number
  object_store_total_bytes: number
  actors: ActorMetrics[]
}
export interface NoteEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'note'
  data: NoteData
}
export interface NoteData {
  text: string
  level: 'info' | 'warning'
}
export interface ResultEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'result'
  data: ResultData
}
export interface ResultData {
  /**
   * print(ds) of the original dataset
   */
  before?: string | null
  /**
   * print(ds) of the materialized one
   */
  after?: string | null
  columns: SchemaColumn[]
  rows?: number | null
  counts?: RowCounts | null
  blocks?: number | null
  bytes?: number | null
  first_rows: Row[]
  stats?: string | null
  seconds?: number | null
  /**
   * None for encode itself, and where it was not measured
   */
  agreement?: VectorAgreement | null
  figures: Figure[]
}
export interface SchemaColumn {
  name: string
  type: string
}
/**
 * Where the rows went, from the file to the result: read = dropped + left_out + lost + out.
 *
 * Where a run has several pipelines, in the one that got most rows; of those, that lost most.
 */
export interface RowCounts {
  /**
   * None where nothing but reading it counts them
   */
  in_file?: number | null
  read: number
  /**
   * read, and without a text
   */
  dropped: number
  /**
   * with a text, and not asked for or left out on purpose
   */
  left_out: number
  /**
   * taken, and not out; below 0 where more came out than went in
   */
  lost: number
  /**
   * out, with a vector of finite numbers
   */
  embedded: number
  out: number
}
/**
 * How close the vectors of a run's engine are to those of `encode`.
 */
export interface VectorAgreement {
  /**
   * the lowest of any row compared
   */
  cosine: number
  /**
   * rows of the dataset that were compared
   */
  rows: number
}
export interface FailureEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'failure'
  data: FailureData
}
export interface FailureData {
  exception: string
  message: string
  cause?: string | null
  remedy?: string | null
  expected: boolean
}
export interface StepEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'step'
  data: StepData
}
/**
 * What one step of a comparison took; steps are compared with each other, in their order.
 */
export interface StepData {
  title: string
  /**
   * rows that came out
   */
  rows: number
  /**
   * from the end of the first call to the last row
   */
  seconds: number
  /**
   * seconds before that: processes start and load
   */
  start_s: number
  /**
   * seconds for 1,000 rows
   */
  cost_s: number
  /**
   * rows per second
   */
  rate: number
}
export interface PassesEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'passes'
  data: PassesData
}
/**
 * The forward passes of a step, in their order.
 */
export interface PassesData {
  passes: ForwardPass[]
}
export interface ForwardPass {
  /**
   * of its rows
   */
  tokens: number
  /**
   * tokens that make all its rows as long as the longest
   */
  padding: number
}
export interface OutcomeEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'outcome'
  data: OutcomeData
}
/**
 * What came of one form of some code: it raised, lost rows silently, or worked.
 */
export interface OutcomeData {
  title: string
  outcome: 'raised' | 'silent' | 'worked'
  rows_in: number
  /**
   * None where it raised
   */
  rows_out?: number | null
  /**
   * the class of what it raised
   */
  exception?: string | null
  /**
   * the exception's own words, or what happens without one
   */
  message?: string | null
  remedy?: string | null
  /**
   * that did the work, where it is known
   */
  processes?: number | null
}
export interface ExportEvent {
  seq: number
  /**
   * ms since accepted, monotonic
   */
  t: number
  stage?: string | null
  kind: 'export'
  data: ExportData
}
/**
 * What one way out of Ray takes for 1,000 rows of a result.
 */
export interface ExportData {
  /**
   * seconds to write, or to collect in the driver
   */
  write_s: number
  /**
   * that the driver's process grew by
   */
  memory_bytes: number
  /**
   * None where nothing is written
   */
  disk_bytes?: number | null
  /**
   * seconds to read it back
   */
  read_s?: number | null
}
export interface ExperimentInfo {
  name: string
  title: string
  /**
   * JSON Schema of the parameters
   */
  schema: {
    [k: string]: unknown
  }
  defaults: {
    [k: string]: JsonValue
  }
  /**
   * why these defaults, on this machine
   */
  reason?: string | null
  /**
   * the defaults come from a measurement of this machine
   */
  measured: boolean
  /**
   * rows per second measured here
   */
  rate?: number | null
  /**
   * the same by engine, for a run that has this parameter
   */
  rates?: {
    [k: string]: number
  } | null
  dataset_rows?: number | null
  /**
   * what shown code takes from the dataset and the model, as code, by name
   */
  inputs: {
    [k: string]: string
  }
  /**
   * sha256 of each shown region, by name
   */
  regions: {
    [k: string]: string
  }
  code_hash: string
  /**
   * runs in the driver that holds the last result
   */
  uses_held: boolean
  actions: string[]
  /**
   * titles of a comparison's stages, in their order
   */
  stages: {
    [k: string]: string
  }
}
/**
 * What one check found, as a sentence; `remedy` is what to do where it is not `ok`.
 */
export interface Finding {
  name: string
  ok: boolean
  message: string
  remedy?: string | null
}
export interface Findings {
  findings: Finding[]
}
export interface HelloFrame {
  type: 'hello'
  token?: string | null
  have?: Have | null
}
export interface Have {
  epoch: string
  runs?: {
    [k: string]: number
  }
}
export interface StartFrame {
  type: 'start'
  request_id: string
  experiment: string
  params?: {
    [k: string]: JsonValue
  }
}
export interface WatchFrame {
  type: 'watch'
  run_id: string
  after: number
}
export interface UnwatchFrame {
  type: 'unwatch'
  run_id: string
}
export interface PublishFrame {
  type: 'publish'
  channel: string
  patch: {
    [k: string]: JsonValue
  }
}
export interface WelcomeFrame {
  type: 'welcome'
  epoch: string
  role: Role
  status: ServerStatus
  reason?: string | null
  /**
   * the audience's address, if shared
   */
  share_url?: string | null
  experiments: ExperimentInfo[]
  runs: RunInfo[]
  channels: {
    [k: string]: {
      [k: string]: JsonValue
    }
  }
  /**
   * this talk plays recordings, nothing runs
   */
  recorded: boolean
}
export interface RunInfo {
  run_id: string
  experiment: string
  params: {
    [k: string]: JsonValue
  }
  status: RunStatus
  seq: number
  /**
   * Unix time in seconds
   */
  started_at: number
}
export interface ServerFrame {
  type: 'server'
  status: ServerStatus
  reason?: string | null
  share_url?: string | null
  experiments: ExperimentInfo[]
}
/**
 * A run was accepted from some client: all learn of it and may watch it.
 */
export interface RunStartedFrame {
  type: 'run'
  run: RunInfo
}
export interface SnapshotFrame {
  type: 'snapshot'
  run_id: string
  seq: number
  state: RunState
}
export interface RunState {
  seq: number
  t: number
  status?: StatusData | null
  /**
   * by stage, '' where an event names none
   */
  stages: {
    [k: string]: StageState
  }
}
/**
 * What one stage has come to: a field for what a kind replaces, a list for what it appends.
 */
export interface StageState {
  plan?: PlanData | null
  progress?: ProgressData | null
  points: Point[]
  points_seen: number
  /**
   * every stride-th of points is kept
   */
  stride: number
  batch?: RowsData | null
  rows: Row[]
  rows_seen: number
  metrics?: MetricsData | null
  notes: NoteData[]
  result?: ResultData | null
  failure?: FailureData | null
  step?: StepData | null
  passes?: PassesData | null
  outcome?: OutcomeData | null
  export?: ExportData | null
  comparison?: ComparisonData | null
  checks?: ChecksData | null
}
/**
 * One point of the chart.
 */
export interface Point {
  t: number
  rows: number
  rate?: number | null
}
export interface StateFrame {
  type: 'state'
  channel: string
  patch: {
    [k: string]: JsonValue
  }
}
/**
 * The first line of a recording: where, when and from which code it comes.
 */
export interface RecordingHeader {
  format: number
  experiment: ExperimentInfo
  params: {
    [k: string]: JsonValue
  }
  started_at: number
  date: string
  machine: RecordingMachine
  versions: {
    [k: string]: string
  }
  dataset: string
  model: string
  code_hash: string
}
/**
 * What a recording was made on.
 */
export interface RecordingMachine {
  system: string
  release: string
  /**
   * the processor's architecture
   */
  machine: string
  cpus: number
  memory_bytes: number
}

export interface EventKind {
  /** The state is the run's, not a stage's. */
  of_run: boolean
  /** The field of the state that holds the newest data. */
  replaces: string | null
  /** The list of the state that grows. */
  appends: Append | null
}

export interface Append {
  to: string
  cap: number
  /** The field of the data that lists several items; null where an event is one item. */
  items: string | null
  /** The fields of an item that is made of data and t; null where the data is the item. */
  fields: readonly string[] | null
  /** The field of the state that counts all items. */
  seen: string | null
  /** The field of the state that says that every stride-th item is kept. */
  stride: string | null
}

/** Why the server closed a socket. */
export const CloseCode = {
  SERVER_RESTARTING: 1012,
  TRY_AGAIN_LATER: 1013,
  FRAME_TOO_LARGE: 1009,
  NO_HELLO: 4001,
  NOT_ALLOWED: 4003,
  TOO_SLOW: 4008,
  FRAME_FLOOD: 4009,
} as const

export const MAX_CLIENT_FRAME_BYTES = 65536
export const HELLO_TIMEOUT_S = 5
export const BEAT_INTERVAL_S = 0.5
export const RECORDING_FORMAT = 2

/** What the doctor asks of each run. */
export const QUESTIONS = [
  'Is the model loaded once?',
  'Are the cores busy?',
  'Are the batches full?',
  'Is padding under 20%?',
  'Is the model always fed?',
  'Did every row come out?',
]

/** How a fold keeps the events of each kind. */
export const EVENT_KINDS: Record<RunEvent['kind'], EventKind> = {
  status: { of_run: true, replaces: 'status', appends: null },
  plan: { of_run: false, replaces: 'plan', appends: null },
  progress: { of_run: false, replaces: 'progress', appends: { to: 'points', cap: 400, items: null, fields: ['t', 'rows', 'rate'], seen: 'points_seen', stride: 'stride' } },
  rows: { of_run: false, replaces: 'batch', appends: { to: 'rows', cap: 60, items: 'rows', fields: null, seen: 'rows_seen', stride: null } },
  metrics: { of_run: false, replaces: 'metrics', appends: null },
  note: { of_run: false, replaces: null, appends: { to: 'notes', cap: 50, items: null, fields: null, seen: null, stride: null } },
  result: { of_run: false, replaces: 'result', appends: null },
  failure: { of_run: false, replaces: 'failure', appends: null },
  step: { of_run: false, replaces: 'step', appends: null },
  passes: { of_run: false, replaces: 'passes', appends: null },
  outcome: { of_run: false, replaces: 'outcome', appends: null },
  export: { of_run: false, replaces: 'export', appends: null },
  comparison: { of_run: false, replaces: 'comparison', appends: null },
  checks: { of_run: false, replaces: 'checks', appends: null },
}
