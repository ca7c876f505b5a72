// Writes slides/live/protocol/generated.ts from demo_server/protocol/; with --check it only compares.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { compile } from 'json-schema-to-typescript'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = join(root, 'slides', 'live', 'protocol', 'generated.ts')
const python = join(root, '.venv', 'bin', 'python')

const FOLDING = `export interface EventKind {
  /** The state is the run's, not a stage's. */
  of_run: boolean
  /** The field of the state that holds the newest data. */
  replaces: string | null
  /** The list of the state that grows. */
  appends: Append | null
}

export interface Append {
  to: string
  cap: number
  /** The field of the data that lists several items; null where an event is one item. */
  items: string | null
  /** The fields of an item that is made of data and t; null where the data is the item. */
  fields: readonly string[] | null
  /** The field of the state that counts all items. */
  seen: string | null
  /** The field of the state that says that every stride-th item is kept. */
  stride: string | null
}`

function readProtocol() {
  if (!existsSync(python))
    throw new Error('There is no .venv yet: run `npm start` once, it makes one.')
  return JSON.parse(execFileSync(python, ['-m', 'demo_server.web.api_schema'], { cwd: root, encoding: 'utf8' }))
}

/** Frames end in `Frame`, so that none is called like something of the browser's (Event, Error). */
function typeName(name, definition) {
  return definition.properties?.type?.const ? `${name}Frame` : name
}

function prepare({ $defs }) {
  const names = Object.fromEntries(Object.entries($defs).map(([name, d]) => [name, typeName(name, d)]))
  const text = JSON.stringify($defs, (key, value) => {
    if (key === '$ref')
      return `#/$defs/${names[value.split('/').pop()]}`
    // The name of a property is not a type of its own, and a map of lengths would become a tuple.
    return ['discriminator', 'minLength', 'maxLength', 'maxProperties', 'minimum', 'default'].includes(key) ? undefined : value
  })
  const renamed = {}
  for (const [name, definition] of Object.entries(JSON.parse(text))) {
    for (const property of Object.values(definition.properties ?? {}))
      delete property.title
    renamed[names[name]] = { ...definition, title: names[name] }
  }
  renamed.JsonValue = {
    title: 'JsonValue',
    tsType: 'string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }',
  }
  return { title: 'Protocol', type: 'object', $defs: renamed }
}

function writeConstants({ close_codes: closeCodes, numbers, questions, event_kinds: eventKinds }) {
  const codes = Object.entries(closeCodes).map(([name, value]) => `  ${name}: ${value},`)
  const lines = Object.entries(numbers).map(([name, value]) => `export const ${name} = ${value}`)
  return [
    '/** Why the server closed a socket. */',
    'export const CloseCode = {',
    ...codes,
    '} as const',
    '',
    ...lines,
    '',
    '/** What the doctor asks of each run. */',
    'export const QUESTIONS = [',
    ...questions.map((question) => `  ${writeValue(question)},`),
    ']',
    '',
    '/** How a fold keeps the events of each kind. */',
    'export const EVENT_KINDS: Record<RunEvent[\'kind\'], EventKind> = {',
    ...Object.entries(eventKinds).map(([name, row]) => `  ${name}: ${writeValue(row)},`),
    '}',
    '',
  ].join('\n')
}

/** A constant as the linter wants it. */
function writeValue(value) {
  if (Array.isArray(value))
    return `[${value.map(writeValue).join(', ')}]`
  if (typeof value === 'string')
    return `'${value}'`
  if (typeof value !== 'object' || value === null)
    return String(value)
  return `{ ${Object.entries(value).map(([key, inner]) => `${key}: ${writeValue(inner)}`).join(', ')} }`
}

async function generate() {
  const { schema, constants } = readProtocol()
  const types = await compile(prepare(schema), 'Protocol', {
    bannerComment: '',
    additionalProperties: false,
    unreachableDefinitions: true,
    style: { semi: false, singleQuote: true, printWidth: 100 },
  })
  const own = `${types}\n${FOLDING}`
    .replace(/export interface Protocol \{\s*\}\n/, '')
    .replaceAll(/\/\*\*\n \* This interface was referenced by `Protocol`[^/]*\*\/\n/g, '')
    .replaceAll(/ \*\n \* This interface was referenced by `Protocol`'s JSON-Schema\n \* via the `definition` "[^"]+"\.\n/g, '')
    .trim()
  return `// Generated from demo_server/protocol/ by \`npm run types\`. Do not edit.\n\n${own}\n\n${writeConstants(constants)}`
}

const text = await generate()
if (process.argv.includes('--check')) {
  if (!existsSync(target) || readFileSync(target, 'utf8') !== text) {
    console.error('slides/live/protocol/generated.ts differs from demo_server/protocol/: run `npm run types` and commit it.')
    process.exit(1)
  }
}
else {
  writeFileSync(target, text)
}
