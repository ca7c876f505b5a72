// One set-up at a time in a checkout.

import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from './failure.mjs'
import { WORK } from './paths.mjs'

const LOCK = join(WORK, 'setup.pid')

/** Run `work` while no other set-up runs in this checkout; the lock of a dead process is taken over. */
export async function withSetupLock(work) {
  mkdirSync(WORK, { recursive: true })
  acquire()
  const release = () => rmSync(LOCK, { force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

function acquire() {
  try {
    const file = openSync(LOCK, 'wx')
    writeSync(file, String(process.pid))
    closeSync(file)
  } catch (taken) {
    if (taken.code !== 'EEXIST') throw taken
    const holder = Number(readFileSync(LOCK, 'utf8'))
    if (holder && alive(holder)) {
      throw new Failure(`Another set-up is running in this checkout (process ${holder}): wait until it ends, then run the command again.`)
    }
    rmSync(LOCK, { force: true })
    acquire()
  }
}

function alive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (gone) {
    return gone.code === 'EPERM'
  }
}
