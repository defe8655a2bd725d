import { leastTimeMs } from '@aplomb/mock-api'
import { aplomb, type AplombFetch, middleware, verdictOf } from 'aplomb'
import { getEventListeners } from 'node:events'
import type { Case } from './scenarios.ts'
import type { Outcome, Scenario } from './simulate.ts'

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** A rule that was broken, and how. */
export interface Violation {
  readonly rule: 'ceiling' | 'hold' | 'settles' | 'left over' | 'attempts' | 'abort' | 'time-out' | 'even'
  readonly what: string
}

/** A request at the client's end. Times are whole: the clock of the simulator goes from millisecond to millisecond. */
interface Sending {
  readonly at: number
  /** When its headers, for a stream its last byte, came. */
  endedAt: number
}

interface Arrival {
  readonly at: number
  readonly method: string
  readonly response: Response
}

/** Counted attempts, and what may come on top of them: the numbers in the packages. */
const COUNTED = 4
const MOST_ATTEMPTS = COUNTED + 30 + 20 + 16
/** As retry-after has it. */
const MAX_WAIT_MS = 60_000
/** How long the network of the simulator may still be at work for a call that has ended. */
const AFTERMATH_MS = 10
/** What happens within the same millisecond happens at once. */
const AT_ONCE_MS = 1

/** A Request listens to its signal for as long as it lives. */
const LISTENING = 1

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET'])
const isStream = ({ headers }: Response): boolean => (headers.get('content-type') ?? '').includes('ndjson')
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** One client of a simulation: what it is asked for, what it sends, and what of that it must not. */
export const watch = (
  { options, habits }: Pick<Case, 'options' | 'habits'>,
  inner: Fetch,
): {
  readonly fetch: Fetch
  readonly violations: () => readonly Violation[]
  readonly gaveUp: ReadonlyMap<string, number>
} => {
  const broken = new Map<string, Violation>()
  const sendings: Sending[] = []
  const arrivals: Arrival[] = []
  const streams = new Map<string, Sending>()
  const settled = new Set<string>()
  const gaveUp = new Map<string, number>()
  let place = 0

  const breaks = (rule: Violation['rule'], what: string): void => {
    // The first of a sort is enough.
    if (!broken.has(rule)) broken.set(rule, { rule, what: `${what}, at ${performance.now()} ms` })
  }

  const sent: Fetch = async (input, init) => {
    const url = urlOf(input)
    if (isWarmUp(url)) return inner(input, init)
    if (settled.has(url)) breaks('settles', `${url} was sent after it had settled`)
    const one: Sending = { at: performance.now(), endedAt: Infinity }
    sendings.push(one)
    try {
      const response = await inner(input, init)
      if (response.ok && isStream(response)) streams.set(url, one)
      else one.endedAt = performance.now()
      return response
    } catch (error) {
      one.endedAt = performance.now()
      throw error
    }
  }

  const bounds = middleware('bounds', (request, next, call) => {
    if (call.counted >= COUNTED) breaks('attempts', `${call.counted} attempts had been counted, and one more was sent`)
    if (call.attempt >= MOST_ATTEMPTS) breaks('attempts', `${call.attempt} attempts, and one more was sent`)
    return next(request)
  })

  const client: AplombFetch = aplomb({
    ...options,
    fetch: sent,
    use: [bounds],
    onEvent: (event) => {
      if (event.type === 'give-up') {
        const why = `${event.by}: ${event.reason.replaceAll(/[\d.]+/g, 'N')}`
        gaveUp.set(why, (gaveUp.get(why) ?? 0) + 1)
      }
      if (event.type !== 'attempt' || event.response === undefined || isWarmUp(event.request.url)) return
      arrivals.push({ at: performance.now(), method: event.request.method, response: event.response })
    },
  })

  const fetch: Fetch = async (input) => {
    const given = urlOf(input)
    if (isWarmUp(given)) return read(await client(input))
    const { url, init } = ask(given)
    const abort = new AbortController()
    const { signal } = abort
    const reason = new Error('nobody waits any more')
    const began = performance.now()
    let abortedAt = Infinity
    const stop = (): void => {
      abortedAt = performance.now()
      abort.abort(reason)
    }
    const aborts = Math.random() < habits.aborts
    const timer = aborts ? setTimeout(stop, Math.floor(60_000 ** Math.random())) : undefined
    let headers = false
    try {
      const response = await client(url, { ...init, signal })
      headers = true
      punctual(began, abortedAt)
      return await read(response)
    } catch (error) {
      if (!headers) punctual(began, abortedAt)
      if (!headers && signal.aborted && error !== reason) breaks('abort', `rejected with ${String(error)}`)
      throw error
    } finally {
      clearTimeout(timer)
      settled.add(url)
      const stream = streams.get(url)
      if (stream) stream.endedAt = performance.now()
      // Whoever is still on the way hears of the end a little later.
      await sleep(AFTERMATH_MS)
      unheard(signal)
    }
  }

  const ask = (url: string): { readonly url: string; readonly init: RequestInit } => {
    const n = place++
    if (Math.random() < habits.posts) {
      return { url: `${url.replace(/lookup.*/, 'echo')}?n=${n}`, init: post(n) }
    }
    if (Math.random() < habits.streams) {
      return { url: `${url.replace(/lookup.*/, 'stream')}?chunks=5&intervalMs=${1 + (n % 100)}&n=${n}`, init: {} }
    }
    return { url: `${url}?n=${n}`, init: {} }
  }

  const punctual = (began: number, abortedAt: number): void => {
    const lateMs = performance.now() - began - (options.timeoutMs ?? Infinity)
    if (lateMs > AT_ONCE_MS) breaks('time-out', `settled ${lateMs} ms after its time-out`)
    if (performance.now() > abortedAt + AT_ONCE_MS)
      breaks('abort', `settled ${performance.now() - abortedAt} ms after its abort`)
  }

  const unheard = (signal: AbortSignal): void => {
    const { length } = getEventListeners(signal, 'abort')
    if (length > (signal.aborted ? 0 : LISTENING)) breaks('left over', `${length} listeners on the signal`)
  }

  return {
    fetch,
    gaveUp,
    violations: () => {
      const { active, queued } = client.stats() ?? { active: NaN, queued: NaN }
      if (active !== 0 || queued !== 0) breaks('left over', `${active} active, ${queued} queued`)
      return [...broken.values(), ...tooMany(sendings, arrivals), ...tooEarly(sendings, arrivals)]
    },
  }
}

