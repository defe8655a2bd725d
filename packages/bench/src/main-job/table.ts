import Table from 'cli-table3'
import { styleText } from 'node:util'
import { rowsOf } from './figures.ts'
import type { Result } from './run.ts'

/** The figures side by side, for a terminal. */
export const renderTable = (results: readonly Result[]): string => {
  const table = new Table({
    head: ['', ...results.map(({ client }) => styleText('bold', client))],
    colAligns: ['left', ...results.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  })
  for (const { label, cells } of rowsOf(results)) table.push([label, ...cells])
  return table.toString()
}
