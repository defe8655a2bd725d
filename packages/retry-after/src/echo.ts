import type { Departures } from './departures.ts'
import type { Sample } from './slope.ts'

/** What is left of a sliding log: each request counts for the length of the window, so what comes back is an echo of what was sent. */
export interface Echo {
  /** So much was granted by this moment, before anything came back. */
  allow(granted: number, at: number): void
  /** What was left at this moment, when so many requests were charged. */
  level(at: number, charged: number): number
  /** Milliseconds until one more fits. */
  waitMs(now: number): number
}

export interface EchoSetting {
  readonly departures: Departures
  readonly limit: number
  readonly lengthMs: number
  readonly first: Sample
}

export const newEcho = ({ departures, limit, lengthMs, first }: EchoSetting): Echo => {
  /** Requests that were charged before those that the limit counts, at least. All that was used when it was new to us was ours. */
  let before = first.charged - first.early + first.remaining - limit
  return {
    allow: (granted, at) => {
      if (at < first.at + lengthMs) before = Math.max(before, granted - limit)
    },
    level: (at, charged) => limit + Math.max(before, departures.callsBy(at - lengthMs)) - charged,
    waitMs: (now) => {
      const returning = departures.calls() - limit + 1
      if (returning <= before) return 0
      // It may have been on the way for half of a round trip, and the next one for no time.
      return Math.max(0, departures.timeOf(returning) + departures.fastestMs() / 2 + lengthMs - now)
    },
  }
}
