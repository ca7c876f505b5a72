/** After a click: a button would keep the focus, where Slidev's keys no longer turn pages. */
export function releaseFocus(event: MouseEvent): void {
  if (event.detail > 0 && event.target instanceof Element)
    event.target.closest('button')?.blur()
}
