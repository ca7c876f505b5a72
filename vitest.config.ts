import { defineConfig } from 'vitest/config'

export default defineConfig({
  // See slides/build.d.ts.
  define: { __DECK_STATIC__: 'false', __CODE_HASHES__: '{}' },
  test: { include: ['slides/**/*.test.ts', 'e2e/**/*.test.ts'], environment: 'node' },
})
