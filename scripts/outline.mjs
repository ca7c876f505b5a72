import { enter } from './setup/entry.mjs'

enter(() => import('./setup/outline.mjs'))
