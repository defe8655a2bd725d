import { clock } from '@aplomb/pipeline'

/**
 * A silent window that slides: no interval of its length lets more through, so that each request makes room for another
 * one length after it came. A fixed one opens for all at once, and refuses none that follow the first within its quota.
 */
export interface SlidingLog {
  /** Whether the window was found to slide: then it is no matter of the window estimator any more. */
  believed(): boolean
  /** Milliseconds until another may go. */
  waitMs(): number
  /** A window of this length lets this many through, and refused a request that was sent `at` all the same: whether that is because it slides. */
  explains(at: number, lengthMs: number, quota: number): boolean
  sent(at: number): void
  served(): void
  /** With too few in the window for that, it does not slide. */
  refused(at: number): void
}

/** Requests remembered at most: without it a quota of millions fills the memory. */
const MOST_REMEMBERED = 10_000
/** Windows full of good answers until one more is tried: twice as many after each refusal. */
const SHORTEST_PROBE_INTERVAL = 1
const LONGEST_PROBE_INTERVAL = 32
/** Share of the length that is left free at most for the time that requests are on their way. Without any, those that take less than their forerunners are refused. */
const MOST_MARGIN = 0.05
/** Refused with less than this share of the quota in the window, it was for something else. */
const LEAST_EXPLAINED = 0.75
/** Refusals in a row: a single one may be chance. */
const LEAST_IN_A_ROW = 2
/** Weight of the past in what refusals take. */
const EWMA_WEIGHT = 0.8

export const newSlidingLog = (): SlidingLog => {
  /** When those were sent that were not refused, as far as is known. */
  let times: number[] = []
  let window: { readonly lengthMs: number; quota: number } | undefined
  let row = 0
  let served = 0
  let probeInterval = SHORTEST_PROBE_INTERVAL
  let decreasedAt = -Infinity
  /** The time on the way there and back: about what refusals take. */
  let wayMs: number | undefined

  /** When there is room for one more after those. */
  const opensAt = (before: readonly number[], lengthMs: number, quota: number): number =>
    (before.at(-quota) ?? -Infinity) + lengthMs

  const withdraw = (at: number): void => {
    const i = times.lastIndexOf(at)
    if (i >= 0) times.splice(i, 1)
  }

  return {
    believed: () => window !== undefined,
    waitMs: () => {
      if (!window) return 0
      const { lengthMs, quota } = window
      const marginMs = Math.min(wayMs ?? 0, MOST_MARGIN * lengthMs)
      return Math.max(0, opensAt(times, lengthMs, quota) + marginMs - clock())
    },
    explains: (at, lengthMs, quota) => {
      const before = times.filter((time) => time < at)
      if (row < LEAST_IN_A_ROW || opensAt(before, lengthMs, quota) <= at) return false
      window = { lengthMs, quota }
      probeInterval = SHORTEST_PROBE_INTERVAL
      served = 0
      decreasedAt = clock()
      return true
    },
    sent: (at) => {
      times.push(at)
      if (times.length > 2 * MOST_REMEMBERED) times = times.slice(-MOST_REMEMBERED)
    },
    served: () => {
      row = 0
      if (!window || ++served < probeInterval * window.quota) return
      served = 0
      window.quota++
    },
    refused: (at) => {
      withdraw(at)
      row++
      const tookMs = clock() - at
      wayMs = wayMs === undefined ? tookMs : wayMs * EWMA_WEIGHT + tookMs * (1 - EWMA_WEIGHT)
      if (!window) return
      const { lengthMs, quota } = window
      const within = times.filter((time) => time < at && time > at - lengthMs).length
      if (within < LEAST_EXPLAINED * quota) {
        window = undefined
        return
      }
      // Those that were sent before the last decision say nothing about its effect.
      if (within >= quota || at <= decreasedAt) return
      window.quota = Math.max(1, within)
      probeInterval = Math.min(probeInterval * 2, LONGEST_PROBE_INTERVAL)
      served = 0
      decreasedAt = clock()
    },
  }
}
