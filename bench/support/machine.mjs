// What a measurement was made on, and with which versions.

import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { ROOT, VENV_PYTHON } from '../../scripts/setup/paths.mjs'
import { run } from '../../scripts/setup/processes.mjs'

const PYTHON_PACKAGES = ['ray', 'torch', 'sentence-transformers', 'datasets', 'fastapi', 'uvicorn']
const ASK_PYTHON = `
import platform
from importlib.metadata import PackageNotFoundError, version
print("Python", platform.python_version())
for name in ${JSON.stringify(PYTHON_PACKAGES)}:
    print(name, version(name))
try:
    print("openvino", version("openvino"))
except PackageNotFoundError:
    print("no openvino")
`

/** @returns {Promise<{hardware: string, versions: string, commit: string}>} */
export async function describeMachine() {
  const asked = await run(VENV_PYTHON, ['-c', ASK_PYTHON], { cwd: ROOT })
  if (asked.code !== 0) throw new Error(`the versions of the Python packages cannot be read: ${asked.output}`)
  const slidev = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')).dependencies['@slidev/cli']
  const cores = cpus()
  return {
    hardware: `${cores.length} x ${cores[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
    versions: [...asked.output.trim().split('\n'), `Node ${process.versions.node}`, `Slidev ${slidev}`].join(', '),
    commit: await commit(),
  }
}

async function commit() {
  const [head, changes] = await Promise.all([git('rev-parse', '--short', 'HEAD'), git('status', '--porcelain', '--untracked-files=no')])
  if (head === null) return 'not a git checkout'
  return changes ? `${head} with changes` : head
}

async function git(...args) {
  try {
    const { code, output } = await run('git', args, { cwd: ROOT })
    return code === 0 ? output.trim() : null
  } catch (absent) {
    if (absent.code === 'ENOENT') return null
    throw absent
  }
}
