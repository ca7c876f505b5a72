// The outline of a deck, as its Markdown says it.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readOutline } from '../setup/outline.mjs'

async function outlineOf(markdown) {
  const root = mkdtempSync(join(tmpdir(), 'outline-'))
  try {
    mkdirSync(join(root, 'slides', 'parts'), { recursive: true })
    writeFileSync(join(root, 'slides', 'slides.md'), '---\ntheme: none\ntime: 0:30\n---\n\n# Cover\n\n---\nsrc: ./parts/one.md\n---\n')
    writeFileSync(join(root, 'slides', 'parts', 'one.md'), markdown)
    return (await readOutline(root)).slides
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const LIVE = `---
layout: live
experiment: embed
params: { rows: 64 }
time: 2:40
endsTalk: true
---

# A run

::left::

<LiveCode>

<<< @/../demo_server/experiments/embed.py#pipeline py

</LiveCode>
<RunControls />
<v-switch><template #0>one</template><template #1>other</template></v-switch>

<!--
Say: this.
-->

---

# Moving code

\`\`\`\`md magic-move
<<< @/../demo_server/experiments/embed.py#a py
<<< @/../demo_server/experiments/embed.py#b py
<<< ./c.py#c py
\`\`\`\`

<Tldraw />
`

test('a live slide has its experiment, parameters, time, regions, clicks and notes', async () => {
  const [cover, live, moving] = await outlineOf(LIVE)
  assert.deepEqual([cover.number, cover.layout, cover.seconds, cover.experiment], [1, 'cover', 30, null])
  assert.deepEqual(live, {
    number: 2, title: 'A run', chapter: 'parts/one.md', layout: 'live', seconds: 160, inTalk: true,
    experiment: 'embed', starts: true, params: { rows: 64 }, regions: [{ file: 'demo_server/experiments/embed.py', region: 'pipeline' }],
    clicks: 1, drawing: false, notes: 'Say: this.',
  })
  assert.deepEqual([moving.inTalk, moving.clicks, moving.drawing, moving.seconds], [false, 2, true, null])
  assert.deepEqual(moving.regions.map(({ file }) => file), ['demo_server/experiments/embed.py', 'demo_server/experiments/embed.py', 'slides/parts/c.py'])
})

test('a time that is none and a live slide without an experiment are refused by the slide’s name', async () => {
  await assert.rejects(outlineOf('---\ntime: soon\n---\n\n# One\n'), /Slide 2, “One”, has `time: soon`/)
  await assert.rejects(outlineOf('---\nlayout: live\n---\n\n# Two\n'), /Slide 2, “Two”, has `layout: live` and no `experiment:`/)
})
