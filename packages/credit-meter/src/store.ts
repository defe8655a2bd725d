import { count, readOptions } from '@aplomb/pipeline'

/**
 * Where credits are counted: any set of named counters that only grow. Each name is used for one period and may be
 * forgotten when that is over.
 */
export interface CreditStore {
  /** Adds to a counter and gives its new total. */
  add(counter: string, credits: number, expiresInMs: number): number | Promise<number>
  /** The counter's total, if there is one. */
  get(counter: string): number | undefined | Promise<number | undefined>
}

/** What is needed of a limiter of `rate-limiter-flexible`: every class of it has these two. */
export interface Limiter {
  penalty(
    key: string,
    points: number,
    options: { readonly customDuration: number },
  ): Promise<{ readonly consumedPoints: number }>
  get(key: string): Promise<{ readonly consumedPoints: number } | null>
}

/** Options of {@link limiterStore}. */
export interface LimiterStoreOptions {
  /**
   * Limiters count in whole points: so many make a credit. A cost of 0.001 needs 1000. PostgreSQL and MySQL count
   * to 2^31 points per counter.
   * @default 1000
   */
  readonly pointsPerCredit?: number | undefined
}

const SWEEP_AT = 1000

/** Sums of decimal costs, without the dust of binary fractions: to a millionth of a credit. */
export const tidy = (credits: number): number => Math.round(credits * 1e6) / 1e6

/** Counters in this process. */
export const memoryStore = (): CreditStore => {
  const counters = new Map<string, { total: number; expiresAt: number }>()
  let sweepAt = SWEEP_AT
  const sweep = (now: number): void => {
    for (const [name, { expiresAt }] of counters) if (expiresAt <= now) counters.delete(name)
    sweepAt = Math.max(SWEEP_AT, counters.size * 2)
  }
  return {
    add: (name, credits, expiresInMs) => {
      const now = Date.now()
      const known = counters.get(name)
      if (known && known.expiresAt > now) return (known.total = tidy(known.total + credits))
      if (counters.size >= sweepAt) sweep(now)
      counters.set(name, { total: tidy(credits), expiresAt: now + expiresInMs })
      return tidy(credits)
    },
    get: (name) => {
      const known = counters.get(name)
      return known && known.expiresAt > Date.now() ? known.total : undefined
    },
  }
}

/** Limiters in memory expire by timers, and a longer timer fires at once. */
const LONGEST_SECONDS = Math.floor((2 ** 31 - 1) / 1000)

/**
 * Counters in whatever a limiter of `rate-limiter-flexible` keeps its points in: Redis, Valkey, PostgreSQL, SQLite...
 * Its `points` and `duration` do not matter. What lives longer than 24 days is kept without an expiry.
 */
export const limiterStore = (limiter: Limiter, options: LimiterStoreOptions = {}): CreditStore => {
  const { pointsPerCredit = 1000 } = readOptions('limiterStore', options, {
    pointsPerCredit: count({ from: 1, to: Number.MAX_SAFE_INTEGER }, 'points'),
  })
  return {
    add: async (name, credits, expiresInMs) => {
      const seconds = Math.ceil(expiresInMs / 1000)
      const customDuration = seconds > LONGEST_SECONDS ? 0 : seconds
      const { consumedPoints } = await limiter.penalty(name, Math.round(credits * pointsPerCredit), { customDuration })
      return consumedPoints / pointsPerCredit
    },
    get: async (name) => {
      const found = await limiter.get(name)
      return found ? found.consumedPoints / pointsPerCredit : undefined
    },
  }
}
