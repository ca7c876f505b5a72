// Small checkouts to try the set-up in: our scripts as they are, with a project that installs in
// seconds. Its wheels are empty, its server is a few lines of the standard library.

import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findInterpreter } from '../setup/interpreter.mjs'

export const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..')

const PYPROJECT = `
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "demo-server"
version = "0.1.0"
dependencies = ["torch==2.13.0"]
`

/** A build backend of the standard library: it makes wheels whose only content is a path or nothing. */
const BACKEND = `
import os, zipfile

def make(directory, name, version, files):
    stem = name.replace("-", "_")
    path = os.path.join(directory, f"{stem}-{version}-py3-none-any.whl")
    info = f"{stem}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return os.path.basename(path)

def build_editable(directory, config_settings=None, metadata_directory=None):
    return make(directory, "demo-server", "0.1.0", {"demo_server.pth": os.getcwd()})

if __name__ == "__main__":
    for package in ("torch", "fastapi", "pydantic", "uvicorn"):
        make("wheels", package, "2.13.0", {f"{package}/__init__.py": ""})
`

const SERVER = `
import http.server, json, os, sys, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/end":
            os._exit(0)
        body = json.dumps({"status": "ready", "pid": os.getpid(), "token": os.environ["DEMO_TOKEN"]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

def until_stdin_closes():
    sys.stdin.read()
    os._exit(0)

threading.Thread(target=until_stdin_closes, daemon=True).start()
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
`

/**
 * Make a checkout.
 * @param {{python?: boolean, node?: boolean}} done which sides the set-up finds complete
 */
export async function makeCheckout({ python = false, node = true } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'checkout-'))
  const write = (path, text) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  cpSync(join(REPOSITORY, 'scripts', 'setup'), join(root, 'scripts', 'setup'), { recursive: true })
  cpSync(join(REPOSITORY, 'scripts', 'start.mjs'), join(root, 'scripts', 'start.mjs'))
  write('package.json', JSON.stringify({ name: 'small', version: '1.0.0', dependencies: { nothing: '1.0.0' } }))
  write(
    'package-lock.json',
    JSON.stringify({
      name: 'small',
      version: '1.0.0',
      lockfileVersion: 3,
      packages: {
        '': { name: 'small', version: '1.0.0', dependencies: { nothing: '1.0.0' } },
        'node_modules/nothing': { version: '1.0.0' },
      },
    }),
  )
  write('pyproject.toml', PYPROJECT)
  write('requirements.lock', 'fastapi==2.13.0\npydantic==2.13.0\nuvicorn==2.13.0\n')
  write('requirements-dev.lock', '')
  write('backend.py', BACKEND)
  write('demo_server/__init__.py', '')
  write('demo_server/__main__.py', SERVER)
  write('slides/slides.md', '# Small\n')
  mkdirSync(join(root, 'wheels'))
  const interpreter = await findInterpreter()
  await finish(spawn(interpreter.path, ['backend.py'], { cwd: root, stdio: 'inherit' }))
  const stamps = await import(join(root, 'scripts', 'setup', 'stamp.mjs'))
  if (node) {
    write('node_modules/.keep', '')
    const lock = stamps.digest(['package-lock.json'])
    stamps.writeStamp(join(root, 'node_modules', '.installed.json'), { lock, built: `${process.platform}-${process.arch}` })
    write('dist/index.html', '<h1>Small</h1>')
    const { SOURCES } = await import(join(root, 'scripts', 'setup', 'deck.mjs'))
    stamps.writeStamp(join(root, 'dist', '.built.json'), { sources: stamps.digests(SOURCES) })
  }
  if (python) {
    mkdirSync(join(root, '.venv', 'bin'), { recursive: true })
    symlinkSync(interpreter.path, join(root, '.venv', 'bin', 'python'))
    const installed = { root, lock: stamps.digest(['requirements.lock', 'pyproject.toml']), dev: null }
    stamps.writeStamp(join(root, '.venv', '.installed.json'), installed)
  }
  return root
}

export function removeCheckout(root) {
  rmSync(root, { recursive: true, force: true })
}

/** The environment of a small checkout: our wheels, no package index, nothing of the caller's own. */
export function environment(root, extra = {}) {
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    CI: 'true',
    PIP_CONFIG_FILE: '/dev/null',
    PIP_NO_INDEX: '1',
    PIP_FIND_LINKS: join(root, 'wheels'),
    DEMO_TORCH: 'cpu',
    ...extra,
  }
}

/** Start `npm start`'s command in a checkout; `printed` resolves when its output matches. */
export function start(root, { args = ['--no-open'], env = environment(root), node = [], ...options } = {}) {
  const child = spawn(process.execPath, [...node, join(root, 'scripts', 'start.mjs'), ...args], { cwd: root, env, ...options })
  const started = { child, output: '', ended: finish(child) }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text) => (started.output += text))
  }
  started.printed = (pattern) =>
    new Promise((resolve, reject) => {
      const poll = setInterval(() => {
        if (pattern.test(started.output)) resolve(clearInterval(poll))
      }, 20)
      started.ended.then(() => {
        clearInterval(poll)
        if (pattern.test(started.output)) resolve()
        else reject(new Error(`it ended before printing ${pattern}:\n${started.output}`))
      })
    })
  return started
}

/** Run it to its end: the exit code and all output. */
export async function startFails(root, options) {
  const started = start(root, options)
  const code = await started.ended
  return { code, output: started.output }
}

function finish(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code))
  })
}

export async function freePort() {
  const probe = createServer()
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** A directory that goes with the test's process. */
export function temporary() {
  const directory = mkdtempSync(join(tmpdir(), 'setup-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** An executable that prints a text and exits with a code, in a directory of its own. */
export function stub(name, { prints = '', code = 0, directory = temporary() } = {}) {
  const path = join(directory, name)
  if (existsSync(path)) rmSync(path)
  writeFileSync(path, `#!/bin/sh\necho '${prints}'\nexit ${code}\n`, { mode: 0o755 })
  return { path, directory }
}
