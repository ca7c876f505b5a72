import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeFindings, pythonFindings, readAccepted, sort } from '../setup/audit.mjs'

const finding = { package: 'idna', version: '3.4', ids: ['PYSEC-2024-60', 'CVE-2024-3651'], fix: 'fixed in 3.7' }
const acceptance = { id: 'CVE-2024-3651', package: 'idna', why: 'only our own host names are encoded', until: '2027-01-31' }

test('an advisory is accepted by any of its names until its day is over, for its package alone', () => {
  assert.deepEqual(sort([finding], [], '2027-01-31').open, [finding])
  assert.deepEqual(sort([finding], [acceptance], '2027-01-31'), { open: [], covered: [{ finding, acceptance }], unused: [] })
  assert.deepEqual(sort([finding], [acceptance], '2027-02-01').open, [finding])
  assert.deepEqual(sort([finding], [{ ...acceptance, package: 'httpx' }], '2027-01-31').open, [finding])
})

test('an acceptance without a finding is reported as no longer needed', () => {
  assert.deepEqual(sort([], [acceptance], '2027-01-31').unused, [acceptance])
})

test('an acceptance without a reason or a last day is refused', () => {
  assert.deepEqual(readAccepted(JSON.stringify([acceptance])), [acceptance])
  assert.throws(() => readAccepted(JSON.stringify([{ ...acceptance, why: '' }])), /Entry 1 .*"why"/)
  assert.throws(() => readAccepted(JSON.stringify([{ ...acceptance, until: 'soon' }])), /CVE-2024-3651 .*YYYY-MM-DD/)
})

test("pip-audit's findings carry every name of the advisory and its fix", () => {
  const vulns = [{ id: 'PYSEC-2024-60', aliases: ['CVE-2024-3651'], fix_versions: ['3.7'], description: '' }]
  const report = { dependencies: [{ name: 'idna', version: '3.4', vulns }, { name: 'rich', version: '15.0.0', vulns: [] }], fixes: [] }
  assert.deepEqual(pythonFindings(JSON.stringify(report)), [finding])
})

test('a package that pip-audit could not look up fails the audit', () => {
  const report = { dependencies: [{ name: 'rich', version: '15.0.0', vulns: [] }, { name: 'idna', skip_reason: 'not found on PyPI' }] }
  assert.throws(() => pythonFindings(JSON.stringify(report)), /1 of 2 packages .*not found on PyPI/)
})

test("npm's findings name each advisory once, at the package that has it", () => {
  const advisory = { source: 1, name: 'braces', title: 't', url: 'https://github.com/advisories/GHSA-grv7-fg5c-xmjg', severity: 'high', range: '<3.0.3' }
  const vulnerabilities = {
    braces: { name: 'braces', via: [advisory, advisory], fixAvailable: true },
    micromatch: { name: 'micromatch', via: ['braces'], fixAvailable: true },
  }
  const expected = [{ package: 'braces', version: '<3.0.3', ids: ['GHSA-grv7-fg5c-xmjg'], fix: 'a fix is available' }]
  assert.deepEqual(nodeFindings(JSON.stringify({ vulnerabilities })), expected)
})

test('a registry that answers no audit fails it with its reason', () => {
  assert.throws(() => nodeFindings(JSON.stringify({ message: '405 Method Not Allowed' })), /405 Method Not Allowed/)
})
