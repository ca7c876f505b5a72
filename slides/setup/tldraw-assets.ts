import type { Plugin } from 'vite'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, join, normalize, sep } from 'node:path'

const FOLDERS = ['fonts', 'icons', 'translations', 'embed-icons']
const MIME: Record<string, string> = {
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}
const REMOTE = '"https://cdn.tldraw.com"'
const FROM_ROOT = 'fetch("/" + doc)'
const REMOTE_STYLE = /@import url\("https:[^"]*"\);/

/**
 * tldraw fetches fonts and icons from its own CDN, and its addon a stylesheet from Google: on a
 * stage without a network the drawing stays empty. This serves the same files from `@tldraw/assets`.
 */
export function tldrawAssets(): Plugin[] {
  const assets = dirname(createRequire(import.meta.url).resolve('@tldraw/assets/package.json'))
  const prefix = `tldraw-assets/${readVersion(assets)}`
  let base = '/'

  const local: Plugin = {
    name: 'deck:tldraw-local',
    enforce: 'pre',
    transform(code, id) {
      if (/@tldraw[\\/]editor[\\/]dist-esm[\\/]lib[\\/]utils[\\/]assets\.mjs$/.test(id)) {
        const here = JSON.stringify(`${base}tldraw-assets`)
        // Vite's optimizer may hand over what this plugin has already changed.
        if (!code.includes(REMOTE) && !code.includes(here))
          throw new Error(`${id} no longer names ${REMOTE}: tldraw would load its assets from elsewhere`)
        return { code: code.replace(REMOTE, here), map: null }
      }
      if (/slidev-addon-tldraw[\\/]components[\\/]tldraw\.css/.test(id))
        return { code: code.replace(REMOTE_STYLE, ''), map: null }
      if (/slidev-addon-tldraw[\\/]components[\\/]Tldraw\.vue$/.test(id)) {
        if (!code.includes(FROM_ROOT))
          throw new Error(`${id} no longer says ${FROM_ROOT}: under a path of a host the drawing would not be found`)
        return { code: code.replace(FROM_ROOT, 'fetch(import.meta.env.BASE_URL + doc)'), map: null }
      }
      return null
    },
  }

  const serve: Plugin = {
    name: 'deck:tldraw-assets',
    config: () => ({ optimizeDeps: { rolldownOptions: { plugins: [local] } } }),
    configResolved(config) {
      base = config.base
    },
    configureServer(server) {
      server.middlewares.use(`/${prefix}`, (request, response, next) => {
        const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://deck').pathname))
        const file = join(assets, path)
        if (!FOLDERS.some(folder => path.startsWith(sep + folder + sep)) || !existsSync(file))
          { next(); return; }
        response.setHeader('Content-Type', MIME[extname(file)] ?? 'application/octet-stream')
        createReadStream(file).pipe(response)
      })
    },
    async generateBundle() {
      for (const folder of FOLDERS) {
        for (const entry of await readdir(join(assets, folder), { recursive: true, withFileTypes: true })) {
          if (!entry.isFile())
            continue
          const file = join(entry.parentPath, entry.name)
          const path = file.slice(assets.length + 1).split(sep).join('/')
          this.emitFile({ type: 'asset', fileName: `${prefix}/${path}`, source: readFileSync(file) })
        }
      }
    },
  }
  return [local, serve]
}

/** The folder is named after the version that the asset URLs carry, tldraw's own. */
function readVersion(assets: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(assets, 'package.json'), 'utf8'))
  if (typeof manifest === 'object' && manifest && 'version' in manifest && typeof manifest.version === 'string')
    return manifest.version
  throw new Error(`${assets}/package.json has no version; install the packages again: npm ci`)
}
