import { clock } from '@aplomb/pipeline'
/** How many retries a key may add to its traffic. */
export interface RetryBudget {
  /** Notes a call, and with it a share of a retry. */
  deposit(): void
  /** Milliseconds until the next retry is there for the taking. */
  waitMs(): number
  /** Takes one retry out, or lines up for it. Returns the milliseconds until it is there. */
  withdraw(): number
  /** Whether it has filled up again. */
  readonly full: boolean
}

/** Retries are at most this share of the calls, as in Finagle's RetryBudget and Envoy's retry_budget (20 %). */
const SHARE = 0.2
/** Retries a second that are always allowed: a client with little traffic needs some, too (Finagle: 10). */
const FLOOR_PER_SECOND = 10
/** What may be saved up, in retries. */
const MOST = 100

/** A token bucket that calls and time fill. When it is empty, retries do not fail: they line up for the next token. */
export const newRetryBudget = (): RetryBudget => {
  let tokens = FLOOR_PER_SECOND
  let at = clock()
  const refill = (): void => {
    const now = clock()
    if (tokens < FLOOR_PER_SECOND) tokens = Math.min(FLOOR_PER_SECOND, tokens + ((now - at) / 1000) * FLOOR_PER_SECOND)
    at = now
  }
  const waitMs = (): number => {
    refill()
    return tokens >= 1 ? 0 : ((1 - tokens) / FLOOR_PER_SECOND) * 1000
  }
  return {
    deposit: () => {
      refill()
      tokens = Math.min(MOST, tokens + SHARE)
    },
    waitMs,
    withdraw: () => {
      const ms = waitMs()
      tokens--
      return ms
    },
    get full() {
      refill()
      return tokens >= FLOOR_PER_SECOND
    },
  }
}
