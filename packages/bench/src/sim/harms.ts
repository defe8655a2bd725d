import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { type Bar, breaches } from './harm.ts'
import { median } from './quantile.ts'
import { byRow, jobsOf, runJobs } from './pool.ts'
import { HARM_ROWS } from './rows.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(
    'Simulates what may do harm where a plain fetch would not.\n\n  --seeds N    seeds per row, at most (20)\n  --only TEXT  rows with this in their name',
  )
  process.exit(0)
}

const rows = HARM_ROWS.filter(({ harm }) => harm.name.includes(values.only))
const jobs = jobsOf(
  rows.flatMap(({ own, other }) => [own, other]),
  Number(values.seeds),
)
const results = byRow(jobs, await runJobs(jobs))

const text = (value: number): string => (value === Infinity ? 'never' : String(Math.round(value)))
const barText = ({ most, times }: Bar = {}): string =>
  [most !== undefined && text(most), times !== undefined && `${times} x`].filter(Boolean).join(', ') || '–'

const table = new Table({
  head: ['', 'figure', 'beside', 'aplomb', 'worst', 'at most', 'above it'],
  style: { head: [], border: [], compact: true },
})
let broken = 0
for (const { harm, ...row } of rows) {
  const own = results[row.own.name] ?? []
  const other = results[row.other.name] ?? []
  for (const [index, figure] of Object.keys(own[0] ?? {}).entries()) {
    const [ours = [], theirs = []] = [own, other].map((all) => all.map((one) => one[figure] ?? NaN))
    const above = breaches(harm, figure, own, other)
    if (above.length > 0) broken++
    table.push([
      index === 0
        ? harm.name
        : index === 1
          ? `  beside: ${harm.beside}, ${own.length} ${own.length === 1 ? 'seed' : 'seeds'}`
          : '',
      figure,
      text(median(theirs)),
      text(median(ours)),
      text(Math.max(...ours)),
      barText(harm.bars[figure]),
      harm.bars[figure] === undefined ? '' : above.length === 0 ? 'none' : `${above.length} of ${own.length} ✗`,
    ])
  }
}
console.log(table.toString())
console.log('Medians of all seeds, and the worst. never: not within ten minutes, an hour where it is refused for ever.')
console.log(broken === 0 ? 'every bar holds' : `${broken} bars are broken`)
if (broken > 0) process.exitCode = 1
