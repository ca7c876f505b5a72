import { enter } from '../scripts/setup/entry.mjs'

enter(() => import('./command.mjs'))
