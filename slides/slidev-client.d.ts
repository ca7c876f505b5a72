// The part of @slidev/client that this deck uses. The package ships its source, which does not
// pass our stricter checks; tsconfig.json points here instead.
import type { ClicksContext, RenderContext } from '@slidev/types'
import type { ComputedRef, Ref } from 'vue'

export interface Frontmatter {
  preload?: boolean
  routeAlias?: string
  layout?: string
  experiment?: string
  endsTalk?: boolean
}

export interface SlideRoute {
  no: number
  meta: { slide: { frontmatter: Frontmatter } }
  load: () => Promise<unknown>
}

export interface SlidevNav {
  currentSlideNo: ComputedRef<number>
  clicks: ComputedRef<number>
  clicksTotal: ComputedRef<number>
  currentLayout: ComputedRef<string>
  hasPrimarySlide: ComputedRef<boolean>
  isNotesViewer: ComputedRef<boolean>
  isPresenter: ComputedRef<boolean>
  isPrintMode: ComputedRef<boolean>
  router: { isReady: () => Promise<void> }
  slides: Ref<SlideRoute[]>
}

export interface SlideContext {
  $page: Ref<number>
  $nav: Ref<{ currentSlideNo: number }>
  $renderContext: Ref<RenderContext>
  $clicksContext: ClicksContext
  $scale: Ref<number>
}

export interface Sync {
  init: <State extends object>(
    channelKey: string,
    onUpdate: (data: Partial<State>) => void,
    state: State,
    persist?: boolean,
  ) => ((state: State, updating?: boolean) => void) | undefined
}

export function useNav(): SlidevNav
export function useSlideContext(): SlideContext
export function useIsSlideActive(): ComputedRef<boolean>
export function useDarkMode(): { isDark: Ref<boolean>, toggleDark: () => void }
export function useDrawings(): { drawingEnabled: Ref<boolean> }
export function addSyncMethod(sync: Sync): void
