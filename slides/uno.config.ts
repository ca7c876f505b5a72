import { defineConfig } from 'unocss'

const LIVE_COLORS = ['accent', 'bad', 'muted', 'ok', 'recorded', 'surface', 'text', 'warn']

export default defineConfig({
  theme: {
    colors: {
      live: Object.fromEntries(LIVE_COLORS.map(name => [name, `var(--live-${name})`])),
    },
  },
  // FancyArrow builds its class at run time, where no scanner sees it.
  safelist: LIVE_COLORS.map(name => `text-live-${name}`),
})
