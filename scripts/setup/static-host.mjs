// A plain file server, as a static host is: no rewriting, no API, under a path of its own.

import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.jsonl': 'application/x-ndjson',
  '.mjs': 'text/javascript',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
}

/**
 * Serve a folder on a free port of this machine.
 * @returns {Promise<{url: string, asked: string[], close: () => Promise<void>}>} `asked` lists what was not there
 */
export function serveFolder(directory, base = '/') {
  const asked = []
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const path = fileOf(directory, base, decodeURIComponent(pathname))
    if (!path) {
      asked.push(pathname)
      response.writeHead(404).end('Not found')
      return
    }
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' })
    createReadStream(path).pipe(response)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve({
        url: `http://127.0.0.1:${server.address().port}${base}`,
        asked,
        close: () => new Promise((closed) => {
          server.closeAllConnections()
          server.close(closed)
        }),
      })
    })
  })
}

function fileOf(directory, base, pathname) {
  if (!pathname.startsWith(base)) return null
  const path = normalize(join(directory, pathname.slice(base.length) || 'index.html'))
  if (!path.startsWith(directory + sep)) return null
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? path : null
}
