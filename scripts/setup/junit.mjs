// Counting tests in the JUnit reports that all four test runners can write.

import { existsSync, readFileSync } from 'node:fs'

const CASE = /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g

/**
 * @returns {{passed: number, failed: string[], skipped: number} | null} null where there is no report
 */
export function readReport(file) {
  if (!existsSync(file)) return null
  const counts = { passed: 0, failed: [], skipped: 0 }
  for (const [, attributes, body = ''] of readFileSync(file, 'utf8').matchAll(CASE)) {
    if (/<(failure|error)\b/.test(body)) counts.failed.push(nameOf(attributes))
    else if (/<skipped\b/.test(body)) counts.skipped += 1
    else counts.passed += 1
  }
  return counts
}

function nameOf(attributes) {
  const attribute = (name) => attributes.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? ''
  const text = [attribute('classname'), attribute('name')].filter((part) => part && part !== 'test').join(': ')
  const entities = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => entities[name])
}
