import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { aplomb } from 'aplomb'
import { generator } from '../sim/simulate.ts'
import { call, SECRET, type Targets } from './calls.ts'
import { compare, type Comparison, type Sample, SAMPLES, takeSample } from './sample.ts'

const CALLERS = 24
/** Of load, before all is let go of and counted. */
const ROUND_MS = 8000
/** Into the round, the servers are killed, and so much later there are new ones. */
const KILLED_AFTER_MS = 3000
const DOWN_MS = 700
const TIMEOUT_MS = 4000
/** How late a call may be before it counts as hung; the machine may have more to do. */
const GRACE_MS = 6000
/** What the runtime takes to let its idle connections go, once the server is gone. */
const CLOSING_MS = 5000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    'warm-up': { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
  },
})
const minutes = Number(values.minutes)
const warmUpMs = Number(values['warm-up']) * 60_000
if (!(minutes > 0) || !(warmUpMs >= 0)) throw new RangeError('--minutes and --warm-up take numbers of minutes.')

const random = generator(Number(values.seed))
const problems = new Set<string>()
process.on('warning', ({ message }) => problems.add(`a warning: ${message}`))
process.on('uncaughtException', (error) => problems.add(`uncaught: ${String(error)}`))
process.on('unhandledRejection', (error) => problems.add(`unhandled: ${String(error)}`))

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const [nobodyPort, apiPort, rawPort] = [await freePort(), await freePort(), await freePort()]
const origin = (port: number) => `http://127.0.0.1:${port}`
const targets: Targets = { api: origin(apiPort), raw: origin(rawPort), nobody: origin(nobodyPort) }

let servers = 0
const startServer = async (): Promise<ChildProcess> => {
  const path = fileURLToPath(new URL('server.ts', import.meta.url))
  const child = fork(path, [apiPort, rawPort, ++servers].map(String), { execArgv: [] })
  await once(child, 'message')
  return child
}
const kill = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const keys = new Set<string>()
const forever = new AbortController()
let records = 0
const fetch = aplomb({
  timeoutMs: TIMEOUT_MS,
  key: (request) => {
    const key = new URL(request.url).searchParams.get('key') ?? 'none'
    keys.add(key)
    return key
  },
  backoffJitter: { baseMs: 100, attemptTimeoutMs: 1500 },
  creditMeter: { budget: 1e9 },
  classify: { lookups: '/v1/lookup/:ip' },
  log: {
    sink: (record) => {
      records++
      if (JSON.stringify(record).includes(SECRET)) problems.add(`a secret in a record: ${record.event}`)
    },
  },
})

const counts = { calls: 0, answered: 0, failed: 0, slowestMs: 0 }

const oneCall = async (): Promise<void> => {
  const startedAt = performance.now()
  counts.calls++
  await call({ fetch, targets, random, signal: forever.signal }).then(
    () => counts.answered++,
    () => counts.failed++,
  )
  const took = performance.now() - startedAt
  counts.slowestMs = Math.max(counts.slowestMs, took)
  if (took > TIMEOUT_MS + GRACE_MS) problems.add('a call took longer than its time-out allows')
}

/** Calls one after the other for a while; resolves when the last of them has settled. */
const caller = async (until: number): Promise<void> => {
  while (performance.now() < until) await oneCall()
}

const countedOf = (): number =>
  [...keys].reduce((sum, key) => {
    const { active = 0, queued = 0 } = fetch.stats(key) ?? {}
    return sum + active + queued
  }, 0)

const openSockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

const startedAt = performance.now()
const round = async (): Promise<Sample> => {
  let server = await startServer()
  const callers = Array.from({ length: CALLERS }, () => caller(performance.now() + ROUND_MS))
  await wait(KILLED_AFTER_MS)
  await kill(server)
  await wait(DOWN_MS)
  server = await startServer()
  await Promise.all(callers)
  await kill(server)
  const closedBy = performance.now() + CLOSING_MS
  while (openSockets() > 0 && performance.now() < closedBy) await wait(50)
  return takeSample(performance.now() - startedAt, forever.signal, countedOf())
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`

const REPORT = fileURLToPath(new URL('../../../../.report/soak.json', import.meta.url))

const shown = (figure: Comparison['figure'], value: number) => (figure === 'heapBytes' ? megabytes(value) : `${value}`)

const samples: Sample[] = []
while (performance.now() - startedAt < minutes * 60_000 || samples.length < 2 * SAMPLES) {
  const sample = await round()
  samples.push(sample)
  const { atMs, heapBytes, sockets, timers, listeners, counted } = sample
  console.log(
    `${(atMs / 60_000).toFixed(1).padStart(5)} min  heap ${megabytes(heapBytes)}  sockets ${sockets}  timers ${timers}  listeners ${listeners}  counted ${counted}  calls ${counts.calls}`,
  )
}

console.log(
  `\n${counts.calls} calls, ${counts.answered} answered, ${counts.failed} failed or given up, ${records} records, ${servers} servers; the slowest call took ${(counts.slowestMs / 1000).toFixed(1)} s`,
)
const told = compare(samples, warmUpMs).map(({ figure, before, after, flat }) => {
  const change = `${figure} ${shown(figure, before)} -> ${shown(figure, after)}`
  console.log(`${flat ? '✓' : '✗'} ${change}`)
  if (!flat) problems.add(`has grown: ${change}`)
  return change
})
for (const problem of problems) console.error(`✗ ${problem}`)
console.log(problems.size === 0 ? 'flat' : `${problems.size} problems`)
mkdirSync(dirname(REPORT), { recursive: true })
writeFileSync(
  REPORT,
  JSON.stringify({
    figure: `${minutes} minutes, ${counts.calls} calls: ${told.join(', ')}; ${problems.size} problems`,
  }),
)
process.exitCode = problems.size === 0 ? 0 : 1
