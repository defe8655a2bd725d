export type {
  Call,
  Fetch,
  GiveUp,
  GradualWeight,
  Middleware,
  Next,
  Outgoing,
  RequestLine,
  WaitKind,
  WeighedAnswer,
  Weigher,
  Weight,
} from './contract.ts'
export type {
  AlertEvent,
  AttemptEvent,
  CallEvent,
  CreditsEvent,
  EventListener,
  GiveUpEvent,
  HoldEvent,
  LimitEvent,
  QueueEvent,
  RetryEvent,
} from './events.ts'
export type { Again, Ask, Constraint, Departure, Line, Signal } from './constraint.ts'
export type { Constrained } from './compose.ts'
export type { Doorway, Sharing } from './constrained.ts'
export type { Handler, RelayHandler } from './chain.ts'
export type { CreateFetchOptions } from './create-fetch.ts'
export type { ConcurrencyLimit, Credits, Limits, LimitWindow } from './limits.ts'
export type { Keyed, KeyedOptions, Standing } from './keyed.ts'
export { clock, later } from './clock.ts'
export { callOf, compose, constrained, middleware, middlewares, relay, someMiddleware } from './compose.ts'
export { createFetch, createFetchOptions } from './create-fetch.ts'
export { discard } from './discard.ts'
export {
  BreakerOpenError,
  NoResponseError,
  QueueFullError,
  QueueTimeoutError,
  WeightExceedsLimitError,
} from './errors.ts'
export { endpointOf } from './endpoint.ts'
export { isSharedIsolate } from './isolate.ts'
export { keyed } from './keyed.ts'
export { guarded, type Guard, notify } from './callback.ts'
export { keyOfAnswer, originOf, setOriginOfAnswer } from './origin.ts'
export { onAbort } from './on-abort.ts'
export { type OwnLimits, ownLimits } from './own-limits.ts'
export { hasIdempotencyKey, isRepeatable, type Repeatable } from './repeatable.ts'
export {
  boolean,
  callback,
  count,
  either,
  type Foreign,
  having,
  type Kind,
  type KindsOf,
  list,
  milliseconds,
  number,
  oneOf,
  read,
  type Range,
  readOptions,
  required,
  shape,
  string,
} from './options.ts'
export { type Failing, failureOf, judgeEnding } from './failure.ts'
export { byStatus, headersOf, judgeHead, type ReadHeader, type Reading, statusOf } from './judge.ts'
export {
  type Action,
  type Found,
  isKind,
  isMoney,
  type KindRow,
  KINDS,
  newVerdict,
  type Verdict,
  type VerdictKind,
} from './verdict.ts'
export {
  carryVerdict,
  finalVerdictOf,
  type Peeked,
  peekedBody,
  peekedWhole,
  setAside,
  setReading,
  setVerdict,
  verdictOf,
  verdictOfError,
} from './verdicts.ts'
export { type Entry, newOrdered, type Ordered } from './line.ts'
export { sleep } from './sleep.ts'
export { warnOnce } from './warn-once.ts'
