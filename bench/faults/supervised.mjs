// `node supervised.mjs PORT [OPTION…]`: a server of this checkout, watched as `npm start` does it.

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
const again = () => (server = new Server(Number(port), args, { appendLog: true }))
if (await server.answers()) console.log(await superviseServer({ server, again, say: console.log }))
console.log(server.lastWords)
process.exit(1)
