import { aplomb, type Middleware } from 'aplomb'
import {
  exact,
  inEpochSeconds,
  inFields,
  inSeconds,
  leastMs,
  type LimitedApi,
  openApi,
  weightOf,
} from './limited-api.ts'
import { fixedWindow, type Reset, slidingCounter, slidingLog, tokenBucket } from './rate-limits.ts'
import { across, drive, type Fetch, generator, onClock, ORIGIN } from './simulate.ts'

/** What is to be reached: share of the physical limit, at most so many requests per answer. */
interface LimitBar {
  readonly share?: number | undefined
  readonly sent?: number | undefined
}

/** A way for an API to be limited, and the calls that are thrown in at once. */
export interface LimitMode extends LimitBar {
  readonly name: string
  readonly api: LimitedApi
  /** Of all clients together. @default 400 */
  readonly calls?: number | undefined
  readonly clients?: number | undefined
  /** Units of a call, from `random`. @default 1 */
  readonly weight?: ((random: () => number) => number) | undefined
  /** Whether clients know it. @default false */
  readonly weightsKnown?: boolean | undefined
}

export interface LimitOutcome {
  readonly answered: number
  readonly sent: number
  readonly sentPerAnswer: number
  readonly wallMs: number
  readonly share: number
  /** Jain's index over what each client had when half of all calls were answered: 1 if all had the same. */
  readonly jain: number
  /** Who sent again, and for what kind of refusal, how often. */
  readonly retries: Readonly<Record<string, number>>
}

const NETWORK_MS = [0.5, 2] as const
/** What the first burst of a call may take for granted: connections are open. */
export const WARM_UP = 20
/** How long a fleet takes to hear of the last of them, in milliseconds. */
export const PAUSE_MS = 20

const one = (): number => 40
const MIXED = [10, 40, 120] as const
const mixed = (random: () => number): number => MIXED[Math.floor(random() * MIXED.length)] ?? 0
const between =
  (least: number, most: number) =>
  (random: () => number): number =>
    least + random() * (most - least)
/** One answer in ten takes twenty times as long. */
const tailed = (random: () => number): number => (random() < 0.1 ? 400 : 20)

const RESETS: readonly Reset[] = ['full', 'next', 'end']
const BURSTS = [10, 20, 50] as const
const ALONE: LimitBar = { share: 0.95, sent: 1.02 }

const buckets = BURSTS.flatMap((burst) =>
  RESETS.flatMap((reset) => {
    const limits = [tokenBucket(50, burst, reset)]
    return [
      { name: `bucket 50/s x ${burst}, ${reset}, in seconds`, announce: inSeconds },
      { name: `bucket 50/s x ${burst}, ${reset}, exact`, announce: exact() },
    ].map(({ name, announce }) => ({ name, api: { limits, announce, latencyMs: mixed }, ...ALONE }))
  }),
)

const steadyBuckets = RESETS.map((reset) => ({
  name: `bucket 50/s x 20, ${reset}, in seconds, one latency`,
  api: { limits: [tokenBucket(50, 20, reset)], announce: inSeconds, latencyMs: one },
  ...ALONE,
}))

const sliding = (
  [
    ['counter 40 per 1 s', slidingCounter(40, 1000)],
    ['counter 100 per 10 s', slidingCounter(100, 10_000)],
    ['log 40 per 1 s', slidingLog(40, 1000)],
    ['log 100 per 10 s', slidingLog(100, 10_000)],
  ] as const
).flatMap(([name, limit]) => [
  {
    name: `sliding ${name}, one latency`,
    api: { limits: [limit], announce: inFields, latencyMs: one },
    share: 0.93,
    sent: 1.05,
  },
  { name: `sliding ${name}`, api: { limits: [limit], announce: inFields, latencyMs: mixed }, share: 0.82, sent: 1.1 },
])

const windows: readonly LimitMode[] = [
  {
    name: 'epoch seconds, 150 per 5 s',
    api: { limits: [fixedWindow(150, 5000, 1700)], announce: inEpochSeconds, latencyMs: mixed },
    ...ALONE,
  },
  {
    name: 'epoch seconds, 40 per 1 s from the first call',
    api: { limits: [fixedWindow(40, 1000)], announce: inEpochSeconds, latencyMs: mixed },
    share: 0.78,
  },
  {
    name: '50/s and 200 per 5 s',
    api: { limits: [fixedWindow(50, 1000), fixedWindow(200, 5000)], announce: inFields, latencyMs: mixed },
    share: 0.97,
    sent: 1.02,
  },
  {
    name: '50/s and 200 per 5 s, one latency',
    api: { limits: [fixedWindow(50, 1000), fixedWindow(200, 5000)], announce: inFields, latencyMs: one },
    share: 0.97,
    sent: 1.02,
  },
]

const upTo20 = (random: () => number): number => 1 + Math.floor(random() * 20)
const TOKENS: LimitedApi = { limits: [tokenBucket(700, 350)], announce: exact('tokens'), latencyMs: mixed }
const SILENT_BUCKET: LimitedApi = { limits: [tokenBucket(50, 20)], latencyMs: mixed }
const SILENT_LOG: LimitedApi = { limits: [slidingLog(40, 1000)], latencyMs: mixed }

