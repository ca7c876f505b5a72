// From `git clone` to the open deck, as the README says it: time, bytes received, disk used.

import { endAll, launch, onStop } from '../../scripts/setup/processes.mjs'

onStop(async () => {
  await endAll()
  process.exit(130)
})
const child = launch(process.execPath, ['scripts/readme-commands.mjs', '--only', 'start'], { stdio: ['ignore', 'pipe', 'inherit'] })
let output = ''
child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
const code = await new Promise((resolve) => child.once('close', resolve))
if (code !== 0) {
  process.stderr.write(output)
  throw new Error(`the rehearsal ended with code ${code}`)
}
const { commit, start } = JSON.parse(output)
const megabytes = (bytes) => Math.round(bytes / 1e6)
const received = start.downloaded_bytes
const disk = Object.entries(start.disk_bytes).map(([name, bytes]) => ({ what: `disk, ${name}`, value: megabytes(bytes), unit: 'MB' }))

console.log(
  JSON.stringify({
    measures: [
      { what: 'open deck', value: start.deck_open_s, unit: 's', digits: 0, at_most: start.at_most_s },
      ...(received === null ? [] : [{ what: 'received over the network', value: megabytes(received), unit: 'MB' }]),
      ...disk,
    ],
    notes: [
      `\`npm start\` in a fresh clone of ${commit.slice(0, 7)}, with an empty home and nothing but system directories and Node on PATH. Received: by the whole machine meanwhile, from the registries that it is set to use; what pip finds as files on this machine is not in it.`,
    ],
  }),
)
