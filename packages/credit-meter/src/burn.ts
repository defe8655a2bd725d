/** How fast credits go. */
export interface BurnRate {
  /** Credits per hour. */
  readonly perHour: number
  /** The time this was measured over: the last hour, or less if the first cost is more recent (at least a minute). */
  readonly overMs: number
}

/** Measures a {@link BurnRate}. */
export interface Burn {
  note(credits: number, now: number): void
  /** The minutes in which credits went, and how many. */
  minutes(): Iterable<readonly [at: number, credits: number]>
  rate(now: number): BurnRate
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** Those of the last hour, and as many that nobody has asked for since. */
const MOST_MINUTES = 120

/** Keeps what was spent in each minute of the last hour. */
export const newBurn = (): Burn => {
  const minutes = new Map<number, number>()
  let firstAt: number | undefined
  const forget = (now: number): void => {
    for (const minute of minutes.keys()) if (minute <= Math.floor((now - HOUR_MS) / MINUTE_MS)) minutes.delete(minute)
  }
  return {
    note: (credits, now) => {
      if (credits <= 0) return
      firstAt = Math.min(firstAt ?? now, now)
      const minute = Math.floor(now / MINUTE_MS)
      minutes.set(minute, (minutes.get(minute) ?? 0) + credits)
      if (minutes.size > MOST_MINUTES) forget(now)
    },
    minutes: function* () {
      for (const [minute, credits] of minutes) yield [minute * MINUTE_MS, credits]
    },
    rate: (now) => {
      forget(now)
      let credits = 0
      for (const spent of minutes.values()) credits += spent
      const overMs = Math.min(HOUR_MS, Math.max(MINUTE_MS, now - (firstAt ?? now)))
      return { perHour: (credits * HOUR_MS) / overMs, overMs }
    },
  }
}
