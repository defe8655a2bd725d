import type { Hono } from 'hono'
import { type DialectName, dialects, type HeaderDialect } from './dialects.ts'
import { pick, type Random, randomFrom } from './random.ts'

/** So many requests in so much time. */
export interface WindowOptions {
  /** Requests per window, from 1. */
  readonly limit: number
  readonly windowMs: number
  /**
   * `fixed`: counts from zero again every `windowMs`. `sliding`: any interval of `windowMs` holds at most `limit`.
   * `bucket`: one more every `windowMs / limit`, up to `burst`.
   * @default 'fixed'
   */
  readonly kind?: 'fixed' | 'sliding' | 'bucket' | undefined
  /** What a bucket holds when full. @default limit */
  readonly burst?: number | undefined
  /** Where fixed windows begin: with the first request, or at multiples of `windowMs` of the epoch. @default 'first-use' */
  readonly align?: 'first-use' | 'clock' | undefined
  /** Whether refused requests count too, as with APIs that punish hammering. @default 'accepted' */
  readonly counts?: 'accepted' | 'arrivals' | undefined
  /** The status of a refusal, such as 403 or 503. @default 429 */
  readonly status?: number | undefined
  /** The policy's name in the header dialects that name it. @default 'default', or 'window-1', 'window-2' ... */
  readonly name?: string | undefined
}

export interface CreditOptions {
  readonly balance: number
  /** What a request costs. @default 1 */
  readonly cost?: number | ((request: Request) => number) | undefined
  /** Charge answers of 4xx and 5xx too. Requests refused by a limit are always free. @default false */
  readonly chargeErrors?: boolean | undefined
  /** Where each answer says what it cost. @default 'x-credits-charged' */
  readonly costHeader?: string | false | undefined
  /** Where each answer says what is left. @default 'x-credits-remaining' */
  readonly balanceHeader?: string | false | undefined
}

/** A server that does one thing at a time: requests wait their turn. */
export interface WorkOptions {
  readonly perSecond: number
  /** How much work may wait before newcomers get 503. @default Infinity */
  readonly maxQueued?: number | undefined
  /** What turning a request away costs, in units of serving one: above 0, hammering slows the server down. @default 0 */
  readonly rejectionCost?: number | undefined
}

/** A time, counted from the API's first request, in which nothing is served. */
export interface OutageOptions {
  readonly fromMs: number
  readonly toMs: number
  /** The status of every answer, `reset` to drop the connection, `hang` never to answer. @default 503 */
  readonly status?: number | 'reset' | 'hang' | undefined
  /** Announce the end of the outage in `Retry-After`. @default false */
  readonly retryAfter?: boolean | undefined
}

/** A status as text, or a way to break: the connection reset, the body cut in the middle, dribbled, or no answer at all. */
export type FlakyKind = `${number}` | 'reset' | 'truncate' | 'slow-body' | 'hang'

export interface FlakyOptions {
  /** The share of admitted requests that goes wrong, 0 to 1. */
  readonly rate: number
  /** What may go wrong, each as likely. @default ['500', '503', 'reset'] */
  readonly kinds?: readonly FlakyKind[] | undefined
  /** How long a `slow-body` takes. @default 1000 */
  readonly slowBodyMs?: number | undefined
}

/** Milliseconds, a range to draw from, or a function; `random` draws from the request's own generator. */
export type Latency = number | readonly [number, number] | ((random: Random, request: Request) => number)

