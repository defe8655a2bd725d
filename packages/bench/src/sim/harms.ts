import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { type Bar, breaches, HARMS } from './harm.ts'
import { median } from './median.ts'
import { type Job, runJobs } from './pool.ts'
import { besideRow, type Figures, harmRow } from './rows.ts'

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

const harms = HARMS.filter(({ name }) => name.includes(values.only)).map((harm) => ({
  ...harm,
  seeds: Math.min(harm.seeds, Number(values.seeds)),
}))
const jobsOf = (row: string, seeds: number): readonly Job[] =>
  Array.from({ length: seeds }, (_, index) => ({ row, seed: index + 1 }))
const jobs = harms.flatMap(({ name, seeds }) => [...jobsOf(harmRow(name), seeds), ...jobsOf(besideRow(name), seeds)])
const results = await runJobs(jobs)
const of = (row: string): readonly Figures[] => results.filter((_, index) => jobs[index]?.row === row)

const text = (value: number): string => (value === Infinity ? 'never' : String(Math.round(value)))
const barText = ({ most, times }: Bar = {}): string =>
  [most !== undefined && text(most), times !== undefined && `${times} x`].filter(Boolean).join(', ') || '–'

const table = new Table({
  head: ['', 'figure', 'beside', 'aplomb', 'worst', 'at most', 'above it'],
  style: { head: [], border: [], compact: true },
})
let broken = 0
for (const harm of harms) {
  const own = of(harmRow(harm.name))
  const other = of(besideRow(harm.name))
  for (const [index, figure] of Object.keys(own[0] ?? {}).entries()) {
    const [ours = [], theirs = []] = [own, other].map((all) => all.map((one) => one[figure] ?? NaN))
    const above = breaches(harm, figure, own, other)
    if (above.length > 0) broken++
    table.push([
      index === 0
        ? harm.name
        : index === 1
          ? `  beside: ${harm.beside}, ${harm.seeds} ${harm.seeds === 1 ? 'seed' : 'seeds'}`
          : '',
      figure,
      text(median(theirs)),
      text(median(ours)),
      text(Math.max(...ours)),
      barText(harm.bars[figure]),
      harm.bars[figure] === undefined ? '' : above.length === 0 ? 'none' : `${above.length} of ${harm.seeds} ✗`,
    ])
  }
}
console.log(table.toString())
console.log('Medians of all seeds, and the worst. never: not within ten minutes, an hour where it is refused for ever.')
console.log(broken === 0 ? 'every bar holds' : `${broken} bars are broken`)
if (broken > 0) process.exitCode = 1
