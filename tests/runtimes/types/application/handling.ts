// What an application does with failures, and each type by its name, from one package.
import {
  type Action,
  type AlertEvent,
  type Answer,
  ApiError,
  aplomb,
  type AplombFetch,
  type AplombOptions,
  type AttemptEvent,
  type AttemptRecord,
  AuthenticationError,
  type BackoffJitterOptions,
  type BaseRecord,
  BillingError,
  BreakerOpenError,
  type Budget,
  BudgetExceededError,
  type BudgetExceededFacts,
  type BurnRate,
  type Call,
  type CallEvent,
  type CallRecord,
  type ClassifyOptions,
  type ConcurrencyGate,
  type ConcurrencyGateOptions,
  type ConcurrencyLimit,
  ConcurrencyLimitError,
  type Cost,
  type CreateFetchOptions,
  type CreditAlert,
  type CreditMeter,
  type CreditMeterOptions,
  type Credits,
  type CreditsEvent,
  type CreditStore,
  type EndpointUsage,
  type ErrorRecord,
  type EventListener,
  type Fetch,
  type Finding,
  type GateStats,
  type GiveUp,
  type GiveUpEvent,
  type Handler,
  type Head,
  type HeaderRow,
  type HoldEvent,
  InvalidRequestError,
  type Jitter,
  type KeyUsage,
  type Level,
  type LimitEvent,
  type Limiter,
  type LimiterStoreOptions,
  type Limits,
  type LimitWindow,
  type Logger,
  type LogOptions,
  type LogRecord,
  type Lookups,
  type Meaning,
  type Middleware,
  type Next,
  NotFoundError,
  type Outcome,
  OverloadedError,
  type Part,
  type Period,
  PermissionError,
  type QueueEvent,
  QueueFullError,
  QueueTimeoutError,
  QuotaExhaustedError,
  RateLimitError,
  type RedactOptions,
  type Repeatable,
  type RetryAfterOptions,
  type RetryEvent,
  type RetryRecord,
  type Rule,
  ServerError,
  type Sink,
  type TimeUnit,
  type Times,
  UnprocessableError,
  unwrap,
  type Usage,
  type Verdict,
  type VerdictKind,
  type WaitKind,
  type Weight,
  WeightExceedsLimitError,
} from 'aplomb'

const later: Middleware = (request, next) => next(request)
const fetch: AplombFetch = aplomb({ use: [later], onEvent: (event: CallEvent) => event.type })

export const lookUp = async (url: string): Promise<unknown> => {
  try {
    return await unwrap<{ readonly city: string }>(await fetch(url))
  } catch (error) {
    // What each has beside the others.
    if (error instanceof QueueFullError) return [error.name satisfies 'QueueFullError', error.maxQueue]
    if (error instanceof QueueTimeoutError) return [error.name satisfies 'QueueTimeoutError', error.queueTimeoutMs]
    if (error instanceof BreakerOpenError) return [error.name satisfies 'BreakerOpenError', error.probeMs]
    if (error instanceof WeightExceedsLimitError) return [error.name satisfies 'WeightExceedsLimitError', error.limit]
    if (error instanceof BudgetExceededError)
      return [error.name satisfies 'BudgetExceededError', error.resetAt.getTime()]
    if (error instanceof InvalidRequestError) return error.name satisfies 'InvalidRequestError'
    if (error instanceof UnprocessableError) return error.name satisfies 'UnprocessableError'
    if (error instanceof AuthenticationError) return error.name satisfies 'AuthenticationError'
    if (error instanceof BillingError) return error.name satisfies 'BillingError'
    if (error instanceof PermissionError) return error.name satisfies 'PermissionError'
    if (error instanceof NotFoundError) return error.name satisfies 'NotFoundError'
    if (error instanceof RateLimitError) return [error.name satisfies 'RateLimitError', error.retryAt?.getTime()]
    if (error instanceof ConcurrencyLimitError) return error.name satisfies 'ConcurrencyLimitError'
    if (error instanceof QuotaExhaustedError) return error.name satisfies 'QuotaExhaustedError'
    if (error instanceof OverloadedError) return error.name satisfies 'OverloadedError'
    if (error instanceof ServerError) return [error.name satisfies 'ServerError', error.response.status]
    if (error instanceof ApiError) return [error.kind, error.verdict.evidence, error.requestId]
    throw error
  }
}

/** One that a package mentions without bringing it along is `any`. */
type IsKnown<T> = 0 extends 1 & T ? false : true

