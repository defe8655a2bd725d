export type { Call, Fetch, GiveUp, Middleware, Next, Outgoing, RequestLine, Seat, WaitKind } from './contract.ts'
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
export type { Handler, RelayHandler } from './chain.ts'
export type { CreateFetchOptions } from './create-fetch.ts'
export type { Keyed, KeyedOptions, Standing } from './keyed.ts'
export { clock, later } from './clock.ts'
export { callOf, compose, middleware, middlewares, relay, someMiddleware } from './compose.ts'
export { createFetch, createFetchOptions } from './create-fetch.ts'
export { discard } from './discard.ts'
export { NoResponseError } from './errors.ts'
export { endpointOf } from './endpoint.ts'
export { keyed } from './keyed.ts'
export { guarded, type Guard, notify } from './callback.ts'
export { keyOfAnswer } from './origin.ts'
export { onAbort } from './on-abort.ts'
export { type OwnLimits, ownLimits } from './own-limits.ts'
export { hasIdempotencyKey, type Repeatable } from './repeatable.ts'
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
export { sleep } from './sleep.ts'
export { warnOnce } from './warn-once.ts'
