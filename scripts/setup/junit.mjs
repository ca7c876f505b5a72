// The JUnit reports that all four test runners can write.

import { existsSync, readFileSync } from 'node:fs'

const CASE = /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g

/**
 * @returns {{passed: number, failed: string[], skipped: number, tests: {name: string, seconds: number}[]} | null}
 *   null where there is no report
 */
export function readReport(file) {
  if (!existsSync(file)) return null
  const report = { passed: 0, failed: [], skipped: 0, tests: [] }
  for (const [, attributes, body = ''] of readFileSync(file, 'utf8').matchAll(CASE)) {
    const name = nameOf(attributes)
    report.tests.push({ name, seconds: Number(attribute(attributes, 'time') || 0) })
    if (/<(failure|error)\b/.test(body)) report.failed.push(name)
    else if (/<skipped\b/.test(body)) report.skipped += 1
    else report.passed += 1
  }
  return report
}

/** The tests that took longest, of `outcomes` named by their step, slowest first. */
export function slowest(outcomes, count) {
  const tests = outcomes.flatMap(({ name: step, tests }) => tests.map((test) => ({ step, ...test })))
  return tests.sort((a, b) => b.seconds - a.seconds).slice(0, count)
}

function nameOf(attributes) {
  const text = [attribute(attributes, 'classname'), attribute(attributes, 'name')].filter((part) => part && part !== 'test').join(': ')
  const entities = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => entities[name])
}

function attribute(attributes, name) {
  return attributes.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? ''
}
