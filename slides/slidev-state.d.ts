// What this deck uses of @slidev/client/state; see slidev-client.d.ts.
import type { Ref } from 'vue'

export const magicKeys: Record<string, Ref<boolean> | undefined>
export const showOverview: Ref<boolean>
