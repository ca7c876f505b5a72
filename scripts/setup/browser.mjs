// Opening the deck in the user's browser.

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { launch } from './processes.mjs'

/** The command that opens an address here; null where nobody would see it. */
export function opener(env = process.env, platform = process.platform) {
  if (env.CI) return null
  if (platform === 'darwin') return env.SSH_CONNECTION ? null : 'open'
  const onPath = (name) => (env.PATH || '').split(delimiter).some((directory) => existsSync(join(directory, name)))
  if (env.WSL_DISTRO_NAME && onPath('wslview')) return 'wslview'
  if ((env.DISPLAY || env.WAYLAND_DISPLAY) && onPath('xdg-open')) return 'xdg-open'
  return null
}

/** Open an address; false where it cannot be, so that the caller prints it. */
export async function openInBrowser(url) {
  const command = opener()
  if (!command) return false
  const child = launch(command, [url], { stdio: 'ignore' })
  return new Promise((resolve) => {
    child.once('error', () => resolve(false))
    child.once('exit', (code) => resolve(code === 0))
    // xdg-open may stay as long as the browser it started.
    setTimeout(() => resolve(true), 3000).unref()
  })
}
