import { aplomb, backoffJitter, createFetch } from 'aplomb'
import type { Figures } from './rows.ts'
import { across, drive, type Fetch, generator, HangError, onClock, ORIGIN } from './simulate.ts'
import { begin } from './trial.ts'

type Random = () => number

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Whom aplomb is held against. */
const CLIENTS = {
  aplomb: (fetch: Fetch): Fetch => aplomb({ fetch }),
  fetch: (fetch: Fetch): Fetch => fetch,
  'backoff alone': (fetch: Fetch): Fetch => createFetch([backoffJitter({ maxAttempts: 20 })], { fetch }),
} as const
type Client = keyof typeof CLIENTS

/** What a figure may be at most, for every seed: in itself, and in units of what the other client has. */
export interface Bar {
  readonly most?: number | undefined
  readonly times?: number | undefined
}

/** Something that may do harm where a plain fetch would not. */
export interface Harm {
  readonly name: string
  readonly beside: Client
  readonly seeds: number
  readonly run: (seed: number, client: Client) => Promise<Figures>
  /** A figure without one is for information. */
  readonly bars: Readonly<Record<string, Bar>>
}

/** What a request gets, and how long after its arrival. The answer throws where the connection breaks. */
interface Reply {
  readonly afterMs: number
  readonly answer: () => Response
}

interface Arrival {
  readonly endpoint: string
  /** How often this call has been sent, the first time included. */
  readonly attempt: number
  readonly random: Random
}

/** A call, as its caller and the network see it. */
interface Asked {
  readonly endpoint: string
  readonly askedAt: number
  readonly sentAt: number[]
  readonly answeredAt: number[]
  settledAt: number
  good: boolean
}

type Read = (response: Response) => Promise<unknown>

interface Asking {
  readonly client?: number | undefined
  /** What is done with the body before the call counts as settled. */
  readonly read?: Read | undefined
}

type Ask = (endpoint: string, asking?: Asking) => Promise<void>

interface Play {
  readonly clients?: number | undefined
  readonly reply: (arrival: Arrival) => Reply
  readonly job: (ask: Ask, random: Random) => Promise<unknown>
  /** What has not settled by then never does. */
  readonly longestMs?: number | undefined
}

/** Calls by real clients to an API of a few lines. */
const play = async (
  seed: number,
  client: Client,
  { clients = 1, reply, job, longestMs = 600_000 }: Play,
): Promise<readonly Asked[]> => {
  await begin()
  const calls: Asked[] = []
  await onClock(seed, async (clock) => {
    // Not that of jitter and network: so the API draws the same for each client.
    const random = generator(~seed)
    const inner: Fetch = async (input, init) => {
      const [, endpoint = '', n] = new URL(input instanceof Request ? input.url : input).pathname.split('/')
      const call = calls[Number(n)] as Asked
      const attempt = call.sentAt.push(performance.now())
      const served = across(async () => {
        const { afterMs, answer } = reply({ endpoint, attempt, random })
        await sleep(afterMs)
        return answer()
      })
      try {
        return await served(input, init)
      } finally {
        call.answeredAt.push(performance.now())
      }
    }
    const fetchers = Array.from({ length: clients }, () => CLIENTS[client](inner))
    const ask: Ask = async (endpoint, { client: which = 0, read = whole } = {}) => {
      const call: Asked = {
        endpoint,
        askedAt: performance.now(),
        sentAt: [],
        answeredAt: [],
        settledAt: Infinity,
        good: false,
      }
      const n = calls.push(call) - 1
      try {
        const response = await (fetchers[which] as Fetch)(`${ORIGIN}/${endpoint}/${n}`)
        await read(response)
        call.good = response.ok
      } catch {
        // Not good, then.
      }
      call.settledAt = performance.now()
    }
    try {
      await drive(clock, job(ask, random), longestMs)
    } catch (error) {
      if (!(error instanceof HangError)) throw error
    }
  })
  return calls
}

const whole: Read = (response) => response.arrayBuffer()

const atOnce = (count: number, one: (index: number) => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, index) => one(index)))

const wellAfter = (afterMs: number): Reply => ({ afterMs, answer: () => Response.json({ well: true }) })
const refused = (): Response => new Response(null, { status: 429 })
const broken = (status: number) => (): Response => Response.json({ message: 'Something went wrong.' }, { status })
const reset = (): Response => {
  throw new TypeError('fetch failed', { cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }) })
}

