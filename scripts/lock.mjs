import { enter } from './setup/entry.mjs'

enter(() => import('./setup/lock-files.mjs'))
