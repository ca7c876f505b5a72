import { expect, it } from 'vitest'
import { parseRecording } from '../state/recording'
import { textOf } from '../state/recording.fixture'
import { describeOrigin } from './origin'

it('says when and on what it was recorded, and whether the code has changed since', () => {
  const { header } = parseRecording(textOf(), 'embed.jsonl')
  expect(describeOrigin(header, 'abc')).toEqual({ when: '21 Nov 2026', cores: '2 cores', machine: '2 cores, Linux x86_64', olderCode: false })
  expect(describeOrigin(header, 'abd').olderCode).toBe(true)
})
