import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { compare } from './compare.ts'

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '9' }, help: { type: 'boolean' } } })
if (values.help) {
  console.log(
    'Compares ky with kyHooks() to aplomb() itself, in the simulator.\n\n  --seeds N  runs of each, whose medians count (9)',
  )
  process.exit(0)
}

/** How much more time and requests ky may need. */
const MOST = 0.05

const percent = (share: number): string => `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`

const rows = await compare(Number(values.seeds))
const table = new Table({ head: ['limits', 'client', 'answered', 'requests', '', 'wall ms', '', 'timers left'] })
for (const one of rows)
  table.push([
    one.limits,
    one.client,
    one.answered,
    one.requests,
    percent(one.moreRequests),
    Math.round(one.wallMs),
    percent(one.moreTime),
    one.timersLeft,
  ])
console.log(table.toString())
if (rows.some(({ moreRequests, moreTime }) => moreRequests > MOST || moreTime > MOST)) {
  console.error(`ky with kyHooks() needs more than ${MOST * 100} % more than aplomb()`)
  process.exitCode = 1
}