const urlOf = (input: string | URL | Request): string => (input instanceof Request ? input.url : input.toString())
/** Whoever does not read an answer keeps its slot. */
const read = async (response: Response): Promise<Response> => {
  await response.arrayBuffer()
  return new Response(undefined, { status: response.status })
}
const isWarmUp = (url: string): boolean => url.endsWith('/v1/balance')
/** One in four cannot be sent again. */
const post = (n: number): RequestInit =>
  n % 4 > 0
    ? { method: 'POST', body: `body ${n}` }
    : ({ method: 'POST', body: new Blob([`body ${n}`]).stream(), duplex: 'half' } as RequestInit)

/** More in flight than the highest ceiling that an answer had named before. */
const tooMany = (sendings: readonly Sending[], arrivals: readonly Arrival[]): readonly Violation[] => {
  const ends = sendings.map(({ endedAt }) => endedAt).toSorted((a, b) => a - b)
  let ceiling = 0
  let known = 0
  let ended = 0
  for (const [index, { at }] of sendings.entries()) {
    for (; known < arrivals.length && (arrivals[known] as Arrival).at < at; known++) {
      const { limit } = verdictOf((arrivals[known] as Arrival).response).limits.concurrency ?? {}
      ceiling = Math.max(ceiling, limit ?? 0)
    }
    while (ended < ends.length && (ends[ended] as number) <= at) ended++
    const inFlight = index + 1 - ended
    if (ceiling > 0 && inFlight > ceiling) {
      return [{ rule: 'ceiling', what: `${inFlight} in flight, ${ceiling} allowed, at ${at} ms` }]
    }
  }
  return []
}

/** Sent although an answer had asked for a wait. */
const tooEarly = (sendings: readonly Sending[], arrivals: readonly Arrival[]): readonly Violation[] => {
  let until = 0
  let since = 0
  let known = 0
  for (const { at } of sendings) {
    for (; known < arrivals.length && (arrivals[known] as Arrival).at < at; known++) {
      const arrival = arrivals[known] as Arrival
      const end = arrival.at + waitOf(arrival)
      if (end > until) [since, until] = [arrival.at, end]
    }
    if (at < until) {
      return [{ rule: 'hold', what: `sent at ${at} ms, on hold from ${since} to ${until} ms` }]
    }
  }
  return []
}

const waitOf = ({ method, response }: Arrival): number => {
  const { kind, retryable, refused, retryAfterMs = 0 } = verdictOf(response)
  if (!retryable || (kind !== 'rate-limited' && kind !== 'overloaded')) return 0
  return (refused || IDEMPOTENT.has(method)) && retryAfterMs <= MAX_WAIT_MS ? retryAfterMs : 0
}

/** From the end of the outage on: no 100 ms has more than twice the mean of those in which anything was sent, or than twice what was served in the round trip before. */
export const uneven = ({ load, served, lone }: Outcome, { api, calls }: Scenario): readonly Violation[] => {
  const { outages: [outage] = [], ...well } = api
  const first = Math.ceil((outage?.toMs ?? 0) / 100)
  const busy = load.slice(first).filter((count) => count > 0)
  // A job that has not found its pace yet is no reason to stay below the API's.
  const mean = Math.max(
    busy.reduce((sum, count) => sum + count, 0) / busy.length,
    (calls * 100) / leastTimeMs(well, calls),
  )
  // A slow start doubles what was served in a round trip, which begins and ends within 100 ms.
  const latency = [well.latencyMs ?? 0].flat().filter((one) => typeof one === 'number')
  const roundTrip = 1 + Math.ceil(Math.max(0, ...latency) / 100)
  for (let i = first; i < load.length; i++) {
    const count = load[i] as number
    const before = served.slice(Math.max(0, i - roundTrip), i).reduce((sum, one) => sum + one, 0)
    // A lone refusal may be by chance: its slot goes to the next call.
    if (count - (lone[i] ?? 0) > 2 * Math.max(mean, before)) {
      const beside = `${mean.toFixed(1)} on average, ${before} served before`
      return [{ rule: 'even', what: `${count} sent from ${100 * i} ms on, ${beside}` }]
    }
  }
  return []
}
