// The options of `npm start` and `npm run dev`, which stand after `--`.

import { parseArgs } from 'node:util'
import { Failure } from './failure.mjs'

const OPTIONS = {
  'no-open': { type: 'boolean', default: false },
  port: { type: 'string', default: '8000' },
  recorded: { type: 'boolean', default: false },
  dataset: { type: 'string' },
  'text-column': { type: 'string' },
  model: { type: 'string' },
  'ray-address': { type: 'string' },
  share: { type: 'boolean', default: false },
  'public-url': { type: 'string' },
}

/** What goes on to the server as it stands. */
const FOR_SERVER = ['dataset', 'text-column', 'model', 'ray-address', 'public-url']

const USAGE = '--no-open, --port PORT, --recorded, --dataset SPEC, --text-column NAME, --model MODEL, --ray-address ADDRESS, --share, --public-url URL'

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
    throw new Failure(`${wrong.message.split(/[.;] /)[0]}; the options are ${USAGE}, after \`--\`.`)
  }
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new Failure(`--port ${values.port} is not a valid port: give a number from 1 to 65535.`)
  }
  const forServer = FOR_SERVER.flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]]))
  if (values.share) forServer.push('--share')
  if (values.recorded) forServer.push('--recorded')
  return { open: !values['no-open'], port, share: values.share || values['public-url'] !== undefined, forServer }
}

/** npm takes options without `--` for its own: refuse them instead of ignoring them. */
function refuseSwallowed(env) {
  const swallowed = ['port', 'dataset', 'text-column', 'ray-address', 'public-url'].find((name) => env[`npm_config_${name.replaceAll('-', '_')}`] !== undefined)
  if (env.npm_config_share !== undefined) throw new Failure('npm took --share for itself: put options after `--`, as in npm start -- --share.')
  if (swallowed) throw new Failure(`npm took --${swallowed} for itself: put options after \`--\`, as in npm start -- --${swallowed} VALUE.`)
}
