export { carryVerdict, peekedBody, peekedWhole, setAside, verdictOf } from '@aplomb/pipeline'
export { classify, classifyResponse } from './classify.ts'
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
export type { HeaderRow, Meaning, TimeUnit } from '@aplomb/limits'
export type { Action, ConcurrencyLimit, Credits, Limits, LimitWindow, Verdict, VerdictKind } from '@aplomb/pipeline'
export { classifyError, type ClassifyErrorOptions } from './network.ts'
export { rules } from './rules.ts'
export type { Answer, Finding, Head, Rule } from './types.ts'
export { unwrap } from './unwrap.ts'
