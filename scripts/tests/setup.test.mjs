// The set-up in small checkouts: real interpreters, real pip, real npm. Only what a test cannot
// bring about is stood in for: an old Node, other Pythons, a full disk.

import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { environment, freePort, makeCheckout, removeCheckout, start, startFails, stub } from './checkout.mjs'

const checkouts = []

async function checkout(done) {
  const root = await makeCheckout(done)
  checkouts.push(root)
  return root
}

let complete
before(async () => {
  complete = await checkout({ python: true })
})
after(() => checkouts.forEach(removeCheckout))

/** One sentence that matches, and nothing that looks like a stack trace or a traceback. */
function assertSentence({ code, output }, pattern) {
  assert.equal(code, 1, output)
  const last = output.trim().split('\n').pop()
  assert.match(last, pattern)
  assert.match(last, /[.]$/)
  assert.doesNotMatch(output, /\n\s+at |Traceback|node:internal/)
}

const python = (answer = {}) =>
  JSON.stringify({ version: [3, 12, 1], machine: 'x86_64', bits: 64, musl: false, glibc: null, free_threaded: false, pypy: false, venv: true, ...answer })

/** An environment in which the only Pythons are these stubs. */
function onlyPython(root, directory) {
  return environment(root, { PATH: `${directory}:/nonexistent`, HOME: root })
}

test('an old Node is refused with the version to install', async () => {
  const old = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"18.20.4"})'
  assertSentence(await startFails(complete, { node: ['--import', old] }), /Node 18\.20\.4 is too old: install Node 20\.19/)
})

test('an unknown option is named together with those that exist', async () => {
  assertSentence(await startFails(complete, { args: ['--prot', '1'] }), /'--prot'.*--port PORT/)
})

test('an invalid port is refused', async () => {
  assertSentence(await startFails(complete, { args: ['--port', 'many'] }), /--port many is not a valid port/)
})

test('an option that npm took for itself is pointed out', async () => {
  const env = environment(complete, { npm_config_port: '8123' })
  assertSentence(await startFails(complete, { env }), /put options after `--`/)
})

test('a port that another program uses is named, with what to do', async () => {
  const other = createServer()
  await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address()
  try {
    assertSentence(await startFails(complete, { args: ['--port', String(port)] }), new RegExp(`Port ${port} is in use .*--port ${port + 1}`))
  } finally {
    other.close()
  }
})

test('a Python that is too old is named, with those that are supported', async () => {
  const root = await checkout()
  const { directory } = stub('python3', { prints: python({ version: [3, 9, 18] }) })
  assertSentence(await startFails(root, { env: onlyPython(root, directory) }), /python3 is Python 3\.9\.18, too old.*install Python 3\.11/)
})

test('a Python without venv brings the name of the package to install', async () => {
  const root = await checkout()
  const { directory } = stub('python3', { prints: python({ venv: false }) })
  assertSentence(await startFails(root, { env: onlyPython(root, directory) }), /lacks the venv module: .*python3\.12-venv/)
})

test('an unusable DEMO_PYTHON is named', async () => {
  const root = await checkout()
  const env = environment(root, { DEMO_PYTHON: '/nonexistent/python' })
  assertSentence(await startFails(root, { env }), /DEMO_PYTHON=\/nonexistent\/python cannot be used/)
})

test('without a network the Python packages fail with one sentence', async () => {
  const root = await checkout()
  const env = environment(root, { PIP_INDEX_URL: 'http://127.0.0.1:9/simple', PIP_RETRIES: '1' })
  delete env.PIP_NO_INDEX
  delete env.PIP_FIND_LINKS
  assertSentence(await startFails(root, { env }), /registry cannot be reached.*needs a network/)
})

test('without a network the Node packages fail with one sentence', async () => {
  const root = await checkout({ python: true, node: false })
  const env = environment(root, {
    npm_config_registry: 'http://127.0.0.1:9/',
    npm_config_fetch_retries: '0',
    npm_config_cache: join(root, 'npm-cache'),
  })
  assertSentence(await startFails(root, { env, args: ['--no-open', '--port', String(await freePort())] }), /registry cannot be reached.*needs a network/)
})

