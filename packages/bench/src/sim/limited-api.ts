import type { RateLimit, Report } from './rate-limits.ts'
import type { Fetch } from './simulate.ts'

type Headers = Readonly<Record<string, string>>

/** How an answer tells of the limits. `freeMs` is how long a refused request has to wait. */
export type Announcement = (reports: readonly Report[], freeMs: number | undefined) => Headers

/** An API of rate limits and a ceiling, with what no public middleware of today has: so it is not the mock API. */
export interface LimitedApi {
  readonly limits: readonly (() => RateLimit)[]
  /** How many may be in flight: each number for so long, the last for good. */
  readonly ceiling?: { readonly eachMs: number; readonly most: readonly number[] } | undefined
  /** Silent without one. */
  readonly announce?: Announcement | undefined
  readonly latencyMs: (random: () => number) => number
}

export interface RunningApi {
  readonly fetch: Fetch
  readonly requests: () => number
}

const seconds = (ms: number): string => String(Math.ceil(ms / 1000))
const refusal = (freeMs: number | undefined, headers: (ms: number) => Headers): Headers =>
  freeMs === undefined ? {} : headers(freeMs)

/** Waits as whole seconds, rounded up; no word of a length. */
export const inSeconds: Announcement = ([report], freeMs) => ({
  ...(report && {
    'x-ratelimit-limit': String(report.limit),
    'x-ratelimit-remaining': String(report.remaining),
    'x-ratelimit-reset': seconds(report.resetMs),
  }),
  ...refusal(freeMs, (ms) => ({ 'retry-after': seconds(ms) })),
})

/** The same, to the millisecond, of requests or of another unit. */
export const exact =
  (unit: 'requests' | 'tokens' = 'requests'): Announcement =>
  ([report], freeMs) => ({
    ...(report && {
      [`x-ratelimit-limit-${unit}`]: String(report.limit),
      [`x-ratelimit-remaining-${unit}`]: String(report.remaining),
      [`x-ratelimit-reset-${unit}`]: `${Math.ceil(report.resetMs)}ms`,
    }),
    ...refusal(freeMs, (ms) => ({ 'retry-after-ms': String(Math.ceil(ms)), 'retry-after': seconds(ms) })),
  })

/** The reset as a second of the clock, which the wait of a refusal leads to. */
export const inEpochSeconds: Announcement = ([report], freeMs) => ({
  ...(report && {
    'x-ratelimit-limit': String(report.limit),
    'x-ratelimit-remaining': String(report.remaining),
    'x-ratelimit-reset': seconds(Date.now() + report.resetMs),
  }),
  ...refusal(freeMs, (ms) => ({ 'retry-after': seconds(ms) })),
})

/** The IETF's fields: all limits, each with its length. */
export const inFields: Announcement = (reports, freeMs) => ({
  'ratelimit-policy': reports.map(({ limit, windowMs }, i) => `"${i}";q=${limit};w=${seconds(windowMs)}`).join(', '),
  ratelimit: reports.map(({ remaining, resetMs }, i) => `"${i}";r=${remaining};t=${seconds(resetMs)}`).join(', '),
  ...refusal(freeMs, (ms) => ({ 'retry-after': seconds(ms) })),
})

const mostAt = ({ ceiling }: LimitedApi, now: number): number =>
  ceiling?.most[Math.min(ceiling.most.length - 1, Math.floor(now / ceiling.eachMs))] ?? Infinity

const freeAt = (limits: readonly RateLimit[], now: number, weight: number): number =>
  limits.reduce((at, limit) => Math.max(at, limit.freeAt(now, weight)), now)

/** Calls whose weight is the last part of their path. */
export const weightOf = (input: string | URL | Request): number =>
  Number(new URL(input instanceof Request ? input.url : input).pathname.split('/').at(-1))

export const openApi = (api: LimitedApi, random: () => number): RunningApi => {
  const limits = api.limits.map((make) => make())
  let firstAt: number | undefined
  let inFlight = 0
  let requests = 0
  const fetch: Fetch = async (input) => {
    firstAt ??= performance.now()
    const now = performance.now() - firstAt
    const weight = weightOf(input)
    requests++
    const full = inFlight >= mostAt(api, now)
    const at = freeAt(limits, now, weight)
    const refused = full || at > now
    const announced = (freeMs?: number): Headers =>
      api.announce?.(
        limits.map((limit) => limit.report(now)),
        freeMs,
      ) ?? {}
    if (refused) return new Response(null, { status: 429, headers: announced(full ? undefined : at - now) })
    for (const limit of limits) limit.take(now, weight)
    const headers = announced()
    inFlight++
    await new Promise((resolve) => setTimeout(resolve, api.latencyMs(random)))
    inFlight--
    return new Response('{}', { headers })
  }
  return { fetch, requests: () => requests }
}

/** The least time for calls of these weights that all want to start at once, for whoever knows all limits in advance. */
export const leastMs = (api: LimitedApi, weights: readonly number[], random: () => number): number => {
  const limits = api.limits.map((make) => make())
  const ends: number[] = []
  let now = 0
  let lastEnd = 0
  for (const weight of weights) {
    for (let before = NaN; before !== now;) {
      before = now
      now = freeAt(limits, now, weight)
      while (ends[0] !== undefined && ends[0] <= now) ends.shift()
      if (ends.length < mostAt(api, now)) continue
      const change = api.ceiling ? (Math.floor(now / api.ceiling.eachMs) + 1) * api.ceiling.eachMs : Infinity
      now = Math.min(ends[0] ?? now, change)
    }
    for (const limit of limits) limit.take(now, weight)
    const end = now + api.latencyMs(random)
    lastEnd = Math.max(lastEnd, end)
    ends.push(end)
    ends.sort((a, b) => a - b)
  }
  return lastEnd
}
