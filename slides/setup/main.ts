import { defineAppSetup } from '@slidev/types'
import { slides } from '#slidev/slides'
import { nearestSlide } from './slide-address'

/** Slidev shows its cover for a slide that isn't there, under the address that was typed: lead to one that is. */
export default defineAppSetup(({ router }) => {
  router.beforeEach((to) => {
    const { no } = to.params
    if (typeof no !== 'string' || no === '')
      return true
    const addresses = slides.value.map(({ no, meta }) => ({ no, alias: meta.slide.frontmatter.routeAlias }))
    const nearest = nearestSlide(no, addresses)
    return nearest === undefined || { name: to.name!, params: { no: nearest } }
  })
})
