import { expect, test } from 'vitest'
import { nearestSlide } from './slide-address'

const SLIDES = [{ no: 1 }, { no: 2, alias: 'data' }, { no: 3 }]

test.each(['1', '3', '03', 'data'])('the address of a slide stays: /%s', (address) => {
  expect(nearestSlide(address, SLIDES)).toBeUndefined()
})

test.each([['4', 3], ['27', 3], ['1e9', 3], ['0', 1], ['-2', 1], ['2.5', 1], ['nowhere', 1]])('/%s names no slide and leads to /%i', (address, number) => {
  expect(nearestSlide(address, SLIDES)).toBe(number)
})
