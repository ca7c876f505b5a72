// `node supervised.mjs PORT [OPTION…]`: a server of this checkout, supervised as by `npm start`.

import { endAll, onStop } from '../../scripts/setup/processes.mjs'
import { Server } from '../../scripts/setup/server.mjs'
import { superviseServer } from '../../scripts/setup/supervision.mjs'

const [port, ...args] = process.argv.slice(2)
let server = new Server(Number(port), args)
onStop(async () => {
  await server.stop()
  await endAll()
  process.exit(0)
})
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume()
const restart = () => (server = new Server(Number(port), args, { appendLog: true }))
if (await server.answers()) console.log(await superviseServer({ server, restart, report: console.log }))
console.log(server.exitReason)
process.exit(1)
