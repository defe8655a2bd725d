import { createMockApi, type MockApiOptions } from '@aplomb/mock-api'
import { generator } from '../sim/simulate.ts'
import type { Lie, Loss, ServerPlan } from './plan.ts'
import type { Truth } from './record.ts'

export interface Answered {
  readonly response: Response
  readonly truth: Truth
}

export interface Server {
  readonly fetch: (url: string, init: RequestInit, of: number, secret: string) => Promise<Answered>
  /** What the network does to a request, if anything. */
  readonly loss: () => Loss | undefined
  readonly creditsSpent: () => number
}

const LONGEST_OUTAGE_MS = 86_400_000

const outagesOf = ({ api, fate }: ServerPlan): MockApiOptions['outages'] => {
  if (fate === undefined) return api.outages
  const { fromMs, status } = fate
  if (!('times' in fate)) return [...api.outages, { fromMs, toMs: fromMs + LONGEST_OUTAGE_MS, status }]
  const flaps = Array.from({ length: fate.times }, (_, i) => {
    const downMs = fromMs + 2 * i * fate.everyMs
    return { fromMs: downMs, toMs: downMs + fate.everyMs, status }
  })
  return [...api.outages, ...flaps]
}

const SPOKEN: ReadonlySet<unknown> = new Set([true, 'ietf', 'both'])

/** The wait that a header of the API's own names. Only the forms that it has. */
const waitOf = ({ headers }: Response): number | undefined => {
  const [ms, seconds] = [headers.get('retry-after-ms'), headers.get('retry-after')]
  if (ms !== null) return Number(ms)
  if (seconds === null) return undefined
  if (/^[\d.]+$/.test(seconds)) return Number(seconds) * 1000
  return Date.parse(seconds) - Date.parse(headers.get('date') ?? '')
}

const NONSENSE_NAMES =
  'retry-after retry-after-ms x-ratelimit-remaining x-ratelimit-reset x-ratelimit-limit ratelimit ratelimit-policy date age'
const NONSENSE = [
  '',
  '-5',
  'NaN',
  'Infinity',
  '1e309',
  'soon',
  '"a";r=',
  '0x10',
  '9'.repeat(400),
  '-0',
  'Thu, 99 Foo 2026',
  ';;;',
  'null',
]

type Random = () => number

