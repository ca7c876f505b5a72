// Room on the disk, asked before a download rather than found out in its middle.

import { statfsSync } from 'node:fs'
import { size } from './display.mjs'
import { Failure } from './failure.mjs'

/** @throws {Failure} when the disk of `directory` has less than `bytes` left for `what`. */
export function requireDiskSpace(directory, bytes, what) {
  const { bavail, bsize } = statfsSync(directory)
  const left = bavail * bsize
  if (left < bytes) {
    throw new Failure(`The disk of ${directory} has ${size(left)} left, and ${what} need about ${size(bytes)}: free some space and run the command again.`)
  }
}
