// A websocket that comes back: connecting, backing off, and noticing when nothing arrives.
import type { FromClient, FromServer } from '../protocol/generated'
import { CloseCode } from '../protocol/generated'

export type LinkStatus = 'connecting' | 'open' | 'reconnecting' | 'offline'

/** The part of a browser's WebSocket that is used. */
export interface Socket {
  onopen: (() => void) | null
  onmessage: ((message: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
  send: (text: string) => void
  close: () => void
}

export interface Environment {
  open: () => Socket
  /** ms */
  now: () => number
  /** 0 to 1 */
  random: () => number
  /** Runs `then` in `ms`; the result takes it back. */
  after: (ms: number, then: () => void) => () => void
}

export interface Handlers {
  opened: () => void
  received: (frame: FromServer) => void
  changed: (status: LinkStatus) => void
}

// The server beats twice a second. A socket that has been silent for so long may be dead.
const SILENT_AFTER_MS = 2000
const GIVE_UP_AFTER_MS = 6000
const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 10_000
const ATTEMPTS_BEFORE_OFFLINE = 3

export class Transport {
  status: LinkStatus = 'connecting'
  /** When the last frame of any kind came, by `now()`. */
  lastFrameAt = 0
  private socket: Socket | undefined
  private attempts = 0
  private openedAt = 0
  private everOpen = false
  private stopTimer: (() => void) | undefined

  constructor(private readonly environment: Environment, private readonly handlers: Handlers) {}

  connect(): void {
    this.stopTimer?.()
    const socket = this.environment.open()
    this.socket = socket
    this.openedAt = this.environment.now()
    this.watchForSilence(socket)
    socket.onopen = () => { this.handlers.opened() }
    socket.onmessage = ({ data }) => { this.receive(socket, data) }
    socket.onclose = ({ code }) => { this.lose(socket, code) }
  }

  /** Something hints that the network is back: try now instead of when the pause is over. */
  nudge(): void {
    if (this.socket && this.silentMs() <= SILENT_AFTER_MS)
      return
    if (this.socket) {
      silence(this.socket)
      this.becomeLost()
    }
    this.connect()
  }

  send(frame: FromClient): void {
    this.socket?.send(JSON.stringify(frame))
  }

  close(): void {
    this.stopTimer?.()
    const socket = this.socket
    this.socket = undefined
    if (socket)
      silence(socket)
  }

  private receive(socket: Socket, data: unknown): void {
    const frame = parse(data)
    if (!frame) {
      this.drop(socket)
      return
    }
    this.lastFrameAt = this.environment.now()
    if (frame.type === 'welcome') {
      this.attempts = 0
      this.everOpen = true
      this.become('open')
    }
    this.handlers.received(frame)
  }

  /** How long this socket, open or still opening, has brought nothing. */
  private silentMs(): number {
    return this.environment.now() - Math.max(this.openedAt, this.lastFrameAt)
  }

  private watchForSilence(socket: Socket): void {
    const check = () => {
      const silent = this.silentMs()
      if (silent >= GIVE_UP_AFTER_MS)
        this.drop(socket)
      else
        this.stopTimer = this.environment.after(GIVE_UP_AFTER_MS - silent, check)
    }
    this.stopTimer = this.environment.after(GIVE_UP_AFTER_MS, check)
  }

  /** A silent socket is treated as closed, without waiting for the closing handshake. */
  private drop(socket: Socket): void {
    silence(socket)
    this.lose(socket, 1006)
  }

  private lose(socket: Socket, code: number): void {
    if (socket !== this.socket)
      return
    this.stopTimer?.()
    this.socket = undefined
    this.becomeLost()
    this.stopTimer = this.environment.after(this.pause(code), () => { this.connect() })
    this.attempts += 1
  }

  /** Half to all of a delay that doubles, so that a hall of clients does not come back at once. */
  private pause(code: number): number {
    const delay = code === CloseCode.TOO_SLOW ? FIRST_DELAY_MS : FIRST_DELAY_MS * 2 ** this.attempts
    return Math.min(LONGEST_DELAY_MS, delay) * (0.5 + this.environment.random() / 2)
  }

  private becomeLost(): void {
    this.become(this.everOpen ? 'reconnecting' : this.attempts < ATTEMPTS_BEFORE_OFFLINE - 1 ? 'connecting' : 'offline')
  }

  private become(status: LinkStatus): void {
    if (status === this.status)
      return
    this.status = status
    this.handlers.changed(status)
  }
}

function silence(socket: Socket): void {
  socket.onopen = socket.onmessage = socket.onclose = null
  socket.close()
}

/** A frame, or undefined where something other than our server answered. */
function parse(data: unknown): FromServer | undefined {
  if (typeof data !== 'string')
    return undefined
  try {
    const frame: unknown = JSON.parse(data)
    return typeof frame === 'object' && frame !== null && 'type' in frame ? frame as FromServer : undefined
  }
  catch {
    return undefined
  }
}
