import { addSyncMethod, useNav } from '@slidev/client'
import { defineRootSetup } from '@slidev/types'
import { useConnection } from '../composables/useConnection'
import { createDeckSync } from '../live/link/deck-sync'

/** Pages, clicks, drawings and votes cross devices over the deck's own socket. */
export default defineRootSetup(() => {
  const { connection, onChange } = useConnection()
  const nav = useNav()
  const window = Math.random().toString(36).slice(2)
  const place = () => !nav.hasPrimarySlide.value || nav.isPrintMode.value || nav.isNotesViewer.value
    ? undefined
    : {
        page: nav.currentSlideNo.value,
        clicks: nav.clicks.value,
        clicksTotal: nav.clicksTotal.value,
        lastUpdate: { id: window, type: nav.isPresenter.value ? 'presenter' : 'viewer', time: Date.now() },
      }
  const [opened] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  // Not at "/" or "/presenter": these name no slide.
  const leads = opened?.type === 'navigate' && /\/\d+\/?$/.test(new URL(opened.name).pathname)
  // Before its first route is resolved, a window cannot be taken to another slide.
  void nav.router.isReady().then(() => { addSyncMethod(createDeckSync(connection, onChange, place, leads)) })
})
