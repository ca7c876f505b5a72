import type { RecordingHeader } from '../protocol/generated'
import { formatCounted, formatDay } from './format'

/** Where a recording comes from: when, on what, and whether from the code that the slides show. */
export interface Origin {
  when: string
  cores: string
  machine: string
  olderCode: boolean
}

export function describeOrigin({ date, machine, code_hash }: RecordingHeader, currentCode: string | undefined): Origin {
  const cores = formatCounted(machine.cpus, 'core')
  return {
    when: formatDay(date),
    cores,
    machine: `${cores}, ${machine.system} ${machine.machine}`,
    olderCode: currentCode !== undefined && code_hash !== currentCode,
  }
}