const most = (of: readonly number[]): number => Math.max(0, ...of)
const lostOf = (calls: readonly Asked[]): number => calls.filter(({ good }) => !good).length
const sentOf = (calls: readonly Asked[]): number => calls.reduce((sum, { sentAt }) => sum + sentAt.length, 0)
/** From the first call to the last that settled. */
const wallOf = (calls: readonly Asked[]): number =>
  most(calls.map(({ settledAt }) => settledAt)) - Math.min(...calls.map(({ askedAt }) => askedAt))
const jobFigures = (calls: readonly Asked[]): Figures => ({
  lost: lostOf(calls),
  wallMs: wallOf(calls),
  sent: sentOf(calls),
})

const NONE: Bar = { most: 0 }

// -- Refused at random, without a header or a body

const SERVED_MS = 50
const REFUSALS = {
  // A gateway refuses before anybody has worked.
  'at once': (random: Random) => random() * 5,
  'after 50 ms': () => 50,
} as const

const refusing =
  (chance: number, refusal: keyof typeof REFUSALS) =>
  ({ random }: Arrival): Reply =>
    random() < chance ? { afterMs: REFUSALS[refusal](random), answer: refused } : wellAfter(SERVED_MS)

const refusedAtRandom: readonly Harm[] = (Object.keys(REFUSALS) as (keyof typeof REFUSALS)[]).flatMap((refusal) =>
  ([0.01, 0.05, 0.1, 0.2, 0.3, 0.4] as const).map((chance) => ({
    name: `refused at random, ${chance * 100} %, ${refusal}`,
    beside: 'backoff alone',
    seeds: 20,
    bars: { lost: NONE, wallMs: { most: chance > 0.2 ? 15_000 : 10_000, times: 3 } },
    run: async (seed, client) =>
      jobFigures(
        await play(seed, client, { reply: refusing(chance, refusal), job: (ask) => atOnce(400, () => ask('lookup')) }),
      ),
  })),
)

const oneAfterTheOther = (chance: number, bars: Harm['bars']): Harm => ({
  name: `refused at random, ${chance * 100} %, 60 calls one after the other`,
  beside: 'backoff alone',
  seeds: 20,
  bars,
  run: async (seed, client) =>
    jobFigures(
      await play(seed, client, {
        reply: refusing(chance, 'at once'),
        job: async (ask) => {
          for (let n = 0; n < 60; n++) await ask('lookup')
        },
      }),
    ),
})

const eightClients: Harm = {
  name: 'refused at random, 10 %, 8 clients',
  beside: 'backoff alone',
  seeds: 20,
  bars: { lost: NONE, wallMs: { most: 10_000, times: 3 } },
  run: async (seed, client) =>
    jobFigures(
      await play(seed, client, {
        clients: 8,
        reply: refusing(0.1, 'at once'),
        job: (ask) => atOnce(400, (n) => ask('lookup', { client: n % 8 })),
      }),
    ),
}

// -- Healthy, but slow

const slow = (calls: number, takesMs: number, times: number | undefined): Harm => ({
  name: `all well, ${calls} x ${takesMs} ms`,
  beside: 'fetch',
  seeds: times === undefined ? 1 : 3,
  bars: times === undefined ? {} : { lost: NONE, wallMs: { times } },
  run: async (seed, client) =>
    jobFigures(
      await play(seed, client, { reply: () => wellAfter(takesMs), job: (ask) => atOnce(calls, () => ask('lookup')) }),
    ),
})

// -- One broken endpoint among good ones

const BROKEN = { 500: broken(500), 503: broken(503), reset } as const
const CALLS = 400
/** Of ten calls, one is to the good endpoint. */
const GOOD = 10
/** All at once, a call may wait for the ramp: 100 ms, and 40 for each doubling. */
const RAMP_MS = 100 + 40 * Math.log2(CALLS / 4)
const ARRIVALS = {
  'each 10 ms': { apartMs: 10, most: 100 },
  'all at once': { apartMs: 0, most: 100 + RAMP_MS },
} as const

