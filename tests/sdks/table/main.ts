import { readFileSync, writeFileSync } from 'node:fs'
import { SUBJECTS } from './clients.ts'
import { faultsOf, runAll } from './run.ts'
import { tableOf } from './table.ts'

const PAGE = new URL('../../../docs/sdks.md', import.meta.url)
const BETWEEN = /(?<=<!-- sdk-table: .* -->\n\n)[^]*?(?=\n\n<!-- \/sdk-table -->)/

const pairs = await runAll(SUBJECTS, 4)
const table = tableOf(pairs)
console.log(table)
for (const pair of pairs) {
  for (const fault of faultsOf(pair)) {
    console.error(`${pair.subject.name}, ${pair.fault}: ${fault}`)
    process.exitCode = 1
  }
}
writeFileSync(
  PAGE,
  readFileSync(PAGE, 'utf8').replace(BETWEEN, () => table),
)
