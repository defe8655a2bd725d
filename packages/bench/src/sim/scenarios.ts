import { type DialectName, leastTimeMs, type MockApiOptions, type OutageOptions } from '@aplomb/mock-api'
import type { AplombOptions } from 'aplomb'
import fc from 'fast-check'
import type { Scenario } from './simulate.ts'

/** Shares of the calls that are more than a GET whose caller waits. */
interface Habits {
  readonly aborts: number
  readonly posts: number
  readonly streams: number
}

/** An API drawn by chance, and what is asked of it. */
export interface Case {
  readonly scenario: Scenario
  readonly options: Pick<AplombOptions, 'timeoutMs' | 'concurrencyGate'>
  readonly habits: Habits
}

/** Cases of one sort. */
export interface Kind {
  readonly name: string
  readonly cases: fc.Arbitrary<Case>
  /** What may be sent for each answer, beyond what finding out costs. None where calls break on purpose. */
  readonly sent?: number | undefined
  /** Whether, once its outage is over, no 100 ms may have more than twice the mean load. */
  readonly even?: true | undefined
}

/** From `least` to `most`, each order of magnitude as likely as the next. */
const log = (least: number, most: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 1000 }).map((n) => least * (most / least) ** (n / 1000))
export const whole = (least: number, most: number): fc.Arbitrary<number> => log(least, most).map(Math.round)
export const among: typeof fc.constantFrom = fc.constantFrom
export const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined })

const LIMIT = whole(1, 1000)
const WINDOW_MS = whole(100, 60_000)
const SERVICE_MS = fc
  .tuple(log(1, 10_000), fc.integer({ min: 0, max: 80 }))
  .map(([ms, spread]) => [ms * (1 - spread / 100), ms * (1 + spread / 100)] as const)
const DIALECT = among<DialectName>(
  ...(['ietf', 'draft-7', 'draft-6', 'x-ratelimit', 'x-ratelimit-ms', 'x-ratelimit-delta', 'okta'] as const),
  ...(['gitlab', 'github', 'openai', 'anthropic', 'discord', 'lists', 'shopify'] as const),
)
const RETRY_AFTER = among('seconds' as const, 'decimal' as const, 'date' as const, 'ms' as const)
const FLAKY_KINDS = ['500', '503', 'reset'] as const
const SPOKEN = among(true as const, 'ietf' as const, 'both' as const)
const UNSPOKEN = among(false as const, 'message' as const)
/** Cold, or in the midst of its work. */
const WARM_UP = among(0, 40)

const NO_HABITS: Habits = { aborts: 0, posts: 0, streams: 0 }
/** No job may take longer, on the API's side. */
const LONGEST_MS = 600_000
const FEWEST = 60
const MOST = 1500

/** Calls enough to fill an API several times over, but no more than it can serve in some minutes. */
const job = (api: MockApiOptions, fill: number, clients: number, warmUp: number): Case => {
  const wanted = Math.min(MOST, Math.max(FEWEST, Math.ceil(fill)))
  const leastMs = leastTimeMs(api, wanted)
  const total = leastMs > LONGEST_MS ? Math.max(8, Math.floor((wanted * LONGEST_MS) / leastMs)) : wanted
  return {
    scenario: { api, calls: Math.max(1, Math.floor(total / clients)), clients, warmUp },
    options: {},
    habits: NO_HABITS,
  }
}

type Parts<T> = { [K in keyof T]: fc.Arbitrary<T[K]> }

/** Cases from what is drawn for them: the API, and how many calls fill it once. */
const cases = <T>(
  parts: Parts<T>,
  build: (drawn: T) => { readonly api: MockApiOptions; readonly fill: number },
  clients = 1,
): fc.Arbitrary<Case> =>
  fc.tuple(fc.record(parts as never), WARM_UP).map(([drawn, warmUp]) => {
    const { api, fill } = build(drawn as T)
    return job(api, fill, clients, warmUp)
  })

const WINDOW = { limit: LIMIT, windowMs: WINDOW_MS, latencyMs: SERVICE_MS }
const CEILING = { concurrency: LIMIT, latencyMs: SERVICE_MS }
/** Of fixed windows five; a ceiling ten times. */
const WINDOWS = 5
const ROUNDS = 10

