import { onScopeDispose } from 'vue'

/** One key starts or cancels the run of the shown slide, one resets it, one plays its recording instead. */
export const RUN_KEY = 'r'
export const RESET_KEY = 'x'
export const PLAY_KEY = 'p'

export interface RunKeys {
  toggle: () => void
  reset: () => void
  play: () => void
  isShown: () => boolean
}

const slides = new Set<RunKeys>()

/** Lets the keys reach this slide's run while it is shown. */
export function useKeys(keys: RunKeys): void {
  slides.add(keys)
  onScopeDispose(() => slides.delete(keys))
}

function shownSlide(): RunKeys | undefined {
  return [...slides].find(slide => slide.isShown())
}

export function pressRunKey(): void {
  shownSlide()?.toggle()
}

export function pressResetKey(): void {
  shownSlide()?.reset()
}

export function pressPlayKey(): void {
  shownSlide()?.play()
}
