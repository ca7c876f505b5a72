import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DIRECTORY, PICTURES, recorded, sha256, slideShown } from './pictures'

const REMEDY = 'run `npm run pictures` and commit docs/'

test('every picture in the docs is one that the command makes', () => {
  const pictures = readdirSync(DIRECTORY).filter(name => /\.(?:png|jpe?g|gif|webp)$/.test(name))
  expect(pictures.sort()).toEqual(PICTURES.map(({ file }) => file).sort())
})

for (const picture of PICTURES) {
  test(`${picture.file} shows the code of today`, async () => {
    const { slide, regions } = recorded()[picture.file] ?? {}
    expect({ slide, regions }, `docs/${picture.file} shows another slide or other code than today's: ${REMEDY}`).toEqual(await slideShown(picture))
  })

  test(`${picture.file} was made by the command`, () => {
    const image = sha256(readFileSync(`${DIRECTORY}${picture.file}`))
    expect(image, `docs/${picture.file} is not the image that docs/pictures.json records: ${REMEDY}`).toBe(recorded()[picture.file]?.image)
  })
}
