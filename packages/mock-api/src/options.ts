import {
  boolean,
  callback,
  count,
  either,
  having,
  type Kind,
  type KindsOf,
  list,
  milliseconds,
  number,
  oneOf,
  read,
  readOptions,
  required,
  shape,
  string,
} from '@aplomb/pipeline'
import type { Hono } from 'hono'
import { type DialectName, dialects, type HeaderDialect } from './dialects.ts'
import type {
  LimitOptions,
  Profile,
  ProfileLimits,
  ProfileSettings,
  ProfileWindow,
  ProfileWindowSettings,
} from './profile.ts'
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

export interface MockApiOptions<Name extends string = string> {
  /** The same seed and the same order of requests give the same answers. @default 1 */
  readonly seed?: number | undefined
  /**
   * A vendor as a whole, of `@aplomb/mock-api/profiles`: its routes, limits, headers, errors and streams. It takes the
   * place of `windows`, `concurrency`, `announceConcurrency`, `credits`, `headers`, `retryAfter` and `empty`.
   * @default an API of our own
   */
  readonly profile?: Profile<Name> | undefined
  /** Other limits than the profile's, by its names for them; `false` for none. @default as the vendor documents them */
  readonly limits?: ProfileLimits<NoInfer<Name>> | undefined
  /** Rate limits, all of which a request has to pass. @default none */
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
  /** A server that does one thing after the other. @default requests are worked on side by side */
  readonly work?: WorkOptions | undefined
  /** When it is down, and how that shows. @default never */
  readonly outages?: readonly OutageOptions[] | undefined
  /** What share of requests fails by chance, and how. @default none */
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
  readonly profile: ProfileSettings | undefined
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

const NAME = 'createMockApi'

/** Checks what a callback has answered. */
const answered = (option: string, value: number, kind: Kind): number =>
  read(kind, value, { of: NAME, path: `${option}()`, root: {} }) as number

const whole = count({ from: 1 })
const amount = number({ from: 0, below: Infinity })
const share = number({ from: 0, to: 1 })
const time = milliseconds({ from: 0, to: MAX_MS })
const windowMs = milliseconds({ from: 1, below: Infinity })
const errorStatus: Kind = count({ from: 400, to: 599 })
const named = (takes: string, pattern: RegExp): Kind => ({
  ...string(takes, (value) => pattern.test(value)),
  named: true,
})
const headerName = either(oneOf(false), named('a header name', /^[\w-]+$/))
const range: Kind = {
  ...list(time, 'a range of two, the lower first'),
  fits: ([from, to, ...more]: readonly number[]) =>
    more.length === 0 && from !== undefined && to !== undefined && !(to < from),
}
const latencyKind = either(time, callback, range)
const flakyKinds: Kind = {
  ...list(
    named(
      "'reset', 'truncate', 'slow-body', 'hang' or an error status such as '503'",
      /^(?:reset|truncate|slow-body|hang|[45]\d\d)$/,
    ),
    'a list of at least one kind',
  ),
  fits: ({ length }: readonly unknown[]) => length > 0,
}

const windowOptions: KindsOf<WindowOptions> = {
  limit: required(whole),
  windowMs: required(windowMs),
  kind: oneOf('fixed', 'sliding', 'bucket'),
  burst: whole,
  align: oneOf('first-use', 'clock'),
  counts: oneOf('accepted', 'arrivals'),
  status: errorStatus,
  name: named('letters, digits, "_", "." and "-"', /^[\w.-]+$/),
}

const outageOptions: KindsOf<OutageOptions> = {
  fromMs: required(milliseconds({ from: 0, below: Infinity })),
  toMs: required(milliseconds({ from: 0 })),
  status: either(errorStatus, oneOf('reset', 'hang')),
  retryAfter: boolean,
}

const mockApiOptions: KindsOf<MockApiOptions> = {
  seed: number({ above: -Infinity, below: Infinity }),
  windows: list(shape(windowOptions), 'a list of windows'),
  concurrency: whole,
  announceConcurrency: oneOf(true, false, 'ietf', 'both', 'message'),
  credits: shape<CreditOptions>({
    balance: required(amount),
    cost: either(amount, callback),
    chargeErrors: boolean,
    costHeader: headerName,
    balanceHeader: headerName,
  }),
  headers: either(oneOf(...Object.keys(dialects), false), callback),
  retryAfter: oneOf('seconds', 'decimal', 'date', 'ms', false),
  latencyMs: latencyKind,
  rejectionLatencyMs: latencyKind,
  work: shape<WorkOptions>({
    perSecond: required(number({ above: 0, to: 1e6 })),
    maxQueued: number({ from: 0 }),
    rejectionCost: number({ from: 0, to: 1e6 }),
  }),
  outages: list(shape(outageOptions), 'a list of outages'),
  flaky: shape<FlakyOptions>({
    rate: required(share),
    kinds: flakyKinds,
    slowBodyMs: milliseconds({ from: 1, to: MAX_MS }),
  }),
  empty: either(share, callback),
  exempt: callback,
  routes: callback,
  slotUntil: oneOf('response', 'body-end'),
  logSize: count({ from: 0 }),
  profile: {
    ...having("a profile of '@aplomb/mock-api/profiles', such as its openai", 'weigh'),
    named: true,
  },
  limits: { takes: 'a plain object with limits of the profile', is: (value) => Object(value) === value },
}

/** What a profile says by itself. */
const UNPROFILED = [
  'windows',
  'concurrency',
  'announceConcurrency',
  'credits',
  'headers',
  'retryAfter',
  'empty',
] as const

const fixedLimit = shape<Omit<LimitOptions, 'burst'>>({ limit: whole, windowMs })
const bucketLimit = shape<LimitOptions>({ limit: whole, windowMs, burst: whole })

const limitKind = (name: string, documented: ProfileWindow | number | false): Kind => {
  const amounts: Readonly<Record<string, Kind>> = { concurrency: whole, credits: amount }
  const isBucket = typeof documented === 'object' && documented.kind === 'bucket'
  return either(amounts[name] ?? (isBucket ? bucketLimit : fixedLimit), oneOf(false))
}

/** The limits of a profile, as they are here. */
const profileOf = (profile: Profile, options: MockApiOptions) => {
  for (const option of UNPROFILED) {
    if (options[option] === undefined) continue
    throw new TypeError(`${NAME}: ${option} goes without a profile only; limits sets those of ${profile.name}`)
  }
  const names = Object.entries(profile.limits)
  const kinds = Object.fromEntries(names.map(([name, documented]) => [name, limitKind(name, documented)]))
  const at = { of: NAME, path: 'limits', root: { limits: shape(kinds) } }
  const set = read(shape(kinds), options.limits ?? {}, at) as Readonly<Record<string, LimitOptions | number | false>>
  const windows = new Map<string, ProfileWindowSettings>()
  const amounts: Record<string, number> = {}
  for (const [name, documented] of names) {
    const here = set[name] ?? documented
    if (typeof here === 'number') amounts[name] = here
    else if (here !== false)
      windows.set(name, profileWindow(name, { ...(documented as ProfileWindow), ...here } as ProfileWindow))
  }
  const { concurrency = Infinity, credits } = amounts
  return {
    profile: { profile, windows },
    concurrency,
    credits: credits === undefined ? undefined : { balance: credits },
  }
}

const profileWindow = (name: string, { per, ...window }: ProfileWindow): ProfileWindowSettings => ({
  ...windowOf({ ...window, name }, 0, 1),
  per,
})

export const settle = (options: MockApiOptions): Settings => {
  const checked = readOptions(NAME, options, mockApiOptions)
  if (checked.profile === undefined && checked.limits !== undefined) {
    throw new TypeError(`${NAME}: limits goes with a profile only`)
  }
  const profile = checked.profile && profileOf(checked.profile, checked)
  const { windows = [], announceConcurrency = true, headers = 'ietf', seed = 1 } = checked
  const { concurrency = Infinity, credits } = profile ?? checked
  const { retryAfter = headers === false ? false : 'seconds', latencyMs = 0, rejectionLatencyMs = 0, work } = checked
  const { exempt = profile === undefined ? isBalance : () => false } = checked
  const { outages = [], flaky, empty = 0, routes = () => {}, slotUntil = 'response' } = checked
  const rate = flaky?.rate ?? 0
  const kinds = (flaky?.kinds ?? ['500', '503', 'reset']) as readonly [FlakyKind, ...FlakyKind[]]
  return {
    seed,
    profile: profile?.profile,
    windows: windows.map((window, i) => windowOf(window, i, windows.length)),
    concurrency,
    announceConcurrency,
    credits: credits && creditsOf(credits),
    headers,
    retryAfter,
    latencyMs: latencyOf('latencyMs', latencyMs, seed),
    rejectionLatencyMs: latencyOf('rejectionLatencyMs', rejectionLatencyMs, seed),
    work: work && { ...work, maxQueued: work.maxQueued ?? Infinity, rejectionCost: work.rejectionCost ?? 0 },
    outages: outages.map(outageOf),
    flakeOf(index) {
      if (rate === 0) return undefined
      const random = randomFrom(seed, 'flaky', index)
      return random() < rate ? pick(random, kinds) : undefined
    },
    flakyRate: rate,
    flakyKinds: kinds,
    slowBodyMs: flaky?.slowBodyMs ?? 1000,
    hasNoRecord: typeof empty === 'function' ? empty : (ip) => randomFrom(seed, 'empty', ip)() < empty,
    exempt,
    routes,
    slotUntil,
    logSize: checked.logSize ?? 0,
  }
}

const isBalance = (request: Request) => new URL(request.url).pathname === '/v1/balance'

const windowOf = (options: WindowOptions, index: number, of: number): WindowSettings => {
  const { limit, kind = 'fixed', burst = limit, align = 'first-use', counts = 'accepted', status = 429 } = options
  const { name = of === 1 ? 'default' : `window-${index + 1}` } = options
  for (const [option, only] of [
    ['burst', 'bucket'],
    ['align', 'fixed'],
  ] as const) {
    if (options[option] !== undefined && kind !== only)
      throw new RangeError(`${NAME}: windows[${index}].${option} goes with kind: '${only}' only, got kind: '${kind}'`)
  }
  return { limit, windowMs: options.windowMs, kind, burst, align, counts, status, name }
}

const creditsOf = ({
  balance,
  cost = 1,
  chargeErrors = false,
  costHeader = 'x-credits-charged',
  balanceHeader = 'x-credits-remaining',
}: CreditOptions): CreditSettings => ({
  balance,
  cost: typeof cost === 'function' ? (request) => answered('credits.cost', cost(request), amount) : cost,
  chargeErrors,
  costHeader,
  balanceHeader,
})

const outageOf = ({ fromMs, toMs, status = 503, retryAfter = false }: OutageOptions, index: number): OutageSettings => {
  read(milliseconds({ from: fromMs }), toMs, { of: NAME, path: `outages[${index}].toMs`, root: {} })
  return { fromMs, toMs, status, retryAfter }
}

const latencyOf = (name: string, latency: Latency, seed: number): Settings['latencyMs'] => {
  if (typeof latency === 'number') return () => latency
  if (typeof latency === 'function')
    return (index, request) => answered(name, latency(randomFrom(seed, name, index), request), time)
  const [from, to] = latency
  return (index) => from + (to - from) * randomFrom(seed, name, index)()
}
