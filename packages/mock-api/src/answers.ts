import { dialectOf, type LimitReport } from './dialects.ts'
import type { Refusal } from './gates.ts'
import type { Settings } from './options.ts'
import type { Call, Profile, Standing } from './profile.ts'

/** What an answer says about limits, gathered when it leaves. */
export interface Facts {
  /** Absent where no window is configured. */
  readonly report: LimitReport | undefined
  readonly inFlight: number
  readonly charged: number
  readonly creditsLeft: number
}

/** The quota-policy headers of every answer. */
export const announce = (settings: Settings, headers: Headers, facts: Facts): void => {
  const { announceConcurrency, concurrency, credits } = settings
  headers.set('date', new Date().toUTCString())
  if (facts.report !== undefined && settings.headers !== false) {
    for (const [name, value] of Object.entries(dialectOf(settings.headers).headers(facts.report)))
      headers.set(name, value)
  }
  if (concurrency !== Infinity && (announceConcurrency === true || announceConcurrency === 'both')) {
    headers.set('x-concurrent-threads', String(concurrency))
    headers.set('x-concurrent-threads-active', String(facts.inFlight))
  }
  if (concurrency !== Infinity && (announceConcurrency === 'ietf' || announceConcurrency === 'both')) {
    // Both fields are lists: the windows' items may stand before these.
    headers.append('ratelimit-policy', `"concurrency";q=${concurrency};qu="concurrent-requests"`)
    headers.append('ratelimit', `"concurrency";r=${Math.max(0, concurrency - facts.inFlight)}`)
  }
  if (credits !== undefined) {
    if (credits.costHeader !== false) headers.set(credits.costHeader, String(facts.charged))
    if (credits.balanceHeader !== false) headers.set(credits.balanceHeader, String(facts.creditsLeft))
  }
}

/** The same, as a vendor does it. */
export const announceProfile = (
  { concurrency }: Settings,
  headers: Headers,
  { report, ...facts }: Facts,
  profile: Profile,
  call: Call,
): void => {
  headers.set('date', new Date().toUTCString())
  const windows = Object.fromEntries((report?.windows ?? []).map((window) => [window.name, window]))
  const standing: Standing = { ...facts, windows, concurrency, nowMs: Date.now() }
  for (const [name, value] of Object.entries(profile.headers?.(standing, call) ?? {})) headers.set(name, value)
}

/** The wait in the configured form; every form rounds up, so that nobody is told to come too early. */
export const setRetryAfter = (headers: Headers, form: Settings['retryAfter'], waitMs: number): void => {
  if (form === 'ms') headers.set('retry-after-ms', String(Math.ceil(waitMs)))
  else if (form === 'seconds') headers.set('retry-after', String(Math.ceil(waitMs / 1000)))
  else if (form === 'decimal') headers.set('retry-after', (Math.ceil(waitMs) / 1000).toFixed(3))
  else if (form === 'date') {
    headers.set('retry-after', new Date(Math.ceil((Date.now() + waitMs) / 1000) * 1000).toUTCString())
  }
}

const refusalStatus = (refusal: Refusal): number => {
  if (refusal.reason === 'window') return refusal.violated[0]?.window.settings.status ?? 429
  if (refusal.reason === 'outage') return typeof refusal.outage.status === 'number' ? refusal.outage.status : 0
  return { overload: 503, concurrency: 429, credits: 402 }[refusal.reason]
}

const PROBLEM = 'https://iana.org/assignments/http-problem-types#'

/** The body of a refusal, worded as the vendors of each dialect word theirs. */
export const refuse = (
  settings: Settings,
  refusal: Refusal,
  path: string,
  report: LimitReport | undefined,
): Response => {
  const status = refusalStatus(refusal)
  if (refusal.reason === 'window') {
    if (settings.headers === false) return plain(status)
    const vendor = dialectOf(settings.headers).refusal
    if (vendor !== undefined && report !== undefined) return json(status, vendor(report))
    if (settings.headers === 'ietf') {
      const names = refusal.violated.map(({ window }) => window.settings.name)
      return problem(status, `Too many requests for the policy ${names.join(', ')}.`, names)
    }
    return json(status, { message: 'API rate limit exceeded. Please try again later.' })
  }
  if (refusal.reason === 'concurrency') {
    const message = 'Please slow down. Allowed Maximum concurrent request limit has been reached.'
    if (settings.announceConcurrency === false) return plain(status)
    if (settings.announceConcurrency === 'ietf') return problem(status, message, ['concurrency'])
    return envelope(status, 'Too Many Requests', path, message)
  }
  if (refusal.reason === 'credits') {
    return envelope(
      status,
      'Payment Required',
      path,
      'You have used up the credits of your plan. Please upgrade it or buy more credits.',
    )
  }
  return refusal.reason === 'overload'
    ? envelope(status, 'Service Unavailable', path, 'The server is overloaded. Please try again later.')
    : failure(status, path)
}

/** An error of the server's own, in an outage or by chance. */
export const failure = (status: number, path: string): Response => {
  const title = {
    500: 'Internal Server Error',
    502: 'Bad Gateway',
    503: 'Service Unavailable',
    504: 'Gateway Timeout',
  }[status]
  return envelope(
    status,
    title ?? 'Error',
    path,
    status < 500 ? 'The request was refused.' : 'Something went wrong on our side.',
  )
}

/** The same for windows and ceiling: nothing in it tells which of the two refused. */
const plain = (status: number): Response =>
  new Response('Too Many Requests', { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })

const json = (status: number, body: object, type = 'application/json'): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': type } })

const envelope = (status: number, error: string, path: string, message: string): Response =>
  json(status, { path, status, error, message })

const problem = (status: number, detail: string, violated: readonly string[]): Response => {
  const title = 'Request cannot be satisfied as assigned quota has been exceeded'
  const body = { type: `${PROBLEM}quota-exceeded`, title, status, detail, 'violated-policies': violated }
  return json(status, body, 'application/problem+json')
}
