import { isDeepStrictEqual, parseArgs } from 'node:util'
import Table from 'cli-table3'
import { changes } from './changes.ts'
import { byRow, jobsOf, runJobs } from './pool.ts'
import { ROWS } from './rows.ts'
import { RULES } from './rules.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    rule: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(
    'Switches one rule off at a time: what changes by more than seeds differ?\n\n  --seeds N    seeds per row, at most (5)\n  --only TEXT  rows with this in their name, such as mode:, kind: or harm:\n  --rule TEXT  rules with this in their name',
  )
  process.exit(0)
}

const rows = ROWS.filter(({ name }) => !name.startsWith('beside:') && name.includes(values.only))
const rules = RULES.filter(({ name }) => name.includes(values.rule))
const jobs = jobsOf(rows, Number(values.seeds))

const text = (value: number): string =>
  Number.isFinite(value) ? String(Math.round(value * 1e3) / 1e3) : value === Infinity ? 'never' : '–'

const table = new Table({
  head: ['without', 'differ', 'row', 'figure', 'median', '', 'seed', 'that changes most', ''],
  style: { head: [], border: [], compact: true },
})
process.stderr.write(`${jobs.length} simulations with all rules\n`)
const all = await runJobs(jobs)
for (const rule of rules) {
  process.stderr.write(`without ${rule.name}\n`)
  const without = await runJobs(jobs, rule)
  const differ = without.filter((figures, index) => !isDeepStrictEqual(figures, all[index])).length
  const found = changes(byRow(jobs, all), byRow(jobs, without))
  if (found.length === 0) table.push([rule.name, differ, 'none by more than seeds differ', '', '', '', '', '', ''])
  for (const [index, one] of found.entries()) {
    table.push([
      ...(index === 0 ? [rule.name, differ] : ['', '']),
      one.row,
      one.figure,
      text(one.before),
      `→ ${text(one.after)}`,
      one.seed,
      text(one.seedBefore),
      `→ ${text(one.seedAfter)}`,
    ])
  }
}
console.log(table.toString())
