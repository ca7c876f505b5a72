import { expect, it } from 'vitest'
import { experimentsOfTalk } from './talk'

it('names what the talk runs, once each, and nothing of the slides behind its end', () => {
  const live = (experiment: string) => ({ layout: 'live', experiment })
  const slides = [{}, live('dataset'), live('embed'), { layout: 'default', experiment: 'none' }, live('embed'), { endsTalk: true }, live('ladder')]
  expect(experimentsOfTalk(slides)).toEqual(['dataset', 'embed'])
  expect(experimentsOfTalk(slides.filter(slide => !('endsTalk' in slide)))).toEqual(['dataset', 'embed', 'ladder'])
})
