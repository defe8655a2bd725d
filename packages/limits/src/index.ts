export { type BodyLimits, readBody } from './body.ts'
export { isRecord, type Json, parseJson, walk } from './json.ts'
export { type Prose, readProse } from './prose.ts'
export { readHead, type ReadHead, type ReadLimitsOptions, readLimits, serverTime, type Wanted } from './read.ts'
export { readHeaders, type ReadHeadersOptions, rowsKind } from './read-headers.ts'
export { type HeaderRow, type Meaning, MEANINGS } from './rows.ts'
export type { ConcurrencyLimit, Credits, Limits, LimitWindow } from '@aplomb/pipeline'
export type { CodeRow, EnvelopeRow, ErrorHeaderRow, WordRow } from './vendor.ts'
export { atCeiling, emptyWindow, exhausted, type HeaderSign, isAllowance, windowWait, zeroLimit } from './signs.ts'
export { tightestFirst } from './order.ts'
export { DAY, HOUR, MINUTE, SECOND } from './units.ts'
export {
  MAX_WAIT_MS,
  parseDate,
  parseDuration,
  parseReset,
  parseRetryAfter,
  TIME_UNITS,
  type TimeUnit,
} from './values.ts'
