import type { Page } from '@playwright/test'
import { findMisprints, findOverflows } from './layout'
import { readSlide } from './painted'
import { expect, test } from './test'

async function flawsOf(page: Page, html: string): Promise<string[]> {
  await page.setContent(`<div id="slide-content" style="width: 900px; height: 600px; font: 20px/1.4 sans-serif">${html}</div>`)
  const slide = await readSlide(page)
  return [...findOverflows(slide), ...findMisprints(slide)]
}

test.describe('a slide’s flaws are found', () => {
  const SHORT = 'width: 90px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis'
  const CLAMPED = 'width: 200px; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden'

  test('text that ends in an ellipsis, unless it is quoted from data', async ({ page }) => {
    expect(await flawsOf(page, `<p style="${SHORT}">float32[384]</p>`)).toEqual([expect.stringContaining('ends in an ellipsis: “float32[384]”')])
    expect(await flawsOf(page, `<p style="${CLAMPED}">${'Choose fewer actors. '.repeat(9)}</p>`)).toEqual([expect.stringContaining('ends in an ellipsis')])
    expect(await flawsOf(page, `<p style="${SHORT}" data-quoted>a text of the dataset</p><p style="${SHORT}">short</p>`)).toEqual([])
  })

  test('what reaches below its column', async ({ page }) => {
    const column = (height: number) => `<div class="live-column" style="height: 100px"><div style="height: ${height}px">text</div></div>`
    expect(await flawsOf(page, column(120))).toEqual([expect.stringContaining('out of its column by 20.0 px')])
    expect(await flawsOf(page, column(90))).toEqual([])
  })

  test('marks of Markdown outside code', async ({ page }) => {
    expect(await flawsOf(page, '<p>Ask with `num_gpus`.</p>')).toEqual([expect.stringContaining('shows “`”')])
    expect(await flawsOf(page, '<p>Ask with <code>`num_gpus`</code>.</p>')).toEqual([])
  })

  test('a unit that stands in the line after its number', async ({ page }) => {
    expect(await flawsOf(page, '<p style="width: 60px">about 22 MiB</p>')).toEqual([expect.stringContaining('a line ends within “2 MiB”')])
    expect(await flawsOf(page, '<p style="width: 60px">about 22&nbsp;MiB</p>')).toEqual([])
  })
})
