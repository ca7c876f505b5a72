// Where things lie in the checkout.

import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** State of the set-up: logs, temporary files. */
export const WORK = join(ROOT, '.cache')

/** State of the server; DEMO_CACHE moves it, which tests use. */
export const SERVER_STATE = resolve(ROOT, process.env.DEMO_CACHE || '.cache')

export const VENV = join(ROOT, '.venv')
export const VENV_PYTHON = join(VENV, 'bin', 'python')
export const NODE_MODULES = join(ROOT, 'node_modules')
export const DIST = join(ROOT, 'dist')
