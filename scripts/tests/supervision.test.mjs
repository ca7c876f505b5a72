// `npm start` restarts a server that dies, and gives up on one that keeps dying.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { superviseServer } from '../setup/supervision.mjs'
import { environment, freePort, makeCheckout, removeCheckout, start } from './checkout.mjs'

const BACK_WITHIN_MS = 3000

let root
before(async () => {
  root = await makeCheckout({ python: true })
})
after(() => removeCheckout(root))

async function health(port) {
  try {
    return await (await fetch(`http://127.0.0.1:${port}/api/health`)).json()
  } catch {
    return null // nobody listens
  }
}

/** Start the command and return when its server answers. */
async function started(env = {}) {
  const port = await freePort()
  const command = start(root, { args: ['--no-open', '--port', String(port)], env: environment(root, env) })
  await command.printed(/Answering after/)
  return { command, port }
}

async function stop({ child, ended }) {
  child.kill('SIGTERM')
  await ended
}

/** Kill the server that answers; the health of the next one. */
async function killed(port) {
  const { pid } = await health(port)
  const at = Date.now()
  process.kill(pid, 'SIGKILL')
  for (;;) {
    const next = await health(port)
    if (next && next.pid !== pid) return next
    assert.ok(Date.now() - at < BACK_WITHIN_MS, 'it is not back in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a server that is killed is back on its port, with its token', async () => {
  const { command, port } = await started()
  try {
    const first = await health(port)
    assert.ok(first.token.length >= 8)
    assert.equal((await killed(port)).token, first.token)
    await command.printed(/The server answers again after .* http:\S+pair\?code=/)
  } finally {
    await stop(command)
  }
  assert.equal(await health(port), null, 'it ends with the command all the same')
})

test('a token that was chosen is kept', async () => {
  const { command, port } = await started({ DEMO_TOKEN: 'chosen-by-hand' })
  try {
    assert.equal((await killed(port)).token, 'chosen-by-hand')
  } finally {
    await stop(command)
  }
})

test('a server that dies three times within half a minute ends the command with its reason', async () => {
  const { command, port } = await started()
  await killed(port)
  await killed(port)
  process.kill((await health(port)).pid, 'SIGKILL')
  assert.equal(await command.ended, 1)
  assert.match(command.output.trim().split('\n').pop(), /died 3 times within 30 s\. The server stopped: /)
})

test('a server that was ended in an orderly way ends the command', async () => {
  const { command, port } = await started()
  await fetch(`http://127.0.0.1:${port}/end`).catch(() => {}) // it cannot answer that
  assert.equal(await command.ended, 1)
  assert.match(command.output.trim().split('\n').pop(), /exited with code 0/)
})

test('deaths that lie far apart are forgiven, also many', async () => {
  let clock = 0
  const lines = []
  const servers = [...Array(5).keys()].map((number) => ({
    exited: Promise.resolve(number < 4 ? 1 : 0),
    answers: async () => (clock += 20_000),
    pairing: 'http://localhost/pair',
    exitReason: 'The server stopped: no reason.',
  }))
  const [server, ...successors] = servers
  const why = await superviseServer({ server, restart: () => successors.shift(), report: (line) => lines.push(line), now: () => clock })
  assert.match(why, /exited with code 0/)
  assert.equal(lines.filter((line) => line.includes('died')).length, 4)
})
