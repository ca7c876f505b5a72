// `npm run build:static`: the deck as a folder for any static host, its runs played from recordings.

import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { buildDeck, standingAlone } from './deck.mjs'
import { Display } from './display.mjs'
import { Failure } from './failure.mjs'
import { nodeIsFresh, setUpNode } from './node-packages.mjs'
import { ROOT } from './paths.mjs'
import { endAll, onStop } from './processes.mjs'
import { readRecordings } from './recordings.mjs'
import { withSetupLock } from './setup-lock.mjs'

export async function main(args) {
  const directory = readOut(args, 'npm run build:static', 'dist-static')
  onStop(async () => {
    await endAll()
    process.exit(130)
  })
  const { missing } = await readRecordings()
  if (missing.length > 0) console.warn(`No recording of ${missing.join(', ')}: their slides will show no run. Make them with .venv/bin/demo-server record ${missing.join(' ')}.`)
  const display = new Display()
  await withSetupLock(async () => {
    if (!nodeIsFresh()) await setUpNode(display)
    await buildDeck(display, standingAlone(directory))
  })
  console.log(`${relative(process.cwd(), directory) || '.'} is the whole deck: put the folder on any web host, under any path.`)
}

/**
 * The folder that `--out` names, from the checkout's top.
 * @throws {Failure} for any other option
 */
export function readOut(args, command, byDefault) {
  let values
  try {
    ({ values } = parseArgs({ args, options: { out: { type: 'string', default: byDefault } } }))
  } catch (wrong) {
    if (!wrong.code?.startsWith('ERR_PARSE_ARGS')) throw wrong
    throw new Failure(`${wrong.message.split(/[.;] /)[0]}; the only option is --out FOLDER, as in ${command} -- --out ${byDefault}.`)
  }
  if (!values.out.trim()) throw new Failure(`--out is empty: name a folder, as in ${command} -- --out ${byDefault}.`)
  return new URL(values.out, `file://${ROOT}/`).pathname
}
