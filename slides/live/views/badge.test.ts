import { expect, it } from 'vitest'
import { badgeOf } from './badge'

const origin = { when: '21 Nov 2026', cores: '2 cores', machine: '2 cores, Linux x86_64', olderCode: false }
const fresh = 400

it('is live only while the link is open and something arrives', () => {
  expect(badgeOf('open', fresh, undefined, false)).toMatchObject({ kind: 'live', text: 'LIVE' })
  expect(badgeOf('open', 7900, undefined, false)).toMatchObject({ kind: 'stale', text: 'STALE 7 s' })
})

it.each(['connecting', 'reconnecting', 'offline'] as const)('says %s whatever arrived before', (link) => {
  expect(badgeOf(link, fresh, undefined, false)).toMatchObject({ kind: link, text: link.toUpperCase() })
})

it('turns STALE when nothing has come for two seconds', () => {
  expect(badgeOf('open', 2000, undefined, false).kind).toBe('live')
  expect(badgeOf('open', 2001, undefined, false).kind).toBe('stale')
})

it('says how long a lost link has brought nothing', () => {
  expect(badgeOf('reconnecting', 7900, undefined, false)).toMatchObject({ kind: 'reconnecting', text: 'RECONNECTING 7 s' })
})

it('never calls a recorded run live', () => {
  for (const link of ['open', 'offline', 'connecting', 'reconnecting'] as const)
    expect(badgeOf(link, fresh, origin, false)).toMatchObject({ kind: 'recorded', text: 'RECORDED 21 Nov 2026 · 2 cores' })
})

it('says that a recording is of older code than the slide shows', () => {
  expect(badgeOf('open', fresh, { ...origin, olderCode: true }, false).text).toContain('OLDER CODE')
})

it('never says LIVE where nothing runs', () => {
  expect(badgeOf('open', fresh, undefined, true).kind).toBe('recorded')
})
