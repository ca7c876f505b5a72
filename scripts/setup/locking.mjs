// `npm run lock`: the Python lock files, for every supported Python and platform at once.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from './failure.mjs'
import { OLDEST } from './interpreter.mjs'
import { ROOT, VENV } from './paths.mjs'
import { run } from './processes.mjs'

/** PyTorch and what only its builds need: chosen at set-up, so no lock may name a build. */
const CHOSEN = /^(torch|triton|nvidia-|cuda-)/

const HEADER = (what) => `# ${what}, for every supported Python and platform. Made by \`npm run lock\`.
# PyTorch is missing on purpose: scripts/setup/torch.mjs chooses its build.
`

export async function main() {
  const base = await compile([])
  const dev = (await compile(['--extra', 'dev'])).filter((line) => !base.includes(line))
  write('requirements.lock', 'What runs the demo', base)
  write('requirements-dev.lock', 'What the tests and linters need besides requirements.lock', dev)
}

async function compile(extra) {
  const own = join(VENV, 'bin', 'uv')
  const uv = existsSync(own) ? own : 'uv'
  const bare = ['--no-annotate', '--no-header', '--no-emit-index-url', '--no-emit-find-links', '--quiet']
  const range = ['--universal', '--python-version', OLDEST.join('.')]
  const { code, output } = await run(uv, ['pip', 'compile', 'pyproject.toml', ...range, ...bare, ...extra], { cwd: ROOT }).catch(
    (absent) => {
      throw new Failure(`uv cannot be started (${absent.code}): install it (https://docs.astral.sh/uv) and run the command again.`)
    },
  )
  if (code !== 0) throw new Failure(`uv found no set of versions that fits pyproject.toml: ${output.trim().split('\n').pop()}`)
  return output.split('\n').filter((line) => /^[a-z]/.test(line) && !CHOSEN.test(line))
}

function write(name, what, lines) {
  const path = join(ROOT, name)
  const text = `${HEADER(what)}${lines.join('\n')}\n`
  const same = existsSync(path) && readFileSync(path, 'utf8') === text
  if (!same) writeFileSync(path, text)
  console.log(`${name}: ${lines.length} packages${same ? ', unchanged' : ''}`)
}
