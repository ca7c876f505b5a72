import { defineRoutesSetup } from '@slidev/types'

/** Pages next to the slides, for the presenter and never on the stage: devices and pre-flight. */
export default defineRoutesSetup(routes => [
  { name: 'devices', path: '/devices', component: () => import('../pages/DevicesPage.vue') },
  { name: 'check', path: '/check', component: () => import('../pages/CheckPage.vue') },
  ...routes,
])