export interface MockApiOptions {
  /** The same seed and the same order of requests give the same answers. @default 1 */
  readonly seed?: number | undefined
  readonly windows?: readonly WindowOptions[] | undefined
  /** How many requests may be in flight at once. @default no ceiling */
  readonly concurrency?: number | undefined
  /**
   * How the ceiling shows: `true` for `X-Concurrent-Threads(-Active)` on every answer, `'ietf'` for `RateLimit` fields with
   * `qu="concurrent-requests"`, `'both'`, `'message'` for the wording of the refusal only, `false` for a plain 429.
   * @default true
   */
  readonly announceConcurrency?: boolean | 'ietf' | 'both' | 'message' | undefined
  /** @default no credits */
  readonly credits?: CreditOptions | undefined
  /** How the windows show, on every answer; `false` for plain 429s without a hint. @default 'ietf' */
  readonly headers?: DialectName | HeaderDialect | false | undefined
  /** How 429 and 503 name the wait, where it is known. @default 'seconds', or `false` with `headers: false` */
  readonly retryAfter?: 'seconds' | 'decimal' | 'date' | 'ms' | false | undefined
  /** How long serving takes. @default 0 */
  readonly latencyMs?: Latency | undefined
  /** How long a refusal takes. @default 0 */
  readonly rejectionLatencyMs?: Latency | undefined
  /** @default requests are worked on side by side */
  readonly work?: WorkOptions | undefined
  readonly outages?: readonly OutageOptions[] | undefined
  readonly flaky?: FlakyOptions | undefined
  /** Which addresses `/v1/lookup/:ip` has no record of: a share, or a predicate. @default 0 */
  readonly empty?: number | ((ip: string) => boolean) | undefined
  /** Requests that no limit, outage or failure touches and that are not counted. @default those to /v1/balance */
  readonly exempt?: ((request: Request) => boolean) | undefined
  /** Adds routes of your own behind the limits; they win over the built-in ones. */
  readonly routes?: ((app: Hono) => void) | undefined
  /**
   * How long an in-process request holds its slot: until the response is handed over (streams: until their body ends),
   * or always until the body ends. The real server always holds it until the last byte is sent.
   * @default 'response'
   */
  readonly slotUntil?: 'response' | 'body-end' | undefined
  /** How many of the latest requests `log()` keeps. @default 0 */
  readonly logSize?: number | undefined
}

export type WindowSettings = { readonly [K in keyof WindowOptions]-?: NonNullable<WindowOptions[K]> }
export type OutageSettings = { readonly [K in keyof OutageOptions]-?: NonNullable<OutageOptions[K]> }
type WorkSettings = { readonly [K in keyof WorkOptions]-?: NonNullable<WorkOptions[K]> }
type CreditSettings = { readonly [K in keyof CreditOptions]-?: NonNullable<CreditOptions[K]> }

/** The options, checked, with every default in place. */
export interface Settings {
  readonly seed: number
  readonly windows: readonly WindowSettings[]
  readonly concurrency: number
  readonly announceConcurrency: boolean | 'ietf' | 'both' | 'message'
  readonly credits: CreditSettings | undefined
  readonly headers: DialectName | HeaderDialect | false
  readonly retryAfter: 'seconds' | 'decimal' | 'date' | 'ms' | false
  readonly latencyMs: (index: number, request: Request) => number
  readonly rejectionLatencyMs: (index: number, request: Request) => number
  readonly work: WorkSettings | undefined
  readonly outages: readonly OutageSettings[]
  readonly flakeOf: (index: number) => FlakyKind | undefined
  readonly flakyRate: number
  readonly flakyKinds: readonly FlakyKind[]
  readonly slowBodyMs: number
  readonly hasNoRecord: (ip: string) => boolean
  readonly exempt: (request: Request) => boolean
  readonly routes: (app: Hono) => void
  readonly slotUntil: 'response' | 'body-end'
  readonly logSize: number
}

/** The longest wait a timer can hold. */
const MAX_MS = 2 ** 31 - 1

const OPTIONS = (
  'seed windows concurrency announceConcurrency credits headers retryAfter latencyMs rejectionLatencyMs work outages ' +
  'flaky empty exempt routes slotUntil logSize'
).split(' ')

