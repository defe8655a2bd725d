export {
  carryVerdict,
  classify,
  classifyOptions,
  type ClassifyOptions,
  classifyResponse,
  type ClassifyResponseOptions,
  peekedBody,
  peekedWhole,
  verdictOf,
} from './classify.ts'
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
} from './errors.ts'
export type { Lookups } from './lookups.ts'
// A verdict has them, and whoever has a verdict shall be able to name them.
export type { ConcurrencyLimit, Credits, HeaderRow, Limits, LimitWindow, Meaning, TimeUnit } from '@aplomb/limits'
export { classifyError, type ClassifyErrorOptions } from './network.ts'
export { rules } from './rules.ts'
export { setAside } from './set-aside.ts'
export type { Action, Answer, Finding, Head, Rule, Verdict, VerdictKind } from './types.ts'
export { unwrap } from './unwrap.ts'
