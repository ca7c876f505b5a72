// `npm run audit`: the locked packages, of Python and of Node, against the published advisories.
// pip-audit and npm ask the registries; .github/accepted-advisories.json lists what is accepted.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from './failure.mjs'
import { ROOT } from './paths.mjs'
import { run } from './processes.mjs'
import { torchVersion } from './torch.mjs'

const ACCEPTED = '.github/accepted-advisories.json'

/** @typedef {{package: string, version: string, ids: string[], fix: string}} Finding */
/** @typedef {{id: string, package: string, why: string, until: string}} Acceptance `until`: a day, YYYY-MM-DD */

export async function main() {
  const accepted = readAccepted(readFileSync(join(ROOT, ACCEPTED), 'utf8'))
  const findings = [...(await auditPython()), ...(await auditNode())]
  const { open, covered, unused } = sort(findings, accepted, new Date().toISOString().slice(0, 10))
  for (const { finding, acceptance } of covered) console.log(`accepted until ${acceptance.until}: ${describe(finding)}; ${acceptance.why}`)
  for (const { id, package: name } of unused) console.log(`no longer needed in ${ACCEPTED}: ${id} (${name})`)
  for (const finding of open) console.log(`✗ ${describe(finding)}`)
  if (open.length) {
    throw new Failure(`${open.length} advisories are open: raise the packages (npm run lock -- --upgrade PACKAGE, npm update PACKAGE), or accept them with a reason in ${ACCEPTED}.`)
  }
  console.log('No advisory is open.')
}

/**
 * @returns {Acceptance[]}
 * @throws {Failure} naming the first entry that lacks a field
 */
export function readAccepted(text) {
  const entries = JSON.parse(text)
  for (const [index, entry] of entries.entries()) {
    const lacking = ['id', 'package', 'why', 'until'].find((field) => typeof entry[field] !== 'string' || !entry[field])
    if (lacking) throw new Failure(`Entry ${index + 1} of ${ACCEPTED} has no "${lacking}": add it.`)
    if (!/^\d{4}-\d\d-\d\d$/.test(entry.until)) throw new Failure(`"until" of ${entry.id} in ${ACCEPTED} is ${entry.until}: write it as YYYY-MM-DD.`)
  }
  return entries
}

/**
 * Findings that nobody accepts, those that are accepted today, and acceptances without a finding.
 * @param {Finding[]} findings
 * @param {Acceptance[]} accepted
 * @param {string} today
 */
export function sort(findings, accepted, today) {
  const matches = (finding, acceptance) => finding.package === acceptance.package && finding.ids.includes(acceptance.id)
  const pairs = findings.map((finding) => ({ finding, acceptance: accepted.find((entry) => matches(finding, entry) && today <= entry.until) }))
  return {
    open: pairs.filter(({ acceptance }) => !acceptance).map(({ finding }) => finding),
    covered: pairs.filter(({ acceptance }) => acceptance),
    unused: accepted.filter((entry) => !findings.some((finding) => matches(finding, entry))),
  }
}

function describe({ package: name, version, ids, fix }) {
  return `${name} ${version}: ${ids.join(', ')} (${fix})`
}

async function auditPython() {
  const directory = mkdtempSync(join(tmpdir(), 'audit-'))
  try {
    const torch = join(directory, 'torch.txt') // no lock names it
    writeFileSync(torch, `torch==${torchVersion()}\n`)
    const locks = ['requirements.lock', 'requirements-dev.lock', torch].flatMap((file) => ['-r', file])
    const output = await answer('pip-audit', ['--no-deps', '--disable-pip', '--format', 'json', '--progress-spinner', 'off', ...locks], {
      absent: 'install it (pipx install pip-audit)',
    })
    return pythonFindings(output)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function auditNode() {
  return nodeFindings(await answer('npm', ['audit', '--package-lock-only', '--json'], { absent: 'install Node with npm' }))
}

/** What a command writes to stdout; both auditors end with 1 where they find something. */
async function answer(command, args, { absent }) {
  const { output } = await run('sh', ['-c', '"$0" "$@" 2>/dev/null', command, ...args], { cwd: ROOT })
  if (!output) throw new Failure(`${command} wrote no report: ${absent}, or run it by hand to read its error.`)
  return output
}

/**
 * The findings in pip-audit's JSON.
 * @returns {Finding[]}
 * @throws {Failure} where packages were left out: what was not looked up is not known to be safe
 */
export function pythonFindings(text) {
  const { dependencies } = JSON.parse(text)
  const skipped = dependencies.filter((dependency) => dependency.skip_reason)
  if (skipped.length) {
    throw new Failure(`pip-audit could not look up ${skipped.length} of ${dependencies.length} packages (the first: ${skipped[0].skip_reason}): run it where pypi.org answers.`)
  }
  return dependencies.flatMap(({ name, version, vulns }) =>
    vulns.map(({ id, aliases, fix_versions: fixes }) => ({ package: name, version, ids: [id, ...aliases], fix: fixes.length ? `fixed in ${fixes.join(', ')}` : 'no fix yet' })),
  )
}

/**
 * The findings in npm's JSON, each advisory once.
 * @returns {Finding[]}
 * @throws {Failure} where the registry gave no audit
 */
export function nodeFindings(text) {
  const report = JSON.parse(text)
  if (!report.vulnerabilities) throw new Failure(`npm audit gave no report (${report.message ?? 'no reason'}): run it where the npm registry answers.`)
  const advisories = Object.values(report.vulnerabilities).flatMap(({ name, via, fixAvailable }) =>
    via
      .filter((cause) => typeof cause === 'object' && cause.name === name) // a string names a dependency with an entry of its own
      .map(({ url, range }) => ({ package: name, version: range, ids: [url.split('/').pop()], fix: fixAvailable ? 'a fix is available' : 'no fix yet' })),
  )
  return [...new Map(advisories.map((finding) => [`${finding.package} ${finding.ids[0]}`, finding])).values()]
}
