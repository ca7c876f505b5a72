// `npm run pictures`: the pictures in the docs, from a real run on the built deck.
import { writeFileSync } from 'node:fs'
import { openSlide, shownSlide, slideOf } from './deck'
import type { Origin } from './pictures'
import { DIRECTORY, PICTURES, RECORD, recorded, sha256, slideShown } from './pictures'
import { message, resetSlide } from './run'
import { expect, test } from './test'

test.use({ reducedMotion: 'reduce', colorScheme: 'light' })
test.setTimeout(300_000)

for (const picture of PICTURES) {
  test(`${picture.file}: the slide of ${picture.experiment} in the middle of a run`, async ({ presenter }) => {
    await openSlide(presenter, slideOf(picture.experiment))
    await resetSlide(presenter)
    await presenter.keyboard.press('r')
    const bar = shownSlide(presenter).getByRole('progressbar', { name: 'Rows done' })
    const rowsDone = async () => Number(await bar.getAttribute('aria-valuenow')) / Number(await bar.getAttribute('aria-valuemax') ?? Infinity)
    await expect.poll(rowsDone, { timeout: 240_000, intervals: [200] }).toBeGreaterThan(0.5)
    const image = await presenter.screenshot()
    await expect(message(presenter)).toContainText('Running')
    writeFileSync(`${DIRECTORY}${picture.file}`, image)
    record(picture.file, { ...await slideShown(picture), image: sha256(image) })
    await presenter.keyboard.press('r') // what is seen needs no end
    await expect(message(presenter)).toContainText(/Cancelled|Done/, { timeout: 60_000 })
  })
}

function record(file: string, origin: Origin): void {
  const known = recorded()
  const current = Object.fromEntries(PICTURES.map(({ file }) => [file, known[file]]))
  writeFileSync(RECORD, `${JSON.stringify({ ...current, [file]: origin }, null, 2)}\n`)
}
