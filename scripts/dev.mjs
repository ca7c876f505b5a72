import { enter } from './setup/entry.mjs'

enter(() => import('./setup/dev.mjs'))
