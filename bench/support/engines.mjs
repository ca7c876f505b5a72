// The engines that a run of `embed` may have, and how long a presenter may wait with each.

/** Seconds from a press to the first row, and from `npm start` to that of a run started at once. */
const BARS = {
  openvino: { row: { median: 1, worst: 1.5 }, cold: 10 },
  torch: { row: { median: 2.5, worst: 4 }, cold: 15 },
  text: { row: { median: 2.5, worst: 4 }, cold: 15 },
}

/** What the server says of `embed`; undefined while it knows nothing. */
export async function experiment(url) {
  const all = await (await fetch(`${url}/api/experiments`)).json()
  return all.find(({ name }) => name === 'embed')
}

/**
 * Each kind of engine once, the fastest that was measured here.
 * @param {{rates: Record<string, number>}} embed
 * @param {string | undefined} only kinds with commas between them; all where it is undefined
 */
export function enginesOf({ rates }, only = asked()) {
  const wanted = only?.split(',') ?? Object.keys(BARS)
  return wanted.map((kind) => {
    if (!BARS[kind]) throw new Error(`--engine wants ${Object.keys(BARS).join(' or ')}, not "${kind}"`)
    const [fastest] = Object.entries(rates).filter(([name]) => name.toLowerCase().startsWith(kind)).sort(([, a], [, b]) => b - a)
    if (!fastest) {
      if (only) throw new Error(`engine ${kind} is not on this machine`)
      return null
    }
    return { name: fastest[0], ...BARS[kind] }
  }).filter(Boolean)
}

function asked() {
  const at = process.argv.indexOf('--engine')
  return at < 0 ? undefined : process.argv[at + 1]
}
