// `npm run lock`: the Python lock files, for every supported Python and platform at once.
// It keeps the versions that they have; `npm run lock -- --upgrade` takes the newest of everything,
// `npm run lock -- --upgrade certifi` of one package.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from './failure.mjs'
import { OLDEST } from './interpreter.mjs'
import { ROOT, VENV } from './paths.mjs'
import { run } from './processes.mjs'

/** PyTorch and what only its builds need: chosen at set-up, so no lock may name a build. */
const CHOSEN = /^(torch|triton|nvidia-|cuda-)/

const LOCK = 'requirements.lock'
const DEV_LOCK = 'requirements-dev.lock'

const HEADER = (what) => `# ${what}, for every supported Python and platform. Made by \`npm run lock\`.
# PyTorch is missing on purpose: scripts/setup/torch.mjs chooses its build.
`

export async function main(args) {
  const upgrade = upgradeOptions(args)
  const base = await compile(upgrade)
  const dev = (await compile([...upgrade, '--extra', 'dev'])).filter((line) => !base.includes(line))
  write(LOCK, 'What runs the demo', base)
  write(DEV_LOCK, `What the tests and linters need besides ${LOCK}`, dev)
}

/** @throws {Failure} where an argument is not `--upgrade` and names of packages */
export function upgradeOptions([option, ...names]) {
  if (option === undefined) return []
  if (option !== '--upgrade' || names.some((name) => !/^\w/.test(name))) {
    throw new Failure(`npm run lock takes \`-- --upgrade [PACKAGE ...]\`, not ${[option, ...names].join(' ')}.`)
  }
  return names.length ? names.flatMap((name) => ['--upgrade-package', name]) : ['--upgrade']
}

async function compile(options) {
  const own = join(VENV, 'bin', 'uv')
  const uv = existsSync(own) ? own : 'uv'
  const directory = mkdtempSync(join(tmpdir(), 'lock-'))
  try {
    const file = join(directory, 'requirements.txt') // uv keeps the versions that it finds there
    writeFileSync(file, [LOCK, DEV_LOCK].map((name) => readFileSync(join(ROOT, name), 'utf8')).join(''))
    const bare = ['--no-annotate', '--no-header', '--no-emit-index-url', '--no-emit-find-links', '--quiet']
    const range = ['--universal', '--python-version', OLDEST.join('.')]
    const { code, output } = await run(uv, ['pip', 'compile', 'pyproject.toml', '-o', file, ...range, ...bare, ...options], { cwd: ROOT }).catch(
      (absent) => {
        throw new Failure(`uv cannot be started (${absent.code}): install it (https://docs.astral.sh/uv) and run the command again.`)
      },
    )
    if (code !== 0) throw new Failure(`uv found no set of versions that fits pyproject.toml: ${output.trim().split('\n').pop()}`)
    return readFileSync(file, 'utf8').split('\n').filter((line) => /^[a-z]/.test(line) && !CHOSEN.test(line))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function write(name, what, lines) {
  const path = join(ROOT, name)
  const text = `${HEADER(what)}${lines.join('\n')}\n`
  const same = existsSync(path) && readFileSync(path, 'utf8') === text
  if (!same) writeFileSync(path, text)
  console.log(`${name}: ${lines.length} packages${same ? ', unchanged' : ''}`)
}