const announcedWindow = { ...WINDOW, headers: DIALECT, retryAfter: RETRY_AFTER }
const ofWindow = ({
  limit,
  windowMs,
  ...api
}: MockApiOptions & { readonly limit: number; readonly windowMs: number }) => ({
  api: { ...api, windows: [{ limit, windowMs }] },
  fill: WINDOWS * limit,
})
const ofCeiling = (api: MockApiOptions & { readonly concurrency: number }) => ({ api, fill: ROUNDS * api.concurrency })
const ofBoth =
  (rate: number) =>
  ({ concurrency, ...window }: Parameters<typeof ofWindow>[0] & { readonly concurrency: number }) => {
    const { api, fill } = ofWindow(window)
    return { api: { ...api, concurrency, flaky: { rate, kinds: FLAKY_KINDS } }, fill }
  }

/** From so many to so many times 100 ms, in which the load is counted. */
const tenths = (least: number, most: number) => fc.integer({ min: least, max: most }).map((n) => n * 100)
const outage = (fromMs: number, lengthMs: number): readonly OutageOptions[] => [{ fromMs, toMs: fromMs + lengthMs }]

/** Enough of them for three seconds, so that there is a mean. */
const evenly = (perSecond: number): number => Math.max(200, perSecond * 3)

const anyWindow = fc
  .record({
    limit: LIMIT,
    windowMs: WINDOW_MS,
    kind: among('fixed' as const, 'sliding' as const, 'bucket' as const),
    counts: among('accepted' as const, 'accepted' as const, 'arrivals' as const),
    status: among(429, 429, 429, 403, 503),
    align: maybe(among('clock' as const)),
  })
  .map(({ align, ...window }) => (window.kind === 'fixed' ? { ...window, align } : window))

const anyOutage = fc
  .record({
    fromMs: whole(1, 20_000),
    lengthMs: whole(10, 30_000),
    status: among(503, 500, 502, 'reset' as const, 'hang' as const),
    retryAfter: fc.boolean(),
  })
  .map(({ lengthMs, ...one }) => ({ ...one, toMs: one.fromMs + lengthMs }))

/** Where requests hang, only a time-out ends them. */
const SOME_TIME_MS = whole(2000, 60_000)

/** What is always drawn of it. */
export interface AnyApi extends MockApiOptions {
  readonly latencyMs: readonly [number, number]
  readonly outages: readonly OutageOptions[]
}

/** Any API that there may be, and whatever may go wrong with it. */
export const anyApi: fc.Arbitrary<AnyApi> = fc.record({
  windows: fc.array(anyWindow, { maxLength: 2 }),
  concurrency: maybe(LIMIT),
  announceConcurrency: fc.oneof(SPOKEN, UNSPOKEN),
  headers: fc.oneof({ weight: 3, arbitrary: DIALECT }, { weight: 1, arbitrary: fc.constant(false as const) }),
  retryAfter: fc.oneof(RETRY_AFTER, fc.constant(false as const)),
  latencyMs: SERVICE_MS,
  rejectionLatencyMs: among(0, 5, [1, 200] as const),
  work: maybe(
    fc.record({ perSecond: whole(1, 1000), maxQueued: among(Infinity, 3, 30), rejectionCost: among(0, 0.2, 1) }),
  ),
  outages: fc.array(anyOutage, { maxLength: 2 }),
  flaky: maybe(
    fc.record({
      rate: among(0.03, 0.1, 0.3, 0.6),
      kinds: among(
        [...FLAKY_KINDS],
        ['reset' as const],
        ['500' as const, '429' as const, '408' as const],
        ['truncate' as const, 'slow-body' as const, '502' as const],
        ['hang' as const, '503' as const],
      ),
    }),
  ),
})

const wild: fc.Arbitrary<Case> = fc
  .record({
    api: anyApi,
    calls: whole(1, 150),
    clients: among(1, 1, 2, 3),
    warmUp: WARM_UP,
    timeoutMs: maybe(whole(50, 60_000)),
    gate: among({}, {}, { limit: 3 }, { maxQueue: 20 }, { queueTimeoutMs: 2000 }, { slotUntil: 'body' as const }),
    habits: fc.record({
      aborts: among(0, 0.1, 0.5, 1),
      posts: among(0, 0, 0.3),
      streams: among(0, 0, 0.3),
    }),
    patienceMs: SOME_TIME_MS,
  })
  .map(({ api, calls, clients, warmUp, timeoutMs, gate, habits, patienceMs }) => {
    const hangs = api.outages.some(({ status }) => status === 'hang') || api.flaky?.kinds?.includes('hang') === true
    const leastMs = leastTimeMs({ ...api, outages: [] }, calls * clients)
    const fitting = leastMs > LONGEST_MS ? Math.max(1, Math.floor((calls * LONGEST_MS) / leastMs)) : calls
    return {
      scenario: { api, calls: fitting, clients, warmUp: gate.maxQueue === undefined ? warmUp : 0 },
      options: { timeoutMs: timeoutMs ?? (hangs ? patienceMs : undefined), concurrencyGate: gate },
      habits,
    }
  })

