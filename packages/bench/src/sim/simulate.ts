import FakeTimers from '@sinonjs/fake-timers'
import { createMockApi, leastTimeMs, type MockApiOptions } from '@aplomb/mock-api'

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** What is simulated: an API, and clients that want something of it all at once. */
export interface Scenario {
  readonly api: MockApiOptions
  /** How many calls each client makes. */
  readonly calls: number
  /** How many clients there are, each with a state of its own, as if in a process of its own. @default 1 */
  readonly clients?: number | undefined
  /** Calls to an unlimited route before the job, so that nothing starts cold. @default 250 */
  readonly warmUp?: number | undefined
  /** The time between those and the job, in which what is on the way arrives. @default 0 */
  readonly pauseMs?: number | undefined
  /** How long a request, and its answer, is on the way: drawn anew each time from this range. @default [0.5, 2] */
  readonly networkMs?: readonly [least: number, most: number] | undefined
  /** @default 1 */
  readonly seed?: number | undefined
}

export interface Outcome {
  /** Answers that are of use: 2xx. */
  readonly answered: number
  readonly failed: number
  /** Requests the API saw. */
  readonly sent: number
  readonly sentPerAnswer: number
  readonly wallMs: number
  readonly leastMs: number
  /** Of what the API can physically give. */
  readonly share: number
  readonly rejections: Readonly<Record<string, number>>
  readonly mostInFlight: number
  /** Timers left when all calls had settled. */
  readonly timersLeft: number
  /** Requests that arrived in each 100 ms. */
  readonly load: readonly number[]
  /** Those of them that were served. */
  readonly served: readonly number[]
  /** Refusals for each 100 ms that a client heard of right after a success. */
  readonly lone: readonly number[]
}

const NETWORK_MS = [0.5, 2] as const

/** mulberry32 by Tommy Ettinger (public domain): small, and good enough to shake a queue. */
export const generator = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

/** Without a way to go, whoever gave back a slot would always be the first to take it again. */
export const across =
  (inner: Fetch, [least, most]: readonly [least: number, most: number] = NETWORK_MS): Fetch =>
  async (input, init) => {
    const way = () => new Promise((resolve) => setTimeout(resolve, least + Math.random() * (most - least)))
    await way()
    try {
      return await inner(input, init)
    } finally {
      await way()
    }
  }

export const ORIGIN = 'https://api.test'
/** How long it takes to look at the clock, and to do what follows from that. */
const LOOK_MS = 0.001
/** A job that takes longer than this hangs. */
const LONGEST_MS = 3_600_000

/** Nothing that is still to come would settle the job, or not for a long time. */
export class HangError extends Error {
  override readonly name = 'HangError' as const
}

/** Time goes on while code runs: no two looks at the clock show the same, and timers run from what it shows. */
const goOn = (): void => {
  const { performance, setTimeout } = globalThis
  const read = performance.now.bind(performance)
  let last = read()
  performance.now = () => {
    last = Math.max(last + LOOK_MS, read())
    return last
  }
  const later = (run: () => void, ms: number) => setTimeout(run, ms + Math.max(0, last - read()))
  globalThis.setTimeout = later as typeof setTimeout
}

/** Runs a job on a clock that jumps from timer to timer, with all chance from the seed. One at a time per process: both are global. */
export const onClock = async <T>(seed: number, job: (clock: FakeTimers.Clock) => Promise<T>): Promise<T> => {
  const clock = FakeTimers.install({
    now: Date.UTC(2026, 0, 1),
    toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
  })
  const random = Math.random
  Math.random = generator(seed)
  goOn()
  try {
    return await job(clock)
  } finally {
    Math.random = random
    clock.uninstall()
  }
}

/** Runs real clients against the real mock API: minutes of traffic in seconds, the same for the same seed. */
export const simulate = (scenario: Scenario, makeClient: (inner: Fetch) => Fetch): Promise<Outcome> => {
  const { calls, clients = 1, warmUp = 250, pauseMs = 0, networkMs = NETWORK_MS, seed = 1 } = scenario
  return onClock(seed, async (clock) => {
    const api = createMockApi({ ...scenario.api, seed, logSize: 1_000_000 })
    const loneAt: number[] = []
    /** The API's clock starts with the first request that counts. */
    let zero: number | undefined
    const arrive: Fetch = (input, init) => {
      if (startedAt > 0) zero ??= performance.now()
      return api.fetch(input, init)
    }
    /** A client's own end of the network. */
    const listening = (inner: Fetch): Fetch => {
      let before = 0
      return async (input, init) => {
        const response = await inner(input, init)
        const { status } = response
        if (status === 429 && before === 200) loneAt.push(performance.now())
        before = status
        return response
      }
    }
    let startedAt = 0
    const fetchers = Array.from({ length: clients }, () => makeClient(listening(across(arrive, networkMs))))
    const ahead = fetchers.flatMap((fetch) => Array.from({ length: warmUp }, () => fetch(`${ORIGIN}/v1/balance`)))
    await drive(clock, Promise.all(ahead))
    if (pauseMs > 0) await clock.tickAsync(pauseMs)

    startedAt = performance.now()
    let answered = 0
    let lastAt = startedAt
    const jobs = fetchers.flatMap((fetch, client) =>
      Array.from({ length: calls }, async (_, i) => {
        try {
          const response = await fetch(`${ORIGIN}/v1/lookup/${10 + (client >> 8)}.${client & 255}.${i >> 8}.${i & 255}`)
          await response.arrayBuffer()
          if (response.ok) answered++
        } catch {
          // Counted as failed.
        }
        lastAt = performance.now()
      }),
    )
    await drive(clock, Promise.all(jobs))

    const stats = api.stats()
    const wallMs = lastAt - startedAt
    const leastMs = leastTimeMs({ ...scenario.api, seed }, calls * clients)
    const log = api.log()
    const per100Ms = (times: readonly { readonly atMs: number }[]): number[] => {
      const counts: number[] = []
      for (const { atMs } of times) counts[Math.floor(atMs / 100)] = (counts[Math.floor(atMs / 100)] ?? 0) + 1
      return Array.from(counts, (count) => count ?? 0)
    }
    const { flaky, ...rejections } = stats.rejections
    return {
      answered,
      failed: calls * clients - answered,
      sent: stats.requests,
      sentPerAnswer: stats.requests / Math.max(1, answered),
      wallMs,
      leastMs,
      share: leastMs / wallMs,
      rejections: { ...rejections, ...flaky },
      mostInFlight: stats.mostInFlight,
      timersLeft: clock.countTimers(),
      load: per100Ms(log),
      served: per100Ms(log.filter(({ status }) => status < 400)),
      lone: per100Ms(loneAt.map((at) => ({ atMs: at - (zero ?? 0) })).filter(({ atMs }) => atMs >= 0)),
    }
  })
}

/** Turns the clock on until the work is done. */
export const drive = async (
  clock: FakeTimers.Clock,
  work: Promise<unknown>,
  longestMs: number = LONGEST_MS,
): Promise<void> => {
  const state = { done: false }
  const settled = work.finally(() => {
    state.done = true
  })
  settled.catch(() => undefined)
  const end = clock.now + longestMs
  let idle = 0
  while (!state.done) {
    if (clock.now > end) throw new HangError('the job hangs')
    // Nothing moves time but timers, so without one nothing will ever happen; a promise may still make one.
    idle = clock.countTimers() === 0 ? idle + 1 : 0
    if (idle > 100) throw new HangError('the job hangs: no timer is left')
    await clock.nextAsync()
  }
  await settled
}
