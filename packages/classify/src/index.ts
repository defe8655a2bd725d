export { carryVerdict, classify, classifyResponse, peekedBody, peekedWhole, verdictOf } from './classify.ts'
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
export { classifyOptions, type ClassifyOptions, type ClassifyResponseOptions } from './options.ts'
// The types of a verdict's limits, for applications that name them.
export type { ConcurrencyLimit, Credits, HeaderRow, Limits, LimitWindow, Meaning, TimeUnit } from '@aplomb/limits'
export { classifyError, type ClassifyErrorOptions } from './network.ts'
export { rules } from './rules.ts'
export { setAside } from './set-aside.ts'
export type { Action, Answer, Finding, Head, Rule, Verdict, VerdictKind } from './types.ts'
export { unwrap } from './unwrap.ts'
