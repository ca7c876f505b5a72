// Which Python to use: asked of each candidate, since names and versions on PATH prove little.

import { existsSync, readdirSync } from 'node:fs'
import { homedir, release } from 'node:os'
import { delimiter, join } from 'node:path'
import { Failure } from './failure.mjs'
import { run } from './processes.mjs'

/** As `requires-python` in pyproject.toml. */
export const OLDEST = [3, 11]
export const TOO_NEW = [3, 15]

const NAMES = ['python3.11', 'python3.12', 'python3.13', 'python3.14', 'python3', 'python']
const SUPPORTED = '3.11, 3.12, 3.13 or 3.14'

const QUESTION = `
import importlib.util, json, platform, sys, sysconfig
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "machine": platform.machine(),
    "bits": 64 if sys.maxsize > 2**32 else 32,
    "musl": "musl" in str(sysconfig.get_config_var("SOABI")),
    "glibc": platform.libc_ver()[1] if platform.libc_ver()[0] == "glibc" else None,
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "pypy": platform.python_implementation() != "CPython",
    "venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
}))
`

/** Refuse the platforms that Ray and PyTorch have no builds for. */
export function requirePlatform({ platform, arch, kernel } = { platform: process.platform, arch: process.arch, kernel: release() }) {
  if (platform === 'win32') {
    throw new Failure('Windows is not supported directly: install WSL (`wsl --install`), clone the repository inside it, and run the command there.')
  }
  if (platform !== 'linux' && platform !== 'darwin') {
    throw new Failure(`Ray and PyTorch have no builds for ${platform}: use Linux (x86-64 or ARM) or a Mac with Apple Silicon.`)
  }
  if (platform === 'darwin' && arch !== 'arm64') {
    throw new Failure('Ray and PyTorch have no builds for Intel Macs: use a Mac with Apple Silicon (with an ARM build of Node) or Linux.')
  }
  if (platform === 'darwin' && Number(kernel.split('.')[0]) < 23) {
    throw new Failure('PyTorch needs macOS 14 or newer: update macOS, or use Linux.')
  }
}

/**
 * Find an interpreter: DEMO_PYTHON if set, else the first suitable one.
 * @returns {Promise<{path: string, version: string}>}
 * @throws {Failure} which to install, and why those found cannot be used
 */
export async function findInterpreter(env = process.env) {
  if (env.DEMO_PYTHON) {
    const { version, why } = await judge(env.DEMO_PYTHON, env)
    if (why) throw new Failure(`DEMO_PYTHON=${env.DEMO_PYTHON} cannot be used, it ${why}: set it to a Python ${SUPPORTED}, or unset it.`)
    return { path: env.DEMO_PYTHON, version }
  }
  const refused = []
  for (const path of candidates(env)) {
    const { version, why } = await judge(path, env)
    if (!why) return { path, version }
    refused.push({ path, version, why })
  }
  const lacking = refused.find(({ why }) => why === NO_VENV)
  if (lacking) {
    const [major, minor] = lacking.version.split('.')
    throw new Failure(`${lacking.path} ${NO_VENV}: install it (on Debian and Ubuntu: sudo apt-get install python${major}.${minor}-venv) and run the command again.`)
  }
  const found = refused.filter(({ version }) => version).map(({ path, why }) => `${path} ${why}`)
  const how = process.platform === 'darwin' ? 'brew install python@3.13' : 'sudo apt-get install python3 python3-venv, or uv python install 3.13'
  throw new Failure(`No suitable Python was found${found.length ? ` (${found.slice(0, 4).join('; ')})` : ''}: install Python ${SUPPORTED} (for example: ${how}) and run the command again.`)
}

/** Every interpreter worth asking, in order of preference. */
export function candidates(env) {
  const home = env.HOME || homedir()
  const directories = [
    ...(env.PATH || '').split(delimiter).filter(Boolean),
    ...within(join(home, '.pyenv', 'versions')),
    ...within(join(home, '.local', 'share', 'uv', 'python')),
  ]
  const paths = NAMES.flatMap((name) => directories.map((directory) => join(directory, name)))
  // macOS' own /usr/bin/python3 opens a dialog about developer tools, and is too old.
  const asking = paths.filter((path) => existsSync(path) && !(process.platform === 'darwin' && path === '/usr/bin/python3'))
  return [...new Set(asking)]
}

function within(directory) {
  if (!existsSync(directory)) return []
  return readdirSync(directory).sort().reverse().map((name) => join(directory, name, 'bin'))
}

const NO_VENV = 'lacks the venv module'

/** Ask one interpreter what it is: its version, and why it cannot be used (null where it can). */
async function judge(path, env) {
  let answer
  try {
    const { code, output } = await run(path, ['-I', '-c', QUESTION], { env, timeout: 20_000 })
    if (code !== 0) return { version: null, why: 'does not run' }
    answer = JSON.parse(output.trim().split('\n').pop())
  } catch (broken) {
    return { version: null, why: `does not run (${broken.code ?? broken.message})` }
  }
  return { version: answer.version.join('.'), why: reasonAgainst(answer) }
}

export function reasonAgainst({ version, machine, bits, musl, glibc, free_threaded, pypy, venv }) {
  const name = version.join('.')
  if (before(version, OLDEST)) return `is Python ${name}, too old`
  if (!before(version, TOO_NEW)) return `is Python ${name}, too new for Ray`
  if (pypy) return 'is not CPython'
  if (free_threaded) return 'is a free-threaded build, which Ray has none for'
  if (bits !== 64) return 'is a 32-bit build'
  if (musl) return 'is built for musl (Alpine), which Ray has no build for'
  if (process.platform === 'darwin' && machine !== 'arm64') return 'is a build for Intel Macs'
  if (!['x86_64', 'aarch64', 'arm64'].includes(machine)) return `is built for ${machine}, which Ray has no build for`
  if (glibc && before(glibc.split('.').map(Number), [2, 28])) return `runs on glibc ${glibc}, and PyTorch needs 2.28`
  return venv ? null : NO_VENV
}

function before(version, limit) {
  return version[0] < limit[0] || (version[0] === limit[0] && version[1] < limit[1])
}
