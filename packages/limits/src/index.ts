export { type BodyLimits, readBody } from './body.ts'
export { type Prose, readProse } from './prose.ts'
export { type ReadLimitsOptions, readLimits, serverTime } from './read.ts'
export type { HeaderRow, Meaning } from './rows.ts'
export type { ConcurrencyLimit, Credits, Limits, LimitWindow } from './types.ts'
export { tightestFirst } from './order.ts'
export {
  MAX_WAIT_MS,
  parseDate,
  parseDuration,
  parseReset,
  parseRetryAfter,
  type TimeUnit,
} from './values.ts'
