import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const IMPORT = /^from demo_server\.experiments(?:\.([\w.]+) import| import (.+))/gm

/** sha256 of each experiment's code, as `demo_server/system/code_version.py` has it. */
export function codeHashes(directory: string): Record<string, string> {
  const files = readdirSync(directory).filter(file => file.endsWith('.py') && !file.startsWith('_'))
  return Object.fromEntries(files.map(file => basename(file, '.py')).map(name => [name, codeHash(directory, name)]))
}

function codeHash(directory: string, name: string): string {
  const texts = new Map<string, string>()
  const found = [name]
  for (let module = found.pop(); module !== undefined; module = found.pop()) {
    if (texts.has(module))
      continue
    const text = readFileSync(join(directory, `${module.replaceAll('.', '/')}.py`), 'utf8')
    texts.set(module, text)
    found.push(...imported(text))
  }
  const code = [...texts.keys()].sort().map(module => texts.get(module))
  return createHash('sha256').update(code.join('')).digest('hex')
}

function imported(text: string): string[] {
  return [...text.matchAll(IMPORT)]
    .flatMap(([, module, several]) => (module ?? several ?? '').split(','))
    .map(name => name.replace(/ as .*/, '').trim())
}