const brokenEndpoint: readonly Harm[] = (Object.keys(ARRIVALS) as (keyof typeof ARRIVALS)[]).flatMap((arrival) =>
  (['500', '503', 'reset'] as const).flatMap((kind) =>
    [0, 50].map((afterMs) => {
      const { apartMs, most: bar } = ARRIVALS[arrival]
      return {
        name: `90 % to a broken endpoint, ${kind} after ${afterMs} ms, ${arrival}`,
        beside: 'fetch',
        seeds: 5,
        bars: { lostGood: NONE, lastGoodMs: { most: bar } },
        run: async (seed, client) => {
          const calls = await play(seed, client, {
            reply: ({ endpoint }) => (endpoint === 'broken' ? { afterMs, answer: BROKEN[kind] } : wellAfter(SERVED_MS)),
            job: (ask, random) => {
              const good = Array.from({ length: CALLS / GOOD }, () => Math.floor(random() * GOOD))
              return atOnce(CALLS, async (n) => {
                if (apartMs > 0) await sleep(n * apartMs)
                await ask(n % GOOD === good[Math.floor(n / GOOD)] ? 'good' : 'broken')
              })
            },
          })
          const good = calls.filter(({ endpoint }) => endpoint === 'good')
          const times = good.map(({ askedAt, settledAt }) => settledAt - askedAt).toSorted((a, b) => a - b)
          return {
            lostGood: lostOf(good),
            lastGoodMs: most(times),
            p95GoodMs: times[Math.floor(times.length * 0.95)] ?? NaN,
            sent: sentOf(calls),
          }
        },
      } satisfies Harm
    }),
  ),
)

// -- Event streams that stay open

const eventStream = (): Response => {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('data: hello\n\n')),
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

const READERS = {
  read: async ({ body }) => {
    void body?.pipeTo(new WritableStream())
  },
  dropped: async ({ body }) => {
    const reader = body?.getReader()
    await reader?.read()
    reader?.releaseLock()
  },
  unread: async () => undefined,
} as const satisfies Record<string, Read>

/** What requests besides the streams get until so many of them have got it; then all is well. */
interface Trouble {
  readonly count: number
  readonly answer: () => Response
}

const FIVE_FAILURES: Trouble = { count: 5, answer: broken(500) }
const ONE_REFUSAL: Trouble = { count: 1, answer: refused }

interface Streams {
  readonly name: string
  readonly streams: readonly (keyof typeof READERS)[]
  readonly trouble?: Trouble | undefined
  /** How many calls there are besides: of the first, alone, and then at once. */
  readonly besides: readonly [alone: number, atOnce: number]
  readonly mostMs: number
}

const streams = ({ name, streams: readers, trouble, besides: [alone, others], mostMs }: Streams): Harm => ({
  name,
  beside: 'fetch',
  seeds: 5,
  bars: { lost: NONE, wallMs: { most: mostMs } },
  run: async (seed, client) => {
    let got = 0
    const calls = await play(seed, client, {
      reply: ({ endpoint }) => {
        if (endpoint === 'stream') return { afterMs: SERVED_MS, answer: eventStream }
        if (!trouble || got >= trouble.count) return wellAfter(SERVED_MS)
        const answer = (): Response => {
          got++
          return trouble.answer()
        }
        return { afterMs: SERVED_MS, answer }
      },
      job: async (ask) => {
        await atOnce(readers.length, (n) => ask('stream', { read: READERS[readers[n] ?? 'read'] }))
        await atOnce(alone, () => ask('lookup'))
        await atOnce(others, () => ask('lookup'))
      },
    })
    const besides = calls.filter(({ endpoint }) => endpoint === 'lookup')
    // What was waited for in vain was not even asked.
    const missing = alone + others - besides.length
    return missing === 0
      ? jobFigures(besides)
      : { lost: lostOf(besides) + missing, wallMs: Infinity, sent: sentOf(besides) }
  },
})

const times = <T>(count: number, one: T): readonly T[] => Array.from({ length: count }, () => one)
const OPEN = ['read'] as const
const LEFT = [...times(10, 'dropped' as const), ...times(10, 'unread' as const)]

const openStreams: readonly Harm[] = [
  streams({
    name: 'a stream open, five failures in a row',
    streams: OPEN,
    trouble: FIVE_FAILURES,
    besides: [0, 6],
    mostMs: 15_000,
  }),
  streams({
    name: 'a stream open, a silent 429, then ten calls',
    streams: OPEN,
    trouble: ONE_REFUSAL,
    besides: [1, 10],
    mostMs: 5000,
  }),
  streams({ name: '256 streams open, then ten calls', streams: times(256, 'read'), besides: [0, 10], mostMs: 5000 }),
  streams({ name: '20 streams dropped or unread', streams: LEFT, besides: [0, 40], mostMs: 5000 }),
  streams({
    name: '20 streams dropped or unread, a silent 429',
    streams: LEFT,
    trouble: ONE_REFUSAL,
    besides: [1, 40],
    mostMs: 5000,
  }),
  streams({
    name: '20 streams dropped or unread, five failures',
    streams: LEFT,
    trouble: FIVE_FAILURES,
    besides: [0, 40],
    mostMs: 15_000,
  }),
]

