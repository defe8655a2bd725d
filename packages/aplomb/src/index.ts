import { backoffJitter, backoffJitterOptions, type BackoffJitterOptions } from '@aplomb/backoff-jitter'
import { classify, classifyOptions, type ClassifyOptions } from '@aplomb/classify'
import {
  concurrencyGate,
  concurrencyGateOptions,
  type ConcurrencyGateOptions,
  type GateStats,
} from '@aplomb/concurrency-gate'
import {
  creditMeter,
  creditMeterOptions,
  type CreditMeterOptions,
  type Usage,
  type CreditStore,
} from '@aplomb/credit-meter'
import { log, logOptions, type LogOptions } from '@aplomb/log'
import {
  createFetch,
  createFetchOptions,
  type CreateFetchOptions,
  either,
  type Fetch,
  type Kind,
  type KindsOf,
  type Middleware,
  middlewares,
  oneOf,
  readOptions,
  shape,
  someMiddleware,
} from '@aplomb/pipeline'
import { retryAfter, retryAfterOptions, type RetryAfterOptions } from '@aplomb/retry-after'
import { FOREIGN } from './foreign.ts'

/** Makes one client of all processes that share a key; `credits` is where those are counted. */
export interface Store extends Middleware {
  readonly credits?: CreditStore | undefined
}

/** A middleware's options, a middleware to use in its place, or `false` to leave it out. */
export type Part<Options> = Options | Middleware | false | undefined

/** Options of {@link aplomb}. None is needed. */
export interface AplombOptions extends CreateFetchOptions {
  /** What happened: records per attempt, retry and call. */
  readonly log?: Part<LogOptions>
  /** Failures without a time: attempts, delays, jitter. */
  readonly backoffJitter?: Part<BackoffJitterOptions>
  /** How many at once. */
  readonly concurrencyGate?: Part<ConcurrencyGateOptions>
  /** Failures with a time: holds and pacing. */
  readonly retryAfter?: Part<RetryAfterOptions>
  /** What it cost: budget, alerts, stop. */
  readonly creditMeter?: Part<CreditMeterOptions>
  /** What an answer means: rules of your own, lookups on which 404 is data. */
  readonly classify?: Part<ClassifyOptions>
  /** Makes one client of all processes that share a key: {@link https://www.npmjs.com/package/@aplomb/redis | redis()}. */
  readonly store?: Store | undefined
  /** Middlewares that watch calls as a whole, such as `alert()` and `otel()`. They stand outermost. */
  readonly observe?: readonly Middleware[] | undefined
  /** Middlewares of your own. They stand innermost, next to the network: each sees every attempt. */
  readonly use?: readonly Middleware[] | undefined
}

/** A `fetch` with composure, and views of what it knows. */
export interface AplombFetch extends Fetch {
  /** What was spent, for a key or for all together; `undefined` without a credit meter of ours. */
  usage(key?: string): Usage | undefined
  /** How many are in flight and in the queue, for a key or for all together; `undefined` without a gate of ours. */
  stats(key?: string): GateStats | undefined
}

const part = <Options>(options: KindsOf<Options>): Kind => either(oneOf(false), someMiddleware, shape(options))

const aplombOptions: KindsOf<AplombOptions> = {
  ...createFetchOptions,
  log: part(logOptions),
  backoffJitter: part(backoffJitterOptions),
  concurrencyGate: part(concurrencyGateOptions),
  retryAfter: part(retryAfterOptions),
  creditMeter: part(creditMeterOptions),
  classify: part(classifyOptions),
  store: someMiddleware,
  observe: middlewares,
  use: middlewares,
}

/**
 * A `fetch` that keeps its composure: all middlewares in the right order, each with its defaults. Right for an API that
 * nobody told it about.
 *
 * @throws {TypeError | RangeError} if an option is unknown or makes no sense.
 * @example
 * const fetch = aplomb({ creditMeter: { budget: 10_000 }, classify: { lookups: '/v1/lookup/:ip' } })
 * const place = await unwrap(await fetch('https://api.example.com/v1/lookup/192.0.2.1'))
 */
