import type { ProxyOptions } from 'vite'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { codeHashes } from './setup/code-hashes.ts'
import { quietArrows } from './setup/quiet-arrows.ts'
import { tldrawAssets } from './setup/tldraw-assets.ts'

const server = process.env.DEMO_SERVER_URL ?? 'http://localhost:8000'

/** The server accepts only its own origin; the dev server vouches for requests of its own pages. */
function toServer(): ProxyOptions {
  const isOwnPage = (headers: { origin?: string, host?: string }) =>
    headers.origin !== undefined && new URL(headers.origin).host === headers.host
  return {
    target: server,
    changeOrigin: true,
    ws: true,
    configure(proxy) {
      proxy.on('proxyReq', (outgoing, request) => {
        if (isOwnPage(request.headers))
          outgoing.setHeader('Origin', server)
      })
      proxy.on('proxyReqWs', (outgoing, request) => {
        if (isOwnPage(request.headers))
          outgoing.setHeader('Origin', server)
      })
    },
  }
}

const experiments = fileURLToPath(new URL('../demo_server/experiments/', import.meta.url))

export default defineConfig({
  define: {
    __DECK_STATIC__: JSON.stringify(process.env.DECK_STATIC === '1'),
    __CODE_HASHES__: JSON.stringify(codeHashes(experiments)),
  },
  publicDir: '../public',
  plugins: [tldrawAssets(), quietArrows()],
  resolve: {
    // Slidev always installs the popups of twoslash, whose patch of floating-vue 5.4 fails and
    // writes an error to the console. No slide uses twoslash; floating-vue itself is a plugin too.
    alias: { '@shikijs/vitepress-twoslash/client': 'floating-vue' },
  },
  server: {
    fs: { allow: ['..'] },
    proxy: { '/api': toServer(), '/pair': toServer(), '/ws': toServer() },
  },
})
