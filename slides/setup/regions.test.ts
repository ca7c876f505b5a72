import { expect, test } from 'vitest'
import { dedent, expandSnippets, extractRegion, findRegions } from './regions'

const SOURCE = `import ray

class TextEmbedder:
    # region outer
    def __init__(self):
        # region inner
        self.model = load()
        # endregion inner

    def __call__(self, batch):
        return batch
    # endregion outer
`

const FENCE = '```'
const read = () => SOURCE

test('a region is shown without its markers and without the indentation its lines share', () => {
  expect(extractRegion(SOURCE, 'inner', 'x.py')).toBe('self.model = load()')
})

test('a region inside another leaves no marker behind', () => {
  expect(extractRegion(SOURCE, 'outer', 'x.py')).toBe(
    'def __init__(self):\n    self.model = load()\n\ndef __call__(self, batch):\n    return batch',
  )
})

test('an unknown region is an error that lists the known ones', () => {
  expect(() => extractRegion(SOURCE, 'embed', 'x.py')).toThrow('x.py has no region "embed"; it has: inner, outer')
})

test('an empty region is an error', () => {
  expect(() => extractRegion('# region a\n\n# endregion a\n', 'a', 'x.py')).toThrow('region "a" is empty')
})

test('a region that is never closed, never opened or opened twice is an error with its place', () => {
  expect(() => findRegions('# region a\nx\n', 'x.py')).toThrow('x.py: region "a" is never closed')
  expect(() => findRegions('x\n# endregion a\n', 'x.py')).toThrow('x.py:2: "endregion a"')
  expect(() => findRegions('# region a\n# endregion a\n# region a\n', 'x.py')).toThrow('x.py:3: region "a" is opened twice')
})

test('dedent keeps the relative indentation and empties blank lines', () => {
  expect(dedent(['    a', '      b', '  ', '    c'])).toEqual(['a', '  b', '', 'c'])
})

test('an import becomes a fence with its language, its line ranges and its name', () => {
  expect(expandSnippets('# Title\n\n<<< @/../x.py#inner py {1|2}\n', read)).toBe(
    `# Title\n\n${FENCE}py {1|2} x.py#inner\nself.model = load()\n${FENCE}\n`,
  )
})

test('all regions of a file are imported in the order in which they begin', () => {
  expect(expandSnippets('<<< @/../x.py#* py', () => '# region b\n1\n# endregion b\n# region a\n2\n# endregion a\n'))
    .toBe(`${FENCE}py x.py#b\n1\n${FENCE}\n${FENCE}py x.py#a\n2\n${FENCE}`)
})

test('the language is the ending of the file unless it is told', () => {
  expect(expandSnippets('<<< @/../x.py#inner', read)).toContain(`${FENCE}py x.py#inner\n`)
})

test('the path is read as it is written', () => {
  const paths: string[] = []
  expandSnippets('<<< @/../demo_server/x.py#inner py', (path) => {
    paths.push(path)
    return SOURCE
  })
  expect(paths).toEqual(['@/../demo_server/x.py'])
})

test('an import in a code block is text', () => {
  const slide = `${FENCE}md\n<<< ./x.py#inner\n${FENCE}`
  expect(expandSnippets(slide, read)).toBe(slide)
})

test('the steps of magic-move may be imports, and what follows it too', () => {
  const slide = `${FENCE}\`md magic-move\n<<< ./x.py#inner py\n${FENCE}py\n<<< text\n${FENCE}\n${FENCE}\`\n\n<<< ./x.py#inner py`
  expect(expandSnippets(slide, read).match(/self\.model = load\(\)/g)).toHaveLength(2)
  expect(expandSnippets(slide, read)).toContain('<<< text')
})

test('importing a whole file is refused', () => {
  expect(() => expandSnippets('<<< @/../x.py py', read)).toThrow('name a region: @/../x.py#region')
})

test('a line that looks like an import and is none is refused', () => {
  expect(() => expandSnippets('<<< @/../x.py#a b c d', read)).toThrow('is not a snippet import')
})
