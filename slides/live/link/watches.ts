/** The runs that are watched, and which of them the server need not be asked for again. */
export class Watches {
  private readonly watchers = new Map<string, number>()
  private readonly asked = new Set<string>()
  /** The runs that the last hello named: each of them is watched already. */
  private greeted = new Set<string>()

  /** @param ask asks the server for a run's events. */
  constructor(private readonly ask: (runId: string) => void) {}

  get runIds(): string[] {
    return [...this.watchers.keys()]
  }

  add(runId: string): void {
    const count = this.watchers.get(runId) ?? 0
    this.watchers.set(runId, count + 1)
    if (count === 0)
      this.ask(runId)
  }

  /** Whether that was the last watcher of the run. */
  remove(runId: string): boolean {
    const count = this.watchers.get(runId) ?? 0
    if (count > 1) {
      this.watchers.set(runId, count - 1)
      return false
    }
    this.watchers.delete(runId)
    this.asked.delete(runId)
    return true
  }

  /** A hello has named all of them. */
  greet(): void {
    this.greeted = new Set(this.watchers.keys())
  }

  /** The server has answered the hello. */
  welcome(): void {
    this.asked.clear()
    for (const runId of this.watchers.keys()) {
      if (!this.greeted.has(runId))
        this.ask(runId)
    }
  }

  /** A gap is asked about once; what comes then closes it. */
  askAgain(runId: string): void {
    if (!this.asked.has(runId) && this.watchers.has(runId)) {
      this.asked.add(runId)
      this.ask(runId)
    }
  }

  answered(runId: string): void {
    this.asked.delete(runId)
  }
}
