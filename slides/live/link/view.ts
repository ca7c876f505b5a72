import type { JsonObject } from '../protocol/merge'
import type { ErrorFrame, ExperimentInfo, Role, RunInfo, RunState, ServerStatus } from '../protocol/generated'
import type { LinkStatus } from './transport'

/** What a client knows; a change makes a new one. */
export interface View {
  link: LinkStatus
  role: Role
  /** This talk plays recordings; nothing runs. */
  recorded: boolean
  server: ServerStatus
  reason: string | null
  /** Where the audience opens the deck; null while it is not shared. */
  shareUrl: string | null
  experiments: readonly ExperimentInfo[]
  /** In the order of their start. */
  runs: readonly RunInfo[]
  /** Of the watched runs, by run id. */
  states: Readonly<Record<string, RunState>>
  channels: Readonly<Record<string, JsonObject>>
  /** The last error that no start of ours is waiting for. */
  error: ErrorFrame | null
  /** How often the server that answered was not the one before: its memory is gone, its logs are not. */
  restarts: number
}

/** Before a server has answered. */
export const UNCONNECTED: View = {
  link: 'connecting',
  role: 'viewer',
  recorded: false,
  server: 'starting',
  reason: null,
  shareUrl: null,
  experiments: [],
  runs: [],
  states: {},
  channels: {},
  error: null,
  restarts: 0,
}
