// What came of one form of a mistake, as a slide shows it.
import type { OutcomeData } from '../protocol/generated'
import { formatCounted } from './format'

/** The exception's class, or how many rows came out. */
export function headlineOf({ exception, rows_out, rows_in }: OutcomeData): string {
  return exception ?? `${rows_out ?? 0} of ${rows_in} rows`
}

/** What else was counted, in a line. */
export function countedOf({ rows_in, rows_out, processes }: OutcomeData): string {
  const lost = rows_in - (rows_out ?? rows_in)
  return [
    lost > 0 ? `${formatCounted(lost, 'row is', 'rows are')} missing` : '',
    processes == null ? '' : `${formatCounted(processes, 'process', 'processes')} did the work`,
  ].filter(Boolean).join(', ')
}