const pick = <T>(random: Random, of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
const between = (random: Random, least: number, most: number): number =>
  Math.floor(least + random() * (most - least + 1))

const body = (status: number, content: BodyInit | null, headers: Record<string, string> = {}): Response =>
  new Response(content, {
    status,
    headers: { date: new Date().toUTCString(), 'content-type': 'application/json', ...headers },
  })
const said = (status: number, message: string, more: object = {}, headers: Record<string, string> = {}): Response =>
  body(status, JSON.stringify({ message, ...more }), headers)

const CHUNK = new TextEncoder().encode('{"message":"It does not work. '.padEnd(4096, 'x'))

const neverEnding = (everyMs: number): ReadableStream =>
  new ReadableStream(
    {
      pull: async (controller) => {
        await new Promise((resolve) => setTimeout(resolve, everyMs))
        controller.enqueue(CHUNK)
      },
    },
    { highWaterMark: 0 },
  )

const breaking = (): ReadableStream => {
  let pulls = 0
  return new ReadableStream(
    {
      pull: (controller) => {
        if (pulls++ > 0) controller.error(new TypeError('terminated'))
        else controller.enqueue(CHUNK.subarray(0, 20))
      },
    },
    { highWaterMark: 0 },
  )
}

const wait = (response: Response, namedMs: number): Answered => ({
  response,
  truth: { honest: false, namedMs, forAll: true },
})
const word = (response: Response): Answered => ({ response, truth: { honest: false } })

const lies: Readonly<Record<Lie, (random: Random, secret: string) => Answered>> = {
  nonsense: (random) => {
    const headers: Record<string, string> = {}
    for (const name of NONSENSE_NAMES.split(' ')) if (random() < 0.4) headers[name] = pick(random, NONSENSE)
    const status = pick(random, [200, 429, 503, 500, 403])
    return word(
      body(status, pick(random, ['', '{', '[[[', '{"retry_after":-1}', '{"retry_after":1e999}', '\u0000']), headers),
    )
  },
  'wait in a header': (random) => {
    const seconds = between(random, 1, 40)
    return wait(body(pick(random, [429, 503]), '', { 'retry-after': `${seconds}` }), seconds * 1000)
  },
  'wait in milliseconds': (random) => {
    const ms = between(random, 50, 5000)
    const headers = { 'retry-after-ms': `${ms}`, 'retry-after': `${Math.ceil(ms / 1000)}` }
    return wait(body(429, '', headers), ms)
  },
  'wait as a date': (random) => {
    const seconds = between(random, 1, 40)
    const at = new Date(Date.now() + seconds * 1000).toUTCString()
    return wait(body(429, '', { 'retry-after': at }), seconds * 1000)
  },
  'wait in the body': (random) => {
    const seconds = between(random, 1, 30)
    return wait(said(429, 'Rate limit exceeded', { retry_after: seconds }), seconds * 1000)
  },
  'wait in prose': (random) => {
    const seconds = between(random, 1, 30)
    return wait(said(429, `Rate limit reached. Please try again in ${seconds} seconds.`), seconds * 1000)
  },
  'wait too long': (random) => {
    const seconds = between(random, 61, 7200)
    return {
      response: body(429, '', { 'retry-after': `${seconds}` }),
      truth: { honest: false, namedMs: seconds * 1000 },
    }
  },
  nothing: () => word(new Response(null, { status: 429 })),
  conflict: () => word(said(409, 'Your payment is being processed, please try again.')),
  echo: (random, secret) => {
    const status = pick(random, [400, 401, 403, 422, 429, 500, 503])
    return word(said(status, `Refused: ${secret} is not known here, token=${secret}.`, { echo: { token: secret } }))
  },
  billing: () => word(said(402, 'You have used up the credits of your plan.')),
  'endless body': (random) => word(body(pick(random, [500, 429, 503, 400]), neverEnding(pick(random, [1, 100, 5000])))),
  'broken body': (random) => {
    const seconds = between(random, 1, 5)
    return wait(body(pick(random, [429, 503]), breaking(), { 'retry-after': `${seconds}` }), seconds * 1000)
  },
}

export const openServer = (plan: ServerPlan, seed: number): Server => {
  const { api: options, credits } = plan
  const api = createMockApi({ ...options, seed, outages: outagesOf(plan), credits })
  const spoken = SPOKEN.has(options.announceConcurrency)
  const random = generator(~seed)
  const draw = <T>({ rate, kinds }: { readonly rate: number; readonly kinds: readonly T[] }): T | undefined =>
    random() < rate ? pick(random, kinds) : undefined
  const latency = ([least, most]: readonly [number, number]) => least + random() * (most - least)

  const honest = (response: Response): Truth => {
    const { status, headers } = response
    const cost = headers.get('x-credits-charged')
    const namedMs = status >= 400 ? waitOf(response) : undefined
    return {
      honest: true,
      namedMs,
      forAll: status === 429 || status === 503,
      ceiling: spoken ? options.concurrency : undefined,
      cost: cost === null ? undefined : Number(cost),
    }
  }

  return {
    loss: () => draw(plan.losses),
    creditsSpent: () => api.stats().creditsSpent,
    fetch: async (url, init, of, secret) => {
      const lie = draw(plan.lies)
      if (lie === undefined) {
        const response = await api.fetch(url, init)
        // The answer of a mock API has headers of its own.
        response.headers.set('x-served-for', `${of}`)
        return { response, truth: honest(response) }
      }
      await new Promise((resolve) => setTimeout(resolve, latency(options.latencyMs)))
      const answered = lies[lie](random, secret)
      answered.response.headers.set('x-served-for', `${of}`)
      return answered
    },
  }
}
