import { enter } from './setup/entry.mjs'

enter(() => import('./setup/readme-commands.mjs'))
