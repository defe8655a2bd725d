import { boolean, constrained, count, type KindsOf, type Middleware, milliseconds, readOptions } from '@aplomb/pipeline'
export { WeightExceedsLimitError } from '@aplomb/pipeline'

import { NAME, newWaits } from './waits.ts'

/** Options of {@link retryAfter}. */
export interface RetryAfterOptions {
  /** How often a call may be sent, the first time included. @default 4 */
  readonly maxAttempts?: number | undefined
  /** The longest wait to sit out, in milliseconds. A longer one is not shortened: the answer is returned now. @default 60000 */
  readonly maxWaitMs?: number | undefined
  /** Whether to wait for a reset that headers announce, instead of earning a 429. @default true */
  readonly pace?: boolean | undefined
}

/** What each option takes. */
export const retryAfterOptions: KindsOf<RetryAfterOptions> = {
  maxAttempts: count({ from: 1 }, 'attempts, the first included'),
  maxWaitMs: milliseconds({ from: 0 }),
  pace: boolean,
}

/**
 * The server said when: holds every call of the key until then, and sends this one again.
 *
 * Acts on answers of the kinds `rate-limited` and `overloaded` that name a wait (RFC 9110 section 10.2.3, and what
 * {@link https://www.npmjs.com/package/@aplomb/limits | @aplomb/limits} reads).
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const fetch = createFetch([retryAfter({ maxWaitMs: 10_000 })])
 */
export const retryAfter = (options: RetryAfterOptions = {}): Middleware => {
  const {
    maxAttempts = 4,
    maxWaitMs = 60_000,
    pace: paced = true,
  } = readOptions('retryAfter', options, retryAfterOptions)
  return constrained(NAME, (_, line) => newWaits(line, { maxAttempts, maxWaitMs, paced }))
}
