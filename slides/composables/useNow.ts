import { createSharedComposable, useTimestamp } from '@vueuse/core'

/** The time in ms, four times a second, while a component uses it. */
export const useNow = createSharedComposable(() => useTimestamp({ interval: 250 }))