// -- Refused for ever

const MESSAGE = 'Please slow down. Allowed Maximum concurrent request limit has been reached.'
const FULL = { 'x-concurrent-threads': '5', 'x-concurrent-threads-active': '5' }
const ENDLESS = {
  'a header says full': FULL,
  'words say full': {},
  'a header says full, Retry-After: 59': { ...FULL, 'retry-after': '59' },
} as const
const REFUSAL_MS = 20
/** The sum of waits, and one attempt with its way there and back. */
const LONGEST_MS = 300_000 + REFUSAL_MS + 10

const refusedForEver: readonly Harm[] = (Object.keys(ENDLESS) as (keyof typeof ENDLESS)[]).flatMap((how) =>
  [1, 100].map((count) => ({
    name: `refused for ever, ${how}, ${count} ${count > 1 ? 'calls' : 'call'}`,
    beside: 'fetch',
    seeds: 2,
    bars: {
      // What a call waits in line, before it is sent, is bounded by its turn: a ceiling of five, and the time named.
      ...(count === 1 && { settledMs: { most: LONGEST_MS } }),
      refusedMs: { most: LONGEST_MS },
      mostSent: { most: 4 },
    },
    run: async (seed, client) => {
      const calls = await play(seed, client, {
        reply: () => ({
          afterMs: REFUSAL_MS,
          answer: () => Response.json({ message: MESSAGE }, { status: 429, headers: ENDLESS[how] }),
        }),
        job: (ask) => atOnce(count, () => ask('lookup')),
        longestMs: 3_600_000,
      })
      return {
        settledMs: wallOf(calls),
        /** The same from each call's first refusal on: what it had waited in line before that is not in it. */
        refusedMs: most(calls.map(({ settledAt, answeredAt: [first = settledAt] }) => settledAt - first)),
        mostSent: most(calls.map(({ sentAt }) => sentAt.length)),
      }
    },
  })),
)

// -- A first retry

const firstRetry: Harm = {
  name: 'a first retry, 50 clients with a call each',
  beside: 'backoff alone',
  seeds: 10,
  bars: { lost: NONE, retryMs: { most: 1300 } },
  run: async (seed, client) => {
    const calls = await play(seed, client, {
      clients: 50,
      reply: ({ attempt }) => (attempt === 1 ? { afterMs: SERVED_MS, answer: broken(500) } : wellAfter(SERVED_MS)),
      job: (ask) => atOnce(50, (n) => ask('lookup', { client: n })),
    })
    const delays = calls.map(({ sentAt: [, again = Infinity], answeredAt: [failed = NaN] }) => again - failed)
    return { lost: lostOf(calls), retryMs: most(delays), medianRetryMs: delays.toSorted((a, b) => a - b)[25] ?? NaN }
  },
}

export const HARMS: readonly Harm[] = [
  ...refusedAtRandom,
  // Nobody else is served meanwhile: four refusals in a row end one call of ten thousand.
  oneAfterTheOther(0.1, { lost: { most: 1 }, wallMs: { most: 15_000 } }),
  oneAfterTheOther(0.3, {}),
  eightClients,
  slow(20, 3000, 1.1),
  slow(200, 1000, 1.35),
  slow(2000, 1000, 1.6),
  slow(10_000, 1000, undefined),
  ...brokenEndpoint,
  ...openStreams,
  ...refusedForEver,
  firstRetry,
]

/** The seeds for which a figure is above its bar. */
export const breaches = (
  { bars }: Harm,
  figure: string,
  own: readonly Figures[],
  other: readonly Figures[],
): readonly number[] => {
  const { most: absolute = Infinity, times: relative = Infinity } = bars[figure] ?? {}
  return own.flatMap((figures, index) => {
    const value = figures[figure] ?? NaN
    // Written so that NaN is above it, too, and nothing is held against what never came.
    const within = value <= absolute && (relative === Infinity || value <= relative * (other[index]?.[figure] ?? NaN))
    return bars[figure] === undefined || within ? [] : [index + 1]
  })
}
