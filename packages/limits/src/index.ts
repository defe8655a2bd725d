export { type BodyLimits, readBody } from './body.ts'
export { type Prose, readProse } from './prose.ts'
export { type ReadLimitsOptions, readLimits, serverTime } from './read.ts'
export { type HeaderRow, type Meaning, MEANINGS } from './rows.ts'
export type { ConcurrencyLimit, Credits, Limits, LimitWindow } from './types.ts'
export { tightestFirst } from './order.ts'
export {
  MAX_WAIT_MS,
  parseDate,
  parseDuration,
  parseReset,
  parseRetryAfter,
  TIME_UNITS,
  type TimeUnit,
} from './values.ts'
