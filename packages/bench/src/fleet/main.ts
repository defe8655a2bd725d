import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { CLIENTS, FLEET_CLIENT } from '../goodput/clients.ts'
import { run, toldOf } from '../goodput/run.ts'
import { type Mode, MODES } from '../sim/modes.ts'
import { median } from '../sim/quantile.ts'
import { chaos } from './chaos.ts'
import { canKeep, PEERS } from './peers/limiters.ts'
import { startRedis } from './redis-server.ts'
import { FLEET_ROWS } from './rows.ts'

const HELP = `Eight processes with fifty calls each on one key, with and without a store.

  --seeds N    seeds per row (3)
  --only TEXT  rows with this in their name
  --real       real processes, on a real Redis (REDIS_URL, or one of their own)
  --peers      and the best of the others beside them
  --told       and those that share a Redis, too, but have to be told of the limit
  --chaos N    N calls for each seed at ten at once, while members are killed and stopped`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    real: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    told: { type: 'boolean', default: false },
    chaos: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1)

const newTable = (...head: string[]): InstanceType<typeof Table> =>
  new Table({ head, style: { head: [], border: [], compact: true } })
const two = (value: number): string => value.toFixed(2)
const chosen = <Row extends { readonly name: string }>(rows: readonly Row[]): readonly Row[] => {
  const found = rows.filter(({ name }) => name.includes(values.only))
  if (found.length === 0)
    throw new RangeError(`--only ${values.only}: one of ${rows.map(({ name }) => name).join('; ')}`)
  return found
}

/** The benchmark's, and a silent bucket. */
const REAL: readonly Mode[] = [
  ...MODES.filter(({ processes }) => processes === 8),
  {
    name: 'bucket 50/s x 20, silent, 8 clients',
    scenario: {
      api: { windows: [{ limit: 50, windowMs: 1000, kind: 'bucket', burst: 20 }], headers: false, latencyMs: [30, 70] },
      calls: 50,
      clients: 8,
    },
    share: 0.93,
    sent: 1.1,
    processes: 8,
  },
]

const simulated = async (): Promise<void> => {
  const table = newTable('on the virtual clock', 'alone', 'one fleet', 'to reach', 'turns a call')
  for (const { name, share, sent, run: runRow } of chosen(FLEET_ROWS)) {
    const cells: string[] = []
    let turns = 0
    for (const withStore of [false, true]) {
      const all = []
      for (const seed of seeds) all.push(await runRow(seed, withStore))
      const lost = Math.max(...all.map(({ answered }) => 400 - answered))
      const figures = `${two(median(all.map((one) => one.share)))} (${two(median(all.map((one) => one.sentPerAnswer)))}`
      cells.push(`${figures}${lost > 0 ? `; ${lost} lost` : ''})`)
      turns = median(all.map(({ turnsPerCall }) => turnsPerCall))
    }
    table.push([name, ...cells, `${two(share)} (${two(sent)})`, two(turns)])
  }
  console.log(table.toString())
}

const real = async (): Promise<void> => {
  await using server = await startRedis()
  process.env['REDIS_URL'] = server.url
  const others = [...(values.peers ? CLIENTS.slice(1) : []), ...(values.told ? PEERS : [])]
  const clients = ['aplomb', FLEET_CLIENT, ...others] as const
  const table = newTable('eight processes', ...clients)
  for (const mode of chosen(REAL)) {
    const cells: string[] = []
    for (const client of clients) {
      const peer = PEERS.find((name) => name === client)
      if (peer && !canKeep(peer, toldOf(mode.scenario.api))) {
        cells.push('–')
        continue
      }
      // What warms it up counts for those that are told.
      const scenario = peer ? { ...mode.scenario, warmUp: 1 } : mode.scenario
      const all = []
      for (const seed of seeds) all.push(await run(client, { ...mode, scenario }, seed))
      const share = median(all.map(({ leastMs, wallMs, answered, calls }) => (leastMs / wallMs) * (answered / calls)))
      const sent = median(all.map(({ server: { requests }, answered }) => requests / Math.max(1, answered)))
      const lost = Math.max(...all.map(({ calls, answered }) => calls - answered))
      cells.push(`${two(share)} (${two(sent)}${lost > 0 ? `; ${lost} lost` : ''})`)
    }
    table.push([mode.name, ...cells])
  }
  console.log(table.toString())
}

const chaotic = async (calls: number): Promise<void> => {
  await using server = await startRedis()
  const plan = { redisUrl: server.url, members: 8, ceiling: 10, calls, leaseMs: 3000, latencyMs: 20 }
  const blows = { everyMs: 500, kills: true, stops: true, longestStopMs: 20_000 }
  const table = newTable(
    'seed',
    'answered',
    'failed',
    'at once',
    'over',
    'kills',
    'stops',
    'longest wait, s',
    'took, s',
  )
  for (const seed of seeds) {
    const outcome = await chaos({ ...plan, ...blows, namespace: `chaos-${seed}`, seed })
    const { answered, failed, mostInFlight, over, overAt, kills, stops, longestMs, wallMs } = outcome
    for (const what of [...failed, ...overAt]) console.log(`seed ${seed}: ${what}`)
    const seconds = [longestMs, wallMs].map((ms) => two(ms / 1000))
    table.push([seed, answered, failed.length, mostInFlight, over, kills, stops, ...seconds])
  }
  console.log(table.toString())
}

if (values.chaos !== undefined) await chaotic(Number(values.chaos))
else if (values.real) await real()
else await simulated()
process.exit()
