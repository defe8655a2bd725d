import { createGates, type Gates } from './gates.ts'
import type { FlakyKind, Settings } from './options.ts'
import { createPools, type Memory, newMemory, type Pools } from './profile.ts'

/** How a request ended. `other` is any status of a route that is neither 2xx, 3xx nor a 404. */
export type Reason =
  | 'served'
  | 'empty'
  | 'other'
  | 'aborted'
  | 'outage'
  | 'overload'
  | 'window'
  | 'concurrency'
  | 'credits'
  | 'flaky'

export interface LogEntry {
  /** When it arrived, in ms since the first request. */
  readonly atMs: number
  /** From arrival to the answer, or until the client had gone. */
  readonly waitedMs: number
  readonly method: string
  readonly path: string
  /** 0 if no status was sent: a reset, a hang, an abort. */
  readonly status: number
  readonly reason: Reason
  /** What went wrong, with the reason `flaky` and for slow bodies. */
  readonly flaky?: FlakyKind | undefined
}

export interface RouteStats {
  readonly requests: number
  readonly served: number
  readonly empty: number
}

export interface MockApiStats {
  /** Every request that arrived, the exempt ones apart. */
  readonly requests: number
  readonly exempt: number
  /** Answers of 2xx and 3xx. */
  readonly served: number
  /** 404s of a route: looked for, not found. */
  readonly empty: number
  /** Other answers of a route: 400, 422, 500 of your own. */
  readonly other: number
  /** Clients that left before their answer. */
  readonly aborted: number
  readonly rejections: {
    readonly outage: number
    readonly overload: number
    readonly window: number
    readonly concurrency: number
    readonly credits: number
    /** By kind. A `slow-body` is counted as served too. */
    readonly flaky: Readonly<Record<string, number>>
  }
  readonly inFlight: number
  readonly mostInFlight: number
  readonly creditsSpent: number
  /** Infinity without credits. */
  readonly creditsLeft: number
  /** By pattern, such as `GET /v1/lookup/:ip`. */
  readonly routes: Readonly<Record<string, RouteStats>>
  /** Epoch ms of creation or the last reset, of the first request, of the latest. */
  readonly startedAt: number
  readonly firstAt: number | undefined
  readonly lastAt: number | undefined
}

type Counts = Record<Exclude<Reason, 'flaky'>, number>

/** What the API knows of one run, from its creation or the last reset on. */
export interface Run {
  readonly startedAt: number
  readonly counts: Counts
  readonly flaky: Record<string, number>
  readonly routes: Record<string, { requests: number; served: number; empty: number }>
  readonly entries: LogEntry[]
  requests: number
  exempt: number
  admitted: number
  inFlight: number
  mostInFlight: number
  /** Of those in flight, how many count for the ceiling. */
  counted: number
  /** Charged for good, or promised to requests in flight. */
  credits: number
  /** What only one request at a time may have, and one has now. */
  readonly locks: Set<string>
  readonly memory: Memory
  /** Begins with the first request: limits and outages are counted from there. */
  clock: Clock | undefined
  lastAt: number | undefined
}

interface Clock {
  readonly firstAt: number
  /** Ms since the first request, monotonic. */
  readonly now: () => number
  readonly gates: Gates
  readonly pools: Pools | undefined
}

export const newRun = (): Run => ({
  startedAt: Date.now(),
  counts: { served: 0, empty: 0, other: 0, aborted: 0, outage: 0, overload: 0, window: 0, concurrency: 0, credits: 0 },
  flaky: {},
  routes: {},
  entries: [],
  requests: 0,
  exempt: 0,
  admitted: 0,
  inFlight: 0,
  mostInFlight: 0,
  counted: 0,
  credits: 0,
  locks: new Set(),
  memory: newMemory(),
  clock: undefined,
  lastAt: undefined,
})

export const startClock = (settings: Settings): Clock => {
  const firstAt = Date.now()
  const zero = performance.now()
  return {
    firstAt,
    now: () => performance.now() - zero,
    gates: createGates(settings, (windowMs) => firstAt % windowMs),
    pools: settings.profile && createPools(settings.profile),
  }
}

/** Decimal costs add up without a tail of binary noise. */
const tidy = (credits: number): number => Math.round(credits * 1e9) / 1e9

export const creditsLeft = ({ credits }: Settings, run: Run): number =>
  credits === undefined ? Infinity : tidy(credits.balance - run.credits)

export const creditsSpent = (run: Run): number => tidy(run.credits)

export const statsOf = (settings: Settings, run: Run): MockApiStats => {
  const { outage, overload, window, concurrency, credits, ...outcomes } = run.counts
  const { requests, exempt, inFlight, mostInFlight, startedAt, lastAt } = run
  return {
    requests,
    exempt,
    ...outcomes,
    rejections: { outage, overload, window, concurrency, credits, flaky: { ...run.flaky } },
    inFlight,
    mostInFlight,
    creditsSpent: creditsSpent(run),
    creditsLeft: creditsLeft(settings, run),
    routes: Object.fromEntries(Object.entries(run.routes).map(([name, route]) => [name, { ...route }])),
    startedAt,
    firstAt: run.clock?.firstAt,
    lastAt,
  }
}

export const logOf = ({ logSize }: Settings, { entries }: Run): readonly LogEntry[] =>
  logSize === 0 ? [] : entries.slice(-logSize)

export const remember = ({ logSize }: Settings, { entries }: Run, entry: LogEntry): void => {
  entries.push(entry)
  // Trimmed in bulk: one at a time would move the whole log with every request.
  if (entries.length >= 2 * logSize) entries.splice(0, entries.length - logSize)
}
