import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { Redis } from 'ioredis'
import { start } from '../../goodput/start.ts'
import { median } from '../../sim/quantile.ts'
import { startRedis } from '../redis-server.ts'
import { PEERS } from './limiters.ts'
import { APLOMB, type Load, type RowTask, type WakeUp } from './tasks.ts'

const HELP = `What a call costs that asks a Redis first: aplomb as one fleet, and its peers, side by side.

  --calls N    calls per row (4000)
  --runs N     runs per row, of which the median counts (3)
  --only TEXT  limiters with this in their name`

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '4000' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}

const MEMBERS = [1, 8, 64]
/** Ceilings: uncontended, above the number of calls in flight; contended, below it, with jobs of this many milliseconds. */
const ENOUGH = 1000
const FEW = 10
const JOB_MS = 5
const WAKE_UPS = 400

const short = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2))
const runs = Array.from({ length: Number(values.runs) }, (_, i) => i)
const calls = Number(values.calls)

await using server = await startRedis()
const { url } = server

const measure = async <T>(task: Omit<RowTask, 'url'>): Promise<readonly T[]> => {
  const all: T[] = []
  for (const _ of runs) {
    await using row = start(new URL('./row.ts', import.meta.url))
    row.send({ ...task, url } satisfies RowTask)
    all.push((await row.next()) as T)
  }
  return all
}

const pingMs = async (): Promise<number> => {
  const client = new Redis(url)
  const times: number[] = []
  for (let i = 0; i < 200; i++) {
    const at = performance.now()
    await client.ping()
    times.push(performance.now() - at)
  }
  client.disconnect()
  return median(times)
}

const head = (of: string): string[] => [...MEMBERS.map((count) => `${count} ${of}`), 'trips']
const table = new Table({
  head: [
    'calls a second, of members',
    ...head('free'),
    ...head(`for ${FEW} places`),
    'wake-up p50',
    'p99, ms',
    'of a trip',
  ],
  style: { head: [], border: [], compact: true },
})
const LOADS = [
  { atOnce: ENOUGH, jobMs: 0, calls },
  { atOnce: FEW, jobMs: JOB_MS, calls: calls / 2 },
]
for (const which of [APLOMB, ...PEERS] as const) {
  if (!which.includes(values.only)) continue
  const knowsPlaces = which !== 'rate-limiter-flexible'
  const cells: string[] = []
  for (const its of LOADS) {
    const isTold = knowsPlaces || its.atOnce === ENOUGH
    let trips = '–'
    for (const members of MEMBERS) {
      const all = isTold ? await measure<Load>({ which, members, ...its, what: 'load' }) : []
      cells.push(isTold ? short(median(all.map(({ perSecond }) => perSecond))) : '–')
      if (isTold && members === 8) trips = short(median(all.map(({ roundTripsPerCall }) => roundTripsPerCall)))
    }
    cells.push(trips)
  }
  const wakeUp = { which, members: 3, atOnce: 1, jobMs: JOB_MS, calls: WAKE_UPS, what: 'wake-up' } as const
  const woken = knowsPlaces ? await measure<WakeUp>(wakeUp) : []
  for (const figure of ['median', 'p99', 'tripP99'] as const)
    cells.push(knowsPlaces ? short(median(woken.map((one) => one[figure]))) : '–')
  table.push([which, ...cells])
}
console.log(table.toString())
console.log(
  `At most ${(FEW * 1000) / JOB_MS} a second for ${FEW} places; trips to Redis for each call are those of eight members. A round trip takes ${short(await pingMs())} ms.`,
)
process.exit()
