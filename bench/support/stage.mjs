// A slide with a run as a presenter uses it, in Chromium: choose, press, wait for what is drawn.

/* global window -- in the page */

const ROW_WITHIN_MS = 120_000

/** The slide of an experiment; its page has `watchDeck`. */
export class Stage {
  #batches = []

  constructor(page, slide) {
    this.page = page
    this.slide = page.locator(`#slide-content [data-slidev-no="${slide}"]`)
  }

  /** All batches of which the slide has shown something. */
  async batches() {
    return [...this.#batches, ...(await this.page.evaluate('window.seen.batches'))]
  }

  /** Choose one of a parameter's values, as soon as the slide knows them. */
  choose(name, value) {
    return this.#label(name).locator('select').selectOption(value)
  }

  /** Type a parameter's value, and leave the field. */
  async type(name, value) {
    const input = this.#label(name).locator('input')
    await input.fill(String(value))
    await input.blur()
  }

  #label(name) {
    return this.slide.locator('.run-params label', { has: this.page.locator(`.name:text-is("${name}")`) })
  }

  /**
   * Press Run, and wait for the first sample row.
   * @returns {Promise<{starting: number, accepted: number, firstEvent: number, firstRow: number}>} ms
   *   from the press
   */
  async start() {
    this.#batches.push(...(await this.page.evaluate('window.seen.batches')))
    await this.page.evaluate(() => Object.assign(window.seen, { batches: [], acceptedAt: 0, firstEventAt: 0, rowsAt: 0 }))
    const pressed = await this.press('Run')
    const starting = (await this.messageAt(/^(Starting|Running)/)) - pressed
    await this.page.waitForFunction('window.seen.rowsAt > 0', null, { timeout: ROW_WITHIN_MS }).catch(async (cause) => {
      const message = await this.slide.locator('.run-message').textContent()
      const rows = await this.slide.locator('.run-rows .row').count()
      throw new Error(`No row of this run was seen within ${ROW_WITHIN_MS / 1000} s; the slide shows ${rows} and the message: ${message}`, { cause })
    })
    const { acceptedAt, firstEventAt, rowsAt } = await this.page.evaluate('window.seen')
    return { starting, accepted: acceptedAt - pressed, firstEvent: firstEventAt - pressed, firstRow: rowsAt - pressed }
  }

  /** @returns {Promise<number>} when the page was pressed, Unix time in ms */
  async press(name) {
    const button = this.slide.getByRole('button', { name: new RegExp(`^${name}`) })
    await this.page.evaluate(() => Object.assign(window.seen, { statuses: [], pressed: Infinity }))
    await button.click({ timeout: ROW_WITHIN_MS })
    return this.page.evaluate('window.seen.pressed')
  }

  /** @returns {Promise<number>} when a message that matches was drawn */
  async messageAt(pattern, timeout = 60_000) {
    const find = (source) => window.seen.statuses.find(({ text }) => new RegExp(source).test(text))?.at
    return (await this.page.waitForFunction(find, pattern.source, { timeout })).jsonValue()
  }
}