export const aplomb = (options: AplombOptions = {}): AplombFetch => {
  const {
    log: logging,
    backoffJitter: backoff,
    concurrencyGate: gate,
    retryAfter: hold,
    creditMeter: credits,
    classify: classes,
    store,
    observe = [],
    use = [],
    ...pipeline
  } = readOptions('aplomb', options, aplombOptions, FOREIGN)
  const meter = made(metered(credits, store), creditMeter)
  const gateway = made(gate, concurrencyGate)
  // The order and its reasons: a sleeping call holds no slot; the last thing before sending is asking whether it is
  // time yet; each attempt that reaches the server is charged once; everybody above reads one verdict.
  const order = [
    ...observe,
    made(logging, log),
    made(backoff, backoffJitter),
    store,
    gateway,
    made(hold, retryAfter),
    meter,
    made(classes, classify),
    ...use,
  ].filter((one) => one !== undefined)

  return Object.assign(createFetch(order, pipeline), {
    usage: (key?: string) => (meter && 'usage' in meter ? meter.usage(key) : undefined),
    stats: (key?: string) => (gateway && 'stats' in gateway ? gateway.stats(key) : undefined),
  })
}

/** What shares a key shares its credits, unless they are counted elsewhere. */
const metered = (option: Part<CreditMeterOptions>, { credits }: Partial<Store> = {}): Part<CreditMeterOptions> =>
  option === false || typeof option === 'function' || !credits ? option : { store: credits, ...option }

const made = <Options, Made extends Middleware>(
  option: Part<Options>,
  make: (options?: Options) => Made,
): Made | Middleware | undefined => {
  if (option === false) return undefined
  return typeof option === 'function' ? (option as Middleware) : make(option)
}

export { backoffJitter, classify, concurrencyGate, creditMeter, log, retryAfter }
export { rules, unwrap, verdictOf } from '@aplomb/classify'
export { limiterStore, memoryStore } from '@aplomb/credit-meter'
export { callOf, compose, constrained, createFetch, middleware, NoResponseError } from '@aplomb/pipeline'

export {
  ApiError,
  AuthenticationError,
  BillingError,
  ConcurrencyLimitError,
  InvalidRequestError,
  NotFoundError,
  OverloadedError,
  PermissionError,
  QuotaExhaustedError,
  RateLimitError,
  ServerError,
  UnprocessableError,
} from '@aplomb/classify'
export { BreakerOpenError, QueueFullError, QueueTimeoutError } from '@aplomb/concurrency-gate'
export { BudgetExceededError } from '@aplomb/credit-meter'
export { WeightExceedsLimitError } from '@aplomb/retry-after'

// Every type that one of those mentions: where packages are not hoisted, an application reaches no other package.
export type { BackoffJitterOptions, Jitter } from '@aplomb/backoff-jitter'
export type {
  Action,
  Answer,
  ClassifyOptions,
  ConcurrencyLimit,
  Credits,
  Finding,
  Head,
  HeaderRow,
  Limits,
  LimitWindow,
  Lookups,
  Meaning,
  Rule,
  TimeUnit,
  Verdict,
  VerdictKind,
} from '@aplomb/classify'
export type { ConcurrencyGate, ConcurrencyGateOptions, GateStats } from '@aplomb/concurrency-gate'
export type {
  Budget,
  BudgetExceededFacts,
  BurnRate,
  Cost,
  CreditAlert,
  CreditMeter,
  CreditMeterOptions,
  CreditStore,
  EndpointUsage,
  KeyUsage,
  Limiter,
  LimiterStoreOptions,
  Period,
  Usage,
} from '@aplomb/credit-meter'
export type {
  AttemptRecord,
  BaseRecord,
  CallRecord,
  ErrorRecord,
  Level,
  Logger,
  LogOptions,
  LogRecord,
  Outcome,
  RedactOptions,
  RetryRecord,
  Sink,
  Times,
} from '@aplomb/log'
export type {
  Again,
  AlertEvent,
  Ask,
  AttemptEvent,
  Call,
  CallEvent,
  Constrained,
  Constraint,
  CreateFetchOptions,
  CreditsEvent,
  Departure,
  EventListener,
  Fetch,
  GiveUp,
  GiveUpEvent,
  Handler,
  HoldEvent,
  LimitEvent,
  Line,
  Middleware,
  Next,
  QueueEvent,
  Repeatable,
  RequestLine,
  RetryEvent,
  Signal,
  Standing,
  WaitKind,
  Weight,
} from '@aplomb/pipeline'
export type { RetryAfterOptions } from '@aplomb/retry-after'