export interface Named {
  readonly Action: IsKnown<Action>
  readonly AlertEvent: IsKnown<AlertEvent>
  readonly Answer: IsKnown<Answer>
  readonly AplombFetch: IsKnown<AplombFetch>
  readonly AplombOptions: IsKnown<AplombOptions>
  readonly AttemptEvent: IsKnown<AttemptEvent>
  readonly AttemptRecord: IsKnown<AttemptRecord>
  readonly BackoffJitterOptions: IsKnown<BackoffJitterOptions>
  readonly BaseRecord: IsKnown<BaseRecord>
  readonly Budget: IsKnown<Budget>
  readonly BudgetExceededFacts: IsKnown<BudgetExceededFacts>
  readonly BurnRate: IsKnown<BurnRate>
  readonly Call: IsKnown<Call>
  readonly CallEvent: IsKnown<CallEvent>
  readonly CallRecord: IsKnown<CallRecord>
  readonly ClassifyOptions: IsKnown<ClassifyOptions>
  readonly ConcurrencyGate: IsKnown<ConcurrencyGate>
  readonly ConcurrencyGateOptions: IsKnown<ConcurrencyGateOptions>
  readonly ConcurrencyLimit: IsKnown<ConcurrencyLimit>
  readonly Cost: IsKnown<Cost>
  readonly CreateFetchOptions: IsKnown<CreateFetchOptions>
  readonly CreditAlert: IsKnown<CreditAlert>
  readonly CreditMeter: IsKnown<CreditMeter>
  readonly CreditMeterOptions: IsKnown<CreditMeterOptions>
  readonly Credits: IsKnown<Credits>
  readonly CreditsEvent: IsKnown<CreditsEvent>
  readonly CreditStore: IsKnown<CreditStore>
  readonly EndpointUsage: IsKnown<EndpointUsage>
  readonly ErrorRecord: IsKnown<ErrorRecord>
  readonly EventListener: IsKnown<EventListener>
  readonly Fetch: IsKnown<Fetch>
  readonly Finding: IsKnown<Finding>
  readonly GateStats: IsKnown<GateStats>
  readonly GiveUp: IsKnown<GiveUp>
  readonly GiveUpEvent: IsKnown<GiveUpEvent>
  readonly Handler: IsKnown<Handler>
  readonly Head: IsKnown<Head>
  readonly HeaderRow: IsKnown<HeaderRow>
  readonly HoldEvent: IsKnown<HoldEvent>
  readonly Jitter: IsKnown<Jitter>
  readonly KeyUsage: IsKnown<KeyUsage>
  readonly Level: IsKnown<Level>
  readonly LimitEvent: IsKnown<LimitEvent>
  readonly Limiter: IsKnown<Limiter>
  readonly LimiterStoreOptions: IsKnown<LimiterStoreOptions>
  readonly Limits: IsKnown<Limits>
  readonly LimitWindow: IsKnown<LimitWindow>
  readonly Logger: IsKnown<Logger>
  readonly LogOptions: IsKnown<LogOptions>
  readonly LogRecord: IsKnown<LogRecord>
  readonly Lookups: IsKnown<Lookups>
  readonly Meaning: IsKnown<Meaning>
  readonly Middleware: IsKnown<Middleware>
  readonly Next: IsKnown<Next>
  readonly Outcome: IsKnown<Outcome>
  readonly Part: IsKnown<Part<object>>
  readonly Period: IsKnown<Period>
  readonly QueueEvent: IsKnown<QueueEvent>
  readonly RedactOptions: IsKnown<RedactOptions>
  readonly Repeatable: IsKnown<Repeatable>
  readonly RetryAfterOptions: IsKnown<RetryAfterOptions>
  readonly RetryEvent: IsKnown<RetryEvent>
  readonly RetryRecord: IsKnown<RetryRecord>
  readonly Rule: IsKnown<Rule>
  readonly Sink: IsKnown<Sink>
  readonly TimeUnit: IsKnown<TimeUnit>
  readonly Times: IsKnown<Times>
  readonly Usage: IsKnown<Usage>
  readonly Verdict: IsKnown<Verdict>
  readonly VerdictKind: IsKnown<VerdictKind>
  readonly WaitKind: IsKnown<WaitKind>
  readonly Weight: IsKnown<Weight>
}

export const named: { readonly [Name in keyof Named]: true } = {} as Named