/** What the table has, for every limit and every service time; and whatever else may happen. */
export const KINDS: readonly Kind[] = [
  { name: 'window announced', sent: 1.05, cases: cases(announcedWindow, ofWindow) },
  { name: 'window silent', sent: 1.15, cases: cases({ ...WINDOW, headers: fc.constant(false as const) }, ofWindow) },
  {
    name: 'concurrency announced',
    sent: 1.18,
    cases: cases({ ...CEILING, announceConcurrency: SPOKEN }, ofCeiling),
  },
  { name: 'concurrency silent', sent: 1.2, cases: cases({ ...CEILING, announceConcurrency: UNSPOKEN }, ofCeiling) },
  {
    name: 'work queue, outage',
    sent: 1.12,
    cases: cases(
      { perSecond: whole(1, 1000), rejectionCost: among(0, 1), fromMs: tenths(0, 30) },
      ({ fromMs, ...work }) => ({
        api: { work, outages: outage(fromMs, 2000) },
        fill: Math.max(400, 4 * work.perSecond),
      }),
    ),
  },
  {
    name: 'workers, 10 % fail',
    sent: 1.18,
    cases: cases(CEILING, (api) => ofCeiling({ ...api, flaky: { rate: 0.1, kinds: FLAKY_KINDS } })),
  },
  { name: 'both, 3 % fail', sent: 1.1, cases: cases({ ...WINDOW, ...CEILING }, ofBoth(0.03)) },
  { name: 'window announced, 8 clients', sent: 1.4, cases: cases(announcedWindow, ofWindow, 8) },
  {
    name: 'concurrency announced, 8 clients',
    sent: 1.5,
    cases: cases({ ...CEILING, announceConcurrency: SPOKEN }, ofCeiling, 8),
  },
  { name: 'both, 3 % fail, 8 clients', sent: 1.5, cases: cases({ ...WINDOW, ...CEILING }, ofBoth(0.03), 8) },
  {
    name: 'window silent, 8 clients',
    cases: cases({ ...WINDOW, headers: fc.constant(false as const) }, ofWindow, 8),
  },
  {
    name: 'concurrency silent, 8 clients',
    cases: cases({ ...CEILING, announceConcurrency: UNSPOKEN }, ofCeiling, 8),
  },
  {
    name: 'outage, then a window',
    sent: 1.15,
    even: true,
    cases: cases({ limit: whole(4, 100), lengthMs: tenths(5, 100), latencyMs: log(1, 500) }, (drawn) => ({
      api: {
        windows: [{ limit: drawn.limit, windowMs: 100 }],
        headers: false,
        outages: outage(0, drawn.lengthMs),
        latencyMs: drawn.latencyMs,
      },
      fill: evenly(drawn.limit * 10),
    })),
  },
  {
    name: 'outage, then a ceiling',
    even: true,
    cases: cases(
      {
        concurrency: whole(4, 100),
        latencyMs: log(10, 100).map((ms) => [ms / 2, ms * 1.5] as const),
        lengthMs: tenths(5, 100),
        announceConcurrency: fc.oneof(SPOKEN, UNSPOKEN),
      },
      ({ lengthMs, ...api }) => ({
        api: { ...api, outages: outage(0, lengthMs) },
        fill: evenly((api.concurrency * 2000) / (api.latencyMs[0] + api.latencyMs[1])),
      }),
    ),
  },
  {
    name: 'outage, then a work queue',
    even: true,
    cases: cases({ perSecond: whole(40, 1000), lengthMs: tenths(5, 100) }, ({ perSecond, lengthMs }) => ({
      api: { work: { perSecond }, outages: outage(0, lengthMs) },
      fill: evenly(perSecond),
    })),
  },
  { name: 'anything', cases: wild },
]

/** The same for the same seed. `mostCalls` of all clients together. */
export const draw = ({ cases: from }: Kind, seed: number, mostCalls: number = Infinity): Case => {
  const [drawn] = fc.sample(from, { seed, numRuns: 1, unbiased: true }) as [Case]
  const { scenario } = drawn
  return {
    ...drawn,
    scenario: { ...scenario, calls: Math.min(scenario.calls, Math.ceil(mostCalls / (scenario.clients ?? 1))), seed },
  }
}