export const settle = (options: MockApiOptions): Settings => {
  known('options', options, OPTIONS)
  const { windows = [], concurrency, announceConcurrency = true, credits, headers = 'ietf', seed = 1 } = options
  const { retryAfter = headers === false ? false : 'seconds', latencyMs = 0, rejectionLatencyMs = 0, work } = options
  const { outages = [], flaky, empty = 0, exempt = isBalance, routes = () => {}, slotUntil = 'response' } = options
  const { logSize = 0 } = options
  const slowBodyMs = flaky?.slowBodyMs ?? 1000
  if (flaky !== undefined) {
    known('flaky', flaky, ['rate', 'kinds', 'slowBodyMs'])
    number('flaky.slowBodyMs', slowBodyMs, 1, MAX_MS)
  }
  const { rate, kinds } = flakyOf(flaky)
  return {
    seed: number('seed', seed, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    windows: list('windows', windows).map((window, i) => windowOf(window, i, windows.length)),
    concurrency: concurrency === undefined ? Infinity : whole('concurrency', concurrency, 1),
    announceConcurrency: oneOf('announceConcurrency', announceConcurrency, [true, false, 'ietf', 'both', 'message']),
    credits: credits === undefined ? undefined : creditsOf(credits),
    headers:
      typeof headers === 'function'
        ? headers
        : oneOf('headers', headers, [...(Object.keys(dialects) as DialectName[]), false], ' or a function'),
    retryAfter: oneOf('retryAfter', retryAfter, ['seconds', 'decimal', 'date', 'ms', false]),
    latencyMs: latencyOf('latencyMs', latencyMs, seed),
    rejectionLatencyMs: latencyOf('rejectionLatencyMs', rejectionLatencyMs, seed),
    work: work === undefined ? undefined : workOf(work),
    outages: list('outages', outages).map(outageOf),
    flakeOf(index) {
      if (rate === 0) return undefined
      const random = randomFrom(seed, 'flaky', index)
      return random() < rate ? pick(random, kinds) : undefined
    },
    flakyRate: rate,
    flakyKinds: kinds,
    slowBodyMs,
    hasNoRecord: emptyOf(empty, seed),
    exempt: callable('exempt', exempt),
    routes: callable('routes', routes),
    slotUntil: oneOf('slotUntil', slotUntil, ['response', 'body-end']),
    logSize: whole('logSize', logSize, 0),
  }
}

const isBalance = (request: Request) => new URL(request.url).pathname === '/v1/balance'

const windowOf = (options: WindowOptions, index: number, count: number): WindowSettings => {
  const at = (field: string) => `windows[${index}].${field}`
  known(`windows[${index}]`, options, ['limit', 'windowMs', 'kind', 'burst', 'align', 'counts', 'status', 'name'])
  const { limit, windowMs, kind = 'fixed', burst = limit, align = 'first-use', counts = 'accepted' } = options
  const { status = 429, name = count === 1 ? 'default' : `window-${index + 1}` } = options
  if (options.burst !== undefined && kind !== 'bucket') {
    fail(RangeError, at('burst'), options.burst, `a burst only with kind: 'bucket'`)
  }
  if (options.align !== undefined && kind !== 'fixed') {
    fail(RangeError, at('align'), options.align, `an alignment only with kind: 'fixed'`)
  }
  if (!/^[\w.-]+$/.test(name)) fail(RangeError, at('name'), name, 'letters, digits, "_", "." and "-"')
  return {
    limit: whole(at('limit'), limit, 1),
    windowMs: number(at('windowMs'), windowMs, 1, Number.MAX_SAFE_INTEGER),
    kind: oneOf(at('kind'), kind, ['fixed', 'sliding', 'bucket']),
    burst: whole(at('burst'), burst, 1),
    align: oneOf(at('align'), align, ['first-use', 'clock']),
    counts: oneOf(at('counts'), counts, ['accepted', 'arrivals']),
    status: errorStatus(at('status'), status),
    name,
  }
}

const creditsOf = (options: CreditOptions): CreditSettings => {
  known('credits', options, ['balance', 'cost', 'chargeErrors', 'costHeader', 'balanceHeader'])
  const { balance, cost = 1, chargeErrors = false } = options
  const { costHeader = 'x-credits-charged', balanceHeader = 'x-credits-remaining' } = options
  return {
    balance: number('credits.balance', balance, 0, Number.MAX_SAFE_INTEGER),
    cost:
      typeof cost === 'function'
        ? (request) => number('credits.cost()', cost(request), 0, Number.MAX_SAFE_INTEGER)
        : number('credits.cost', cost, 0, Number.MAX_SAFE_INTEGER),
    chargeErrors: oneOf('credits.chargeErrors', chargeErrors, [true, false]),
    costHeader: headerName('credits.costHeader', costHeader),
    balanceHeader: headerName('credits.balanceHeader', balanceHeader),
  }
}

const workOf = (options: WorkOptions): WorkSettings => {
  known('work', options, ['perSecond', 'maxQueued', 'rejectionCost'])
  const { perSecond, maxQueued = Infinity, rejectionCost = 0 } = options
  return {
    perSecond: number('work.perSecond', perSecond, Number.MIN_VALUE, 1e6),
    maxQueued: maxQueued === Infinity ? maxQueued : number('work.maxQueued', maxQueued, 0, Number.MAX_SAFE_INTEGER),
    rejectionCost: number('work.rejectionCost', rejectionCost, 0, 1e6),
  }
}

const outageOf = (options: OutageOptions, index: number): OutageSettings => {
  const at = (field: string) => `outages[${index}].${field}`
  known(`outages[${index}]`, options, ['fromMs', 'toMs', 'status', 'retryAfter'])
  const { fromMs, toMs, status = 503, retryAfter = false } = options
  number(at('fromMs'), fromMs, 0, Number.MAX_SAFE_INTEGER)
  if (toMs !== Infinity) number(at('toMs'), toMs, fromMs, Number.MAX_SAFE_INTEGER)
  return {
    fromMs,
    toMs,
    status:
      typeof status === 'number' ? errorStatus(at('status'), status) : oneOf(at('status'), status, ['reset', 'hang']),
    retryAfter: oneOf(at('retryAfter'), retryAfter, [true, false]),
  }
}

const flakyOf = (options: FlakyOptions | undefined): { rate: number; kinds: readonly [FlakyKind, ...FlakyKind[]] } => {
  const { rate = 0, kinds = ['500', '503', 'reset'] } = options ?? {}
  const [first, ...others] = list('flaky.kinds', kinds)
  if (first === undefined) return fail(RangeError, 'flaky.kinds', kinds, 'at least one kind')
  for (const kind of kinds) {
    if (!['reset', 'truncate', 'slow-body', 'hang'].includes(kind) && !/^[45]\d\d$/.test(kind)) {
      fail(RangeError, 'flaky.kinds', kind, `'reset', 'truncate', 'slow-body', 'hang' or an error status such as '503'`)
    }
  }
  return { rate: number('flaky.rate', rate, 0, 1), kinds: [first, ...others] }
}

const latencyOf = (name: string, latency: Latency, seed: number): Settings['latencyMs'] => {
  if (typeof latency === 'number') {
    number(name, latency, 0, MAX_MS)
    return () => latency
  }
  if (typeof latency === 'function') {
    return (index, request) => number(`${name}()`, latency(randomFrom(seed, name, index), request), 0, MAX_MS)
  }
  const [from, to] = list(name, latency)
  number(`${name}[0]`, from, 0, MAX_MS)
  number(`${name}[1]`, to, from ?? 0, MAX_MS)
  return (index) => from + (to - from) * randomFrom(seed, name, index)()
}

const emptyOf = (empty: number | ((ip: string) => boolean), seed: number): Settings['hasNoRecord'] => {
  if (typeof empty === 'function') return empty
  number('empty', empty, 0, 1)
  return (ip) => randomFrom(seed, 'empty', ip)() < empty
}

const show = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value))

