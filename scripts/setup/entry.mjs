// How every command of package.json begins. Only syntax that old Nodes can parse stands here,
// because this file reports which Node is needed.

const NEEDED = [20, 19]

/** Check this Node, load a command and run it; a failure becomes one sentence and exit code 1. */
export function enter(load) {
  const found = process.versions.node.split('.').map(Number)
  if (found[0] < NEEDED[0] || (found[0] === NEEDED[0] && found[1] < NEEDED[1])) {
    console.error(
      'Node ' + process.versions.node + ' is too old: install Node ' + NEEDED.join('.') +
        ' or newer (https://nodejs.org) and run the command again.'
    )
    process.exit(1)
  }
  import('./failure.mjs').then(function (failure) {
    load()
      .then(function (command) {
        return command.main(process.argv.slice(2))
      })
      .catch(failure.report)
  })
}
