// Failures that a person can act on.

import { appendFileSync, mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { endAll, isStopping } from './processes.mjs'
import { ROOT, WORK } from './paths.mjs'

/** Its message is one sentence with the remedy; it is shown without a stack trace. */
export class Failure extends Error {}

const DISK = [
  {
    words: /ENOSPC|No space left on device|EDQUOT|Disk quota exceeded/i,
    sentence: `No disk space is left: free some on the disk of ${ROOT} and run the command again.`,
  },
  {
    words: /EROFS|Read-only file system/i,
    sentence: `${ROOT} is on a read-only file system: clone the repository to a place you can write to.`,
  },
  {
    words: /EACCES|EPERM|Permission denied/i,
    sentence: `You may not write in ${ROOT}: clone the repository to a directory of your own, or fix the permissions of this one.`,
  },
]

const NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|NewConnectionError|Failed to establish a new connection|ConnectTimeout|ReadTimeout|Temporary failure in name resolution|Network is unreachable|Connection (refused|reset)/i

/** The sentence for a failure of the file system, in the words of Node, npm and Python; else null. */
export function diskSentence(text) {
  return DISK.find(({ words }) => words.test(text))?.sentence ?? null
}

/** The sentence for a failed download; else null. */
export function downloadSentence(text) {
  if (!NETWORK.test(text)) return diskSentence(text)
  return 'A package registry cannot be reached, and the first start needs a network: connect, check the proxy settings, and run the command again.'
}

/** Print an error as one sentence, end what runs, and exit with code 1. */
export async function report(error) {
  if (isStopping()) return; // errors of what is being ended are expected
  await endAll()
  if (error instanceof Failure) {
    console.error(error.message)
  } else {
    const sentence = diskSentence(`${error.code ?? ''} ${error.message}`)
    console.error(sentence ?? `Unexpected error: ${error.message}${kept(error)}`)
  }
  process.exit(1)
}

/** Keep the stack in a log, for a bug report. */
function kept(error) {
  const log = join(WORK, 'setup.log')
  try {
    mkdirSync(WORK, { recursive: true })
    appendFileSync(log, `${new Date().toISOString()} ${error.stack}\n`)
    return ` (details: ${relative(ROOT, log)}).`
  } catch (unwritable) {
    return ` (and ${relative(ROOT, log)} cannot be written: ${unwritable.code}).`
  }
}
