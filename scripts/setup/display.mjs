// The progress of long steps: one animated line each on a terminal, plain lines elsewhere.

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const PLAIN_EVERY_MS = 15_000

export class Display {
  #steps = []
  #drawn = 0
  #timer = null

  constructor(stream = process.stderr) {
    this.stream = stream
    this.moving = Boolean(stream.isTTY) && !process.env.CI
  }

  /** Begin a step; several may run at once. */
  step(label) {
    const step = new Step(this, label)
    this.#steps.push(step)
    if (!this.moving) this.stream.write(`${label} …\n`)
    this.#timer ??= setInterval(() => this.draw(), this.moving ? 100 : PLAIN_EVERY_MS)
    return step
  }

  /** Print a line that stays. */
  print(text) {
    this.#erase()
    this.stream.write(`${text}\n`)
    if (this.moving) this.draw()
  }

  /** Take a step off the moving part; its line stays. */
  settle(step, line) {
    this.#steps = this.#steps.filter((other) => other !== step)
    if (this.#steps.length === 0) {
      clearInterval(this.#timer)
      this.#timer = null
    }
    this.print(line)
  }

  draw() {
    if (!this.moving) {
      for (const step of this.#steps) this.stream.write(`  ${step.label} (${step.seconds}): ${step.text}\n`)
      return
    }
    this.#erase()
    const width = (this.stream.columns || 80) - 1
    for (const step of this.#steps) {
      const frame = FRAMES[Math.floor(Date.now() / 100) % FRAMES.length]
      this.stream.write(`${`${frame} ${step.label} ${step.seconds} ${step.text}`.slice(0, width)}\n`)
    }
    this.#drawn = this.#steps.length
  }

  #erase() {
    if (this.#drawn) this.stream.write(`\x1b[${this.#drawn}A\x1b[J`)
    this.#drawn = 0
  }
}

class Step {
  /** What it is doing now. */
  text = ''
  #began = Date.now()

  constructor(display, label) {
    this.display = display
    this.label = label
  }

  get seconds() {
    return `${Math.round((Date.now() - this.#began) / 1000)} s`
  }

  done(text = '') {
    this.display.settle(this, `✓ ${this.label} (${this.seconds})${text && `: ${text}`}`)
  }

  failed() {
    this.display.settle(this, `✗ ${this.label} (${this.seconds})`)
  }
}

/** Bytes as a person reads them, in decimal units as package indexes show them. */
export function size(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`
  if (bytes >= 1e6) return `${Math.round(bytes / 1e6)} MB`
  return `${Math.round(bytes / 1e3)} kB`
}
