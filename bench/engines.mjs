// The engines that a run of `embed` may have, and how long a presenter may wait with each.

/** Seconds from a press to the first row, and from `npm start` to that of a run started at once. */
const BARS = {
  openvino: { row: { median: 1, worst: 1.5 }, cold: 10 },
  'sentence-transformers': { row: { median: 2.5, worst: 4 }, cold: 15 },
}

/** What the server says of `embed`; undefined while it knows nothing. */
export async function experiment(url) {
  const all = await (await fetch(`${url}/api/experiments`)).json()
  return all.find(({ name }) => name === 'embed')
}

/**
 * Each engine once, in the fastest precision that was measured here.
 * @param {{rates: Record<string, number>}} embed
 * @param {string | undefined} only names with commas between them; all where it is undefined
 */
export function enginesOf({ rates }, only = asked()) {
  const wanted = only?.split(',') ?? Object.keys(BARS)
  const measured = Object.entries(rates).map(([pair, rate]) => ({ ...pairOf(pair), rate }))
  return wanted.map((name) => {
    if (!BARS[name]) throw new Error(`--engine wants ${Object.keys(BARS).join(' or ')}, not "${name}"`)
    const [fastest] = measured.filter((one) => one.name === name).sort((a, b) => b.rate - a.rate)
    if (!fastest) {
      if (only) throw new Error(`engine ${name} is not on this machine`)
      return null
    }
    return { name, precision: fastest.precision, ...BARS[name] }
  }).filter(Boolean)
}

function pairOf(pair) {
  const [name, precision] = pair.split(' ')
  return { name, precision }
}

function asked() {
  const at = process.argv.indexOf('--engine')
  return at < 0 ? undefined : process.argv[at + 1]
}
