// What is measured, and in which size: `npm run bench -- [NAME…] [--rows N] [--rounds N] …`.

import { parseArgs } from 'node:util'
import { Failure } from '../scripts/setup/failure.mjs'
import { VENV_PYTHON } from '../scripts/setup/paths.mjs'

/** What measures what; each prints one JSON object, `{measures, notes}`, and speaks on stderr. */
export const PROGRAMS = {
  clone: { command: [process.execPath, 'bench/measures/clone.mjs'], takes: [] },
  startup: { command: [process.execPath, 'bench/measures/startup.mjs'], takes: ['rounds'] },
  latency: { command: [process.execPath, 'bench/measures/latency.mjs'], takes: ['rounds', 'engine'] },
  presses: { command: [VENV_PYTHON, 'bench/measures/presses.py'], takes: ['rounds'] },
  memory: { command: [VENV_PYTHON, 'bench/measures/memory.py'], takes: [] },
  embed: { command: [VENV_PYTHON, 'bench/measures/embed.py'], takes: [] },
  viewers: { command: [VENV_PYTHON, 'bench/measures/viewers.py'], takes: [] },
  throughput: { command: [VENV_PYTHON, 'bench/measures/throughput.py'], takes: ['rows', 'rounds', 'only'] },
  total: { command: [VENV_PYTHON, 'bench/measures/throughput.py', '--rows', '3000', '--only', 'ours,course'], takes: ['rounds'] },
  passes: { command: [VENV_PYTHON, 'bench/measures/passes.py'], takes: ['rows', 'rounds'] },
  stream: { command: [VENV_PYTHON, 'bench/measures/stream.py'], takes: ['rows', 'rounds', 'viewers'] },
  scale: { command: [VENV_PYTHON, 'bench/measures/scale.py'], takes: ['rows', 'engine'] },
}

const WHOLE = { form: /^[1-9]\d*$/, wants: 'a whole number from 1 on' }
const WHOLES = { form: /^[1-9]\d*(,[1-9]\d*)*$/, wants: 'whole numbers from 1 on with commas between them' }
const NAMES = { form: /^[a-z\d-]+(,[a-z\d-]+)*$/, wants: 'names with commas between them' }
const FORMS = { rows: WHOLES, rounds: WHOLE, viewers: WHOLES, only: NAMES, engine: NAMES }

/**
 * @param {string[]} args
 * @returns {{json: boolean, programs: {name: string, command: string[], given: string[]}[]}} `given`
 *   is what was said about the program's size, as arguments
 * @throws {Failure} when something is asked that there is not
 */
export function choose(args) {
  const sizes = Object.fromEntries(Object.keys(FORMS).map((name) => [name, { type: 'string' }]))
  let parsed
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean', default: false }, ...sizes } })
  } catch (wrong) {
    if (!wrong.code?.startsWith('ERR_PARSE_ARGS')) throw wrong
    throw new Failure(`${wrong.message.split(/[.;] /)[0]}; the options are --json and ${Object.keys(FORMS).map((name) => `--${name}`).join(', ')}, after \`--\`.`)
  }
  const { json, ...given } = parsed.values
  const all = Object.keys(PROGRAMS)
  const unknown = parsed.positionals.find((name) => !all.includes(name))
  if (unknown) throw new Failure(`There is no benchmark "${unknown}": choose from ${all.join(', ')}, or name none for all.`)
  const names = parsed.positionals.length ? parsed.positionals : all
  for (const [option, value] of Object.entries(given)) {
    const { form, wants } = FORMS[option]
    if (!form.test(value)) throw new Failure(`--${option} wants ${wants}, not "${value}".`)
    const deaf = parsed.positionals.length ? names.find((name) => !PROGRAMS[name].takes.includes(option)) : 'all'
    if (deaf) throw new Failure(`--${option} is for ${all.filter((name) => PROGRAMS[name].takes.includes(option)).join(', ')}, not for ${deaf}: name only those.`)
  }
  const asArguments = Object.entries(given).flatMap(([option, value]) => [`--${option}`, value])
  return { json, programs: names.map((name) => ({ name, command: [...PROGRAMS[name].command, ...asArguments], given: asArguments })) }
}

/** An option of a Node program: a whole number, the default where it is not given. */
export function wholeOption(name, otherwise, args = process.argv) {
  const at = args.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(args[at + 1])
}
