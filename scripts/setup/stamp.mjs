// What has been done, and from which inputs: only what changed is done again.

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './paths.mjs'

const PASSED_OVER = new Set(['node_modules', '__pycache__', 'dist'])

/** SHA-256 over names and contents of files and directory trees (relative to the root). */
export function digest(paths, root = ROOT) {
  const hash = createHash('sha256')
  for (const path of paths) addTo(hash, path, root)
  return hash.digest('hex')
}

/** The digest of each path by itself. */
export function digests(paths, root = ROOT) {
  return Object.fromEntries(paths.map((path) => [path, digest([path], root)]))
}

function addTo(hash, path, root) {
  const full = join(root, path)
  if (!existsSync(full)) return
  if (!statSync(full).isDirectory()) {
    const content = readFileSync(full)
    hash.update(`${path}\0${content.length}\0`).update(content)
    return
  }
  for (const name of readdirSync(full).sort()) {
    if (!PASSED_OVER.has(name) && !name.startsWith('.')) addTo(hash, join(path, name), root)
  }
}

/** The stamp in a file; null where there is none that can be read. */
export function readStamp(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (absent) {
    if (absent.code === 'ENOENT' || absent.code === 'ENOTDIR' || absent instanceof SyntaxError) return null
    throw absent
  }
}

/** Write a stamp in one step: a reader finds the old one or the new one, never half of it. */
export function writeStamp(file, stamp) {
  const partial = `${file}.${process.pid}`
  writeFileSync(partial, `${JSON.stringify(stamp)}\n`)
  renameSync(partial, file)
}
