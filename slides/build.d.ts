// What vite.config.ts knows when the deck is built, and what Slidev makes of it.

declare module '#slidev/slides' {
  export const slides: import('vue').Ref<import('@slidev/client').SlideRoute[]>
}

/** The deck is built to stand alone, on any static host, with no server behind it. */
declare const __DECK_STATIC__: boolean

/** sha256 of each experiment's file, by name. */
declare const __CODE_HASHES__: Readonly<Record<string, string>>
