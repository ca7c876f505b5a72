// The Node side: `node_modules`, from package-lock.json.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireDiskSpace } from './disk-space.mjs'
import { Failure, downloadSentence } from './failure.mjs'
import { NODE_MODULES, ROOT, WORK } from './paths.mjs'
import { run } from './processes.mjs'
import { digest, readStamp, writeStamp } from './stamp.mjs'

const STAMP = join(NODE_MODULES, '.installed.json')

function wanted() {
  return { lock: digest(['package-lock.json']), built: `${process.platform}-${process.arch}` }
}

/** Whether `node_modules` is complete and of this lock, by its stamp alone. */
export function nodeIsFresh() {
  const stamp = readStamp(STAMP)
  const { lock, built } = wanted()
  return stamp?.lock === lock && stamp.built === built
}

/** Install what package-lock.json names, nothing else; install scripts are not run. */
export async function setUpNode(display) {
  if (existsSync(NODE_MODULES) && !readStamp(STAMP)) {
    display.print('An earlier installation in node_modules was not finished: starting it over.')
  }
  requireDiskSpace(ROOT, 1e9, 'the Node packages')
  const step = display.step('Node packages')
  const total = Object.keys(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages).length
  let fetched = 0
  const [command, ...prefix] = npm()
  const options = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--prefer-offline']
  const { code, output } = await run(command, [...prefix, ...options, '--loglevel=http'], {
    cwd: ROOT,
    onLine: (line) => {
      if (/^npm http (fetch|cache)/.test(line)) fetched += 1
      step.text = `${Math.min(fetched, total)} of about ${total}`
    },
  })
  if (code !== 0) {
    step.failed()
    mkdirSync(WORK, { recursive: true })
    writeFileSync(join(WORK, 'npm.log'), output)
    const first = output.split('\n').find((line) => /^npm (error|ERR!) (?!code)/.test(line)) ?? `npm ended with code ${code}`
    throw new Failure(
      downloadSentence(output) ?? `The Node packages could not be installed (${first.replace(/^npm (error|ERR!) /, '')}): fix that and run the command again; details are in .cache/npm.log.`,
    )
  }
  writeStamp(STAMP, wanted())
  step.done(`${total} packages`)
}

/** The npm that runs this command, else the one on PATH. */
function npm() {
  const path = process.env.npm_execpath
  return path?.endsWith('.js') ? [process.execPath, path] : ['npm']
}