const fail = (Type: ErrorConstructor, option: string, value: unknown, accepted: string): never => {
  throw new Type(`createMockApi: ${option} is ${show(value)}, accepted: ${accepted}`)
}

const number = (option: string, value: unknown, min: number, max: number): number => {
  if (typeof value !== 'number') return fail(TypeError, option, value, 'a number')
  // Written so that NaN fails too.
  if (!(value >= min && value <= max)) {
    const from = min === Number.MIN_VALUE ? 'above 0' : `from ${min}`
    return fail(RangeError, option, value, `a number ${from}${max < Number.MAX_SAFE_INTEGER ? ` to ${max}` : ''}`)
  }
  return value
}

const whole = (option: string, value: unknown, min: number): number => {
  const checked = number(option, value, min, Number.MAX_SAFE_INTEGER)
  return Number.isInteger(checked) ? checked : fail(RangeError, option, value, `a whole number from ${min}`)
}

const errorStatus = (option: string, value: unknown): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 400 && value <= 599
    ? value
    : fail(RangeError, option, value, 'a status from 400 to 599')

const oneOf = <T>(option: string, value: unknown, accepted: readonly T[], more = ''): T => {
  const found = accepted.find((one) => one === value)
  return found === undefined ? fail(RangeError, option, value, accepted.map(show).join(', ') + more) : found
}

const callable = <T>(option: string, value: T): T =>
  typeof value === 'function' ? value : fail(TypeError, option, value, 'a function')

const list = <T extends readonly unknown[]>(option: string, value: T): T =>
  Array.isArray(value) ? value : fail(TypeError, option, value, 'a list')

const headerName = (option: string, value: string | false): string | false =>
  value === false || /^[\w-]+$/.test(value) ? value : fail(RangeError, option, value, 'a header name or false')

/** A misspelt option would otherwise be ignored in silence. */
const known = (option: string, value: unknown, names: readonly string[]): void => {
  if (typeof value !== 'object' || value === null) fail(TypeError, option, value, 'an object')
  for (const name of Object.keys(value as object)) {
    if (names.includes(name)) continue
    throw new TypeError(`createMockApi: ${option} has an unknown "${name}", accepted: ${names.join(', ')}`)
  }
}
