// Where an address leads that names no slide.

export interface SlideAddress {
  no: number
  /** A name that its front matter gives it. */
  alias?: string | undefined
}

/** The slide to show for an address: the last for a number beyond it, else the first; undefined where the address is a slide's own. */
export function nearestSlide(address: string, slides: readonly SlideAddress[]): number | undefined {
  if (slides.some(({ no, alias }) => no === Number(address) || alias === address))
    return undefined
  return Number(address) > slides.length ? slides.length : 1
}