test('a full disk while .venv is made is reported as such', async () => {
  const root = await checkout()
  // The stub answers what it is asked, then fails as Python does on a full disk.
  const { path, directory } = stub('python3', { prints: '' })
  const text = `#!/bin/sh\n[ "$1" = -I ] && echo '${python()}' && exit 0\necho "OSError: [Errno 28] No space left on device" >&2\nexit 1\n`
  writeFileSync(path, text, { mode: 0o755 })
  assertSentence(await startFails(root, { env: onlyPython(root, directory) }), /No disk space is left: free some/)
})

test('a checkout without write permission is reported as such', async () => {
  const root = await checkout()
  const asRoot = process.getuid() === 0
  // Nobody may read it, but not write: root would be allowed to.
  if (asRoot) chownSync(root, 0, 0)
  chmodSync(root, 0o555)
  try {
    const who = asRoot ? { uid: 65534, gid: 65534 } : {}
    assertSentence(await startFails(root, { ...who }), /You may not write in .*clone the repository/)
  } finally {
    chmodSync(root, 0o755)
  }
})

test('a second set-up in the same checkout is refused at once', async () => {
  const root = await checkout()
  mkdirSync(join(root, '.cache'))
  writeFileSync(join(root, '.cache', 'setup.pid'), String(process.pid))
  assertSentence(await startFails(root), new RegExp(`Another set-up .*process ${process.pid}`))
})

test('a fresh checkout is set up once, and an unfinished or broken .venv is made again', async () => {
  const root = await checkout()
  const up = async () => {
    const started = start(root, { args: ['--no-open', '--port', String(await freePort())] })
    await started.printed(/Ready/)
    started.child.kill('SIGTERM')
    assert.equal(await started.ended, 0, started.output)
    return started.output
  }
  assert.match(await up(), /✓ Python .* environment/)
  assert.doesNotMatch(await up(), /environment|packages/, 'a second start installs nothing')

  rmSync(join(root, '.venv', '.installed.json'))
  assert.match(await up(), /An earlier installation in \.venv was not finished: starting it over/)

  // As after an upgrade that took the interpreter's libraries away: the link is there, it does not run.
  rmSync(join(root, '.venv', 'bin', 'python'))
  writeFileSync(join(root, '.venv', 'bin', 'python'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  assert.match(await up(), /\.venv is broken/)

  writeFileSync(join(root, 'requirements.lock'), 'fastapi==2.13.0\npydantic==2.13.0\n')
  const output = await up()
  assert.match(output, /✓ Python packages/)
  assert.doesNotMatch(output, /environment in \.venv/, 'a changed lock needs no new .venv')
})

test('an interrupted set-up leaves no process and no lock behind', async () => {
  const root = await checkout()
  const started = start(root)
  await started.printed(/environment in \.venv/)
  const began = Date.now()
  started.child.kill('SIGINT')
  assert.equal(await started.ended, 0, started.output)
  assert.ok(Date.now() - began < 5000)
  assert.ok(!existsSync(join(root, '.cache', 'setup.pid')))
  assert.doesNotMatch(started.output, /could not|Unexpected/)
})

test('the server ends with the command, also when the command is killed', async () => {
  const port = await freePort()
  const started = start(complete, { args: ['--no-open', '--port', String(port)] })
  await started.printed(/Ready/)
  assert.match(started.output, new RegExp(`http://localhost:${port}/pair\\?code=`))
  started.child.kill('SIGKILL')
  await started.ended
  const until = Date.now() + 5000
  const answers = () => fetch(`http://127.0.0.1:${port}/api/health`).then(() => true, () => false)
  while (await answers()) assert.ok(Date.now() < until, 'the server outlived its command by 5 s')
})

test('a server that fails to start is reported in one sentence', async () => {
  const root = await checkout({ python: true })
  const main = join(root, 'demo_server', '__main__.py')
  writeFileSync(main, `import sys\nsys.exit("--dataset no/such is not on the hub.")\n${readFileSync(main, 'utf8')}`)
  const env = environment(root)
  // Its packages are missing too, so the set-up first installs those.
  assertSentence(await startFails(root, { env, args: ['--no-open', '--port', String(await freePort())] }), /--dataset no\/such is not on the hub/)
})
