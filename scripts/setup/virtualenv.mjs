// The Python side: `.venv`, filled from the lock files.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireDiskSpace } from './disk-space.mjs'
import { size } from './display.mjs'
import { Failure, downloadSentence } from './failure.mjs'
import { findInterpreter, requirePlatform } from './interpreter.mjs'
import { ROOT, VENV, VENV_PYTHON, WORK } from './paths.mjs'
import { run } from './processes.mjs'
import { digest, readStamp, writeStamp } from './stamp.mjs'
import { chooseTorch, CPU_INDEX, torchVersion } from './torch.mjs'

const STAMP = join(VENV, '.installed.json')
const LOCK = 'requirements.lock'
const DEV_LOCK = 'requirements-dev.lock'

/** What a complete installation of this checkout is stamped with. */
function wanted(dev) {
  return { root: ROOT, lock: digest([LOCK, 'pyproject.toml']), dev: dev ? digest([DEV_LOCK]) : null }
}

/** Whether `.venv` is complete and of these locks, by its stamp alone (no process is started). */
export function pythonIsFresh({ dev = false } = {}) {
  const stamp = readStamp(STAMP)
  const { root, lock, dev: devLock } = wanted(dev)
  return (
    existsSync(VENV_PYTHON) &&
    stamp?.root === root &&
    stamp.lock === lock &&
    (devLock === null || stamp.dev === devLock)
  )
}

/** Whether its interpreter runs and finds what the server imports. */
export async function pythonWorks() {
  if (!existsSync(VENV_PYTHON)) return false
  const { code } = await run(VENV_PYTHON, ['-c', 'import demo_server, fastapi, pydantic, uvicorn'], { cwd: ROOT })
  return code === 0
}

/** Make `.venv` complete: new, or brought up to the locks. */
export async function setUpPython(display, { dev = false } = {}) {
  requirePlatform()
  const before = readStamp(STAMP)
  const torch = await chooseTorch()
  if (before?.root !== ROOT || !(await pythonWorks())) {
    requireDiskSpace(ROOT, torch.bytes, 'the Python packages')
    await create(display, before)
  }
  const keepDev = dev || Boolean(before?.dev && existsSync(VENV))
  rmSync(STAMP, { force: true }) // until it is complete again
  await install(display, torch, keepDev)
  writeStamp(STAMP, wanted(keepDev))
}

async function create(display, before) {
  if (existsSync(VENV)) {
    display.print(
      before ? 'The .venv is broken or was moved: making a new one.' : 'An earlier installation in .venv was not finished: starting it over.',
    )
  }
  const interpreter = await findInterpreter()
  const step = display.step(`Python ${interpreter.version} environment in .venv`)
  rmSync(VENV, { recursive: true, force: true })
  const { code, output } = await run(interpreter.path, ['-m', 'venv', VENV], { env: pythonEnv() })
  if (code !== 0) {
    step.failed()
    keep(output)
    throw new Failure(
      downloadSentence(output) ??
        `${interpreter.path} could not make a virtual environment: install its venv module (on Debian and Ubuntu: sudo apt-get install python3-venv) or set DEMO_PYTHON to another Python; details are in .cache/pip.log.`,
    )
  }
  step.done(interpreter.path)
}

async function install(display, torch, dev) {
  const locks = [LOCK, ...(dev ? [DEV_LOCK] : [])]
  const pip = new Pip(display.step('Python packages'), locks.map(pinned).reduce((a, b) => a + b) + 1)
  // The locks are complete, so pip need not resolve; torch comes apart, from where it was chosen.
  await pip.install('--no-deps', ...locks.flatMap((lock) => ['-r', lock]))
  pip.step.text = `PyTorch: ${torch.why}`
  const pin = `torch==${torchVersion()}`
  const fromIndex = torch.kind === 'cpu' ? ['--no-deps', '-i', CPU_INDEX] : ['-c', LOCK]
  await Promise.all([compile(), pip.install(...fromIndex, pin)])
  pip.step.text = 'compiling them'
  await compile()
  // As a plain path: setuptools' import hook would cost every Python of ours, Ray's workers too, 20 ms.
  await pip.install('--no-deps', '--no-build-isolation', '--config-settings', 'editable_mode=compat', '-e', '.')
  const about = `${pip.collected} new, ${size(pip.bytes)} downloaded`
  pip.step.done(pip.collected ? `${about}; PyTorch is ${torch.why}` : 'as locked')
}

/** What this project never imports: two fifths of the code to compile. Python compiles a module that is imported all the same. */
const NOT_IMPORTED = String.raw`/tests/|/transformers/models/(?!auto/)|/ray/(rllib|serve|tune|train|llm)/`

/** Compile what is installed, on all cores: pip does it on one, after everything else. */
async function compile() {
  // A module that this Python cannot compile is one for another Python; pip ignores it too.
  await run(VENV_PYTHON, ['-m', 'compileall', '-q', '-j', '0', '-x', NOT_IMPORTED, join(VENV, 'lib')], { env: pythonEnv() })
}

function pinned(lock) {
  return readFileSync(join(ROOT, lock), 'utf8').split('\n').filter((line) => /^\w/.test(line)).length
}

const UNITS = { bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9 }

/** pip in `.venv`, its output condensed into the text of a step. */
class Pip {
  collected = 0
  bytes = 0
  #now = ''

  constructor(step, total) {
    this.step = step
    this.total = total
  }

  async install(...args) {
    const temporary = join(WORK, 'tmp')
    mkdirSync(temporary, { recursive: true })
    const options = ['--no-input', '--disable-pip-version-check', 'install', '--no-compile', '--progress-bar', 'off']
    const { code, output } = await run(VENV_PYTHON, ['-m', 'pip', ...options, ...args], {
      cwd: ROOT,
      env: { ...pythonEnv(), TMPDIR: temporary },
      onLine: (line) => this.#read(line),
    })
    rmSync(temporary, { recursive: true, force: true })
    if (code === 0) return
    this.step.failed()
    keep(output)
    const last = output.split('\n').filter((line) => line.startsWith('ERROR:')).pop() ?? `pip ended with code ${code}`
    throw new Failure(
      downloadSentence(output) ?? `The Python packages could not be installed (${last.replace('ERROR: ', '')}): fix that and run the command again; details are in .cache/pip.log.`,
    )
  }

  #read(line) {
    const download = line.match(/^ *Downloading (?:\S*\/)?(\S+?)-\S+ \(([\d.]+) (bytes|kB|MB|GB)\)/)
    if (/^(Collecting|Processing) /.test(line)) this.collected += 1
    if (download) this.bytes += Number(download[2]) * UNITS[download[3]]
    if (download) this.#now = `, now ${download[1]} (${download[2]} ${download[3]})`
    if (line.startsWith('Installing collected packages')) this.#now = ', unpacking them'
    if (line.startsWith('WARNING: Retrying')) this.#now = ', but the package index does not answer: trying again'
    this.step.text = `${this.collected} of about ${this.total}, ${size(this.bytes)} downloaded${this.#now}`
  }
}

/** The environment for pip and venv, without settings that lead it out of `.venv`. */
function pythonEnv() {
  const env = { ...process.env, PIP_USER: '0', PYTHONNOUSERSITE: '1' }
  for (const name of ['PYTHONPATH', 'PYTHONHOME', 'PIP_TARGET', 'PIP_PREFIX', 'VIRTUAL_ENV']) delete env[name]
  return env
}

function keep(output) {
  mkdirSync(WORK, { recursive: true })
  writeFileSync(join(WORK, 'pip.log'), output)
}
