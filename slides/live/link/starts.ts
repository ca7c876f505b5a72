// Starts that wait for the server's answer. The server takes a request id twice without starting
// twice, so a start is sent again after a reconnect.
import type { JsonObject } from '../protocol/merge'
import type { ErrorFrame, StartFrame } from '../protocol/generated'

/** A start that was refused, or that nobody answered. */
export class StartError extends Error {
  constructor(
    message: string,
    readonly field: string | null,
    readonly feasible: JsonObject | null,
  ) {
    super(message)
    this.name = 'StartError'
  }
}

interface Waiting {
  frame: StartFrame
  accept: (runId: string) => void
  refuse: (error: StartError) => void
}

const NO_ANSWER_AFTER_MS = 20_000

export class Starts {
  private readonly waiting = new Map<string, Waiting>()

  constructor(private readonly after: (ms: number, then: () => void) => () => void) {}

  /** @throws StartError with the server's reason, the parameter at fault and what would work. */
  wait(frame: StartFrame): Promise<string> {
    return new Promise((resolve, reject) => {
      const stop = this.after(NO_ANSWER_AFTER_MS, () => {
        this.take(frame.request_id)
        reject(new StartError('The server did not answer. Press Run again when the badge shows LIVE.', null, null))
      })
      this.waiting.set(frame.request_id, {
        frame,
        accept: (runId) => { stop(); resolve(runId) },
        refuse: (error) => { stop(); reject(error) },
      })
    })
  }

  get frames(): StartFrame[] {
    return [...this.waiting.values()].map(({ frame }) => frame)
  }

  /** The frame that was accepted, unless nobody waits for it any more. */
  accept(requestId: string, runId: string): StartFrame | undefined {
    const start = this.take(requestId)
    start?.accept(runId)
    return start?.frame
  }

  /** Whether somebody waited for this refusal. */
  refuse({ request_id: requestId, message, field, feasible }: ErrorFrame): boolean {
    const start = requestId ? this.take(requestId) : undefined
    start?.refuse(new StartError(message, field ?? null, feasible ?? null))
    return start !== undefined
  }

  private take(requestId: string): Waiting | undefined {
    const start = this.waiting.get(requestId)
    this.waiting.delete(requestId)
    return start
  }
}