/** Announced limits beyond fixed windows, and silent ones: what the table has. */
export const LIMIT_MODES: readonly LimitMode[] = [
  ...buckets,
  ...steadyBuckets,
  {
    name: 'bucket 50/s x 20, full, in seconds, slow tail',
    api: { limits: [tokenBucket(50, 20)], announce: inSeconds, latencyMs: tailed },
  },
  ...sliding,
  ...windows,
  { name: 'tokens 700/s x 350, weights unknown', api: TOKENS, weight: upTo20, share: 0.88, sent: 1.2 },
  {
    name: 'tokens 700/s x 350, weights unknown, one latency',
    api: { ...TOKENS, latencyMs: one },
    weight: upTo20,
    share: 0.88,
    sent: 1.2,
  },
  {
    name: 'tokens 700/s x 350, weights known',
    api: TOKENS,
    weight: upTo20,
    weightsKnown: true,
    share: 0.95,
    sent: 1.03,
  },
  {
    name: 'tokens 700/s x 350, weights known, one latency',
    api: { ...TOKENS, latencyMs: one },
    weight: upTo20,
    weightsKnown: true,
    share: 0.95,
    sent: 1.03,
  },
  {
    name: 'moving ceiling 10, 3, 15, silent',
    api: { limits: [], ceiling: { eachMs: 2000, most: [10, 3, 15] }, latencyMs: between(160, 240) },
    share: 0.88,
    sent: 1.1,
  },
  { name: 'bucket 50/s x 20, silent', api: SILENT_BUCKET, share: 0.95, sent: 1.15 },
  { name: 'bucket 50/s x 20, silent, 4000 calls', api: SILENT_BUCKET, calls: 4000, share: 0.98, sent: 1.05 },
  {
    name: 'bucket 10/s x 5, silent',
    api: { limits: [tokenBucket(10, 5)], latencyMs: mixed },
    share: 0.95,
    sent: 1.15,
  },
  { name: 'sliding log 40 per 1 s, silent', api: SILENT_LOG, share: 0.74, sent: 1.2 },
  { name: 'sliding log 40 per 1 s, silent, 1600 calls', api: SILENT_LOG, calls: 1600, share: 0.86, sent: 1.1 },
  {
    name: '8 clients: bucket 50/s x 50, next, in seconds',
    api: { limits: [tokenBucket(50, 50, 'next')], announce: inSeconds, latencyMs: mixed },
    clients: 8,
  },
  {
    name: '8 clients: bucket 50/s x 20, full, in seconds',
    api: { limits: [tokenBucket(50, 20)], announce: inSeconds, latencyMs: mixed },
    clients: 8,
  },
  {
    name: '8 clients: sliding counter 40 per 1 s',
    api: { limits: [slidingCounter(40, 1000)], announce: inFields, latencyMs: mixed },
    clients: 8,
  },
  {
    name: '8 clients: sliding log 40 per 1 s',
    api: { limits: [slidingLog(40, 1000)], announce: inFields, latencyMs: mixed },
    clients: 8,
  },
  { name: '8 clients: tokens 700/s x 350', api: TOKENS, weight: upTo20, clients: 8, share: 0.85, sent: 1.6 },
  { name: '8 clients: bucket 50/s x 20, silent', api: SILENT_BUCKET, clients: 8, share: 0.72, sent: 1.6 },
]

export const jain = (amounts: readonly number[]): number => {
  const sum = amounts.reduce((all, amount) => all + amount, 0)
  return sum ** 2 / (amounts.length * amounts.reduce((all, amount) => all + amount ** 2, 0))
}

/** Real clients against a simulated API, the same for the same seed. Each has a store, if `newStore` makes one. */
export const runLimitMode = async (
  mode: LimitMode,
  seed: number,
  newStore?: () => Middleware,
): Promise<LimitOutcome> => {
  const { api, calls = 400, clients = 1, weight = () => 1, weightsKnown = false } = mode
  return onClock(seed, async (clock) => {
    // Not that of jitter and network.
    const random = generator(~seed)
    const weights = Array.from({ length: calls }, () => weight(random))
    const running = openApi(api, random)
    const retries: Record<string, number> = {}
    const inner = across((input) => {
      if (!String(input instanceof Request ? input.url : input).includes('/warm')) return running.fetch(input)
      return Promise.resolve(new Response('{}'))
    }, NETWORK_MS)
    const fetchers: readonly Fetch[] = Array.from({ length: clients }, () =>
      aplomb({
        fetch: inner,
        store: newStore?.(),
        weight: weightsKnown ? weightOf : undefined,
        onEvent: (event) => {
          if (event.type !== 'retry') return
          const what = `${event.by}, ${event.reason.split(':')[0]}`
          retries[what] = (retries[what] ?? 0) + 1
        },
      }),
    )
    const ahead = fetchers.flatMap((fetch) => Array.from({ length: WARM_UP }, () => fetch(`${ORIGIN}/warm/0`)))
    await drive(clock, Promise.all(ahead))
    // The last word of them is still on its way to the others.
    if (newStore) await clock.tickAsync(PAUSE_MS)

    const startedAt = performance.now()
    let lastAt = startedAt
    let answered = 0
    const had = fetchers.map(() => 0)
    let fairness = 1
    const jobs = weights.map(async (units, i) => {
      const client = i % clients
      const response = await (fetchers[client] as Fetch)(`${ORIGIN}/call/${units}`).catch(() => undefined)
      await response?.arrayBuffer()
      lastAt = performance.now()
      if (!response?.ok) return
      had[client] = (had[client] ?? 0) + 1
      if (++answered === Math.ceil(calls / 2)) fairness = jain(had)
    })
    await drive(clock, Promise.all(jobs))

    const wallMs = lastAt - startedAt
    return {
      answered,
      sent: running.requests(),
      sentPerAnswer: running.requests() / Math.max(1, answered),
      wallMs,
      share: leastMs(api, weights, generator(~seed ^ 1)) / wallMs,
      jain: fairness,
      retries,
    }
  })
}
