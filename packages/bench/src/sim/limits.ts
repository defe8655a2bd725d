import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { drawLimit, LIMIT_DRAWS } from './limit-draws.ts'
import { LIMIT_MODES } from './limit-modes.ts'
import { byRow, jobsOf, runJobs } from './pool.ts'
import { median } from './quantile.ts'
import { DRAWN_ROWS, LIMIT_ROWS } from './rows.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    retries: { type: 'boolean', default: false },
    drawn: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(
    'Simulates rate limits beside the bars of what is to be reached.\n\n  --seeds N    seeds per row (5)\n  --only TEXT  rows with this in their name\n  --retries    who sent again, and why\n  --drawn      limits of the same sorts, with numbers drawn for each seed',
  )
  process.exit(0)
}

const rows = (values.drawn ? DRAWN_ROWS : LIMIT_ROWS).filter(({ name }) => name.includes(values.only))
const jobs = jobsOf(rows.map((row) => ({ ...row, seeds: Number(values.seeds) })))
const results = byRow(jobs, await runJobs(jobs))

const mark = (good: boolean): string => (good ? '' : ' ✗')
const table = new Table({
  head: [
    'limit',
    'share',
    'bar',
    'sent per answer',
    'bar',
    'Jain',
    'lost',
    'spread',
    ...(values.drawn ? ['worst'] : []),
  ],
  style: { head: [], border: [], compact: true },
})
let missed = 0
for (const { name } of rows) {
  const sort = LIMIT_DRAWS.find((one) => `drawn: ${one.name}` === name)
  const mode = sort ? drawLimit(sort, 1) : LIMIT_MODES.find((one) => `limit: ${one.name}` === name)
  const all = results[name] ?? []
  if (mode === undefined) continue
  const of = (figure: string): readonly number[] => all.map((one) => one[figure] ?? NaN)
  const { share: least = 0, sent: most = Infinity, calls = 400, clients = 1 } = mode
  const [share, sent] = [median(of('share')), median(of('sentPerAnswer'))]
  if (share < least || sent > most) missed++
  const worst = 1 + of('share').indexOf(Math.min(...of('share')))
  table.push([
    sort?.name ?? mode.name,
    share.toFixed(3) + mark(share >= least),
    mode.share ?? '–',
    sent.toFixed(3) + mark(sent <= most),
    mode.sent ?? '–',
    clients > 1 ? median(of('jain')).toFixed(2) : '',
    calls - Math.min(...of('answered')) || '',
    `${Math.min(...of('share')).toFixed(2)}-${Math.max(...of('share')).toFixed(2)}`,
    ...(sort ? [`${worst}: ${drawLimit(sort, worst).name}`] : []),
  ])
  if (!values.retries) continue
  const retries = new Set(all.flatMap((one) => Object.keys(one).filter((figure) => figure.startsWith('retry: '))))
  for (const figure of retries) table.push([`  ${figure}`, median(of(figure).map((count) => count || 0))])
}
console.log(table.toString())
console.log(missed === 0 ? 'every bar is reached' : `${missed} of ${rows.length} rows do not reach their bars`)
