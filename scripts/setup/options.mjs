// The options of `npm start` and `npm run dev`, which stand after `--`.

import { parseArgs } from 'node:util'
import { Failure } from './failure.mjs'

/** What `demo-server serve` declares, and gets as it stands; with the name of a value where it takes one. */
export const FOR_SERVER = {
  recorded: null,
  dataset: 'SPEC',
  'text-column': 'NAME',
  model: 'MODEL',
  'ray-address': 'ADDRESS',
  share: null,
  'public-url': 'URL',
}
const ALL = { 'no-open': null, port: 'PORT', ...FOR_SERVER }
const OPTIONS = Object.fromEntries(Object.entries(ALL).map(([name, value]) => [name, { type: value ? 'string' : 'boolean' }]))

/** An option as one types it, e.g. `--port PORT`. */
const usage = (name) => (ALL[name] ? `--${name} ${ALL[name]}` : `--${name}`)

/**
 * @returns {{open: boolean, port: number, share: boolean, forServer: string[]}}
 * @throws {Failure} naming the option and those that exist
 */
export function parseOptions(args, env = process.env) {
  refuseSwallowed(env)
  let values
  try {
    ({ values } = parseArgs({ args, options: OPTIONS }))
  } catch (wrong) {
    if (!wrong.code?.startsWith('ERR_PARSE_ARGS')) throw wrong
    throw new Failure(`${wrong.message.split(/[.;] /)[0]}; the options are ${Object.keys(ALL).map(usage).join(', ')}, after \`--\`.`)
  }
  const port = Number(values.port ?? 8000)
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new Failure(`--port ${values.port} is not a valid port: give a number from 1 to 65535.`)
  }
  const given = Object.keys(FOR_SERVER).filter((name) => values[name] !== undefined)
  const forServer = given.flatMap((name) => (FOR_SERVER[name] ? [`--${name}`, values[name]] : [`--${name}`]))
  return { open: !values['no-open'], port, share: 'share' in values || 'public-url' in values, forServer }
}

/** npm takes options without `--` for its own: refuse them instead of ignoring them. */
function refuseSwallowed(env) {
  const swallowed = Object.keys(ALL).find((name) => env[`npm_config_${name.replaceAll('-', '_')}`] !== undefined)
  if (swallowed) throw new Failure(`npm took --${swallowed} for itself: put options after \`--\`, as in npm start -- ${usage(swallowed)}.`)
}
