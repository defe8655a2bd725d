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
  /** Returns false once sliding does not explain the refusals any more. */
  refused(at: number): boolean
}

/** Requests remembered at most: without it a quota of millions fills the memory. */
const MOST_REMEMBERED = 10_000
/** Windows full of good answers until one more is tried: twice as many after each refusal. */
const SHORTEST_PROBE_INTERVAL = 1
const LONGEST_PROBE_INTERVAL = 32
/** Share of the length that is left free at most for the time that requests are on their way. Without any, those that take less than their forerunners are refused. */
const MOST_MARGIN = 0.05
/** By so much the shortest way may be longer the next time. */
const WAY_GROWTH = 1.1

export const newSlidingLog = (): SlidingLog => {
  /** When those were sent that were not refused, as far as is known. */
  let times: number[] = []
  let window: { readonly lengthMs: number; quota: number } | undefined
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
      if (opensAt(before, lengthMs, quota) <= at) return false
      window = { lengthMs, quota }
      probeInterval = SHORTEST_PROBE_INTERVAL
      served = 0
      decreasedAt = clock()
      withdraw(at)
      return true
    },
    sent: (at) => {
      times.push(at)
      if (times.length > 2 * MOST_REMEMBERED) times = times.slice(-MOST_REMEMBERED)
    },
    served: () => {
      if (!window || ++served < probeInterval * window.quota) return
      served = 0
      window.quota++
    },
    refused: (at) => {
      withdraw(at)
      const tookMs = clock() - at
      wayMs = Math.min((wayMs ?? tookMs) * WAY_GROWTH, tookMs)
      if (!window) return true
      const within = times.filter((time) => time < at && time > at - window.lengthMs).length
      if (within < window.quota / 2) return false
      // Those that were sent before the last decision say nothing about its effect.
      if (within >= window.quota || at <= decreasedAt) return true
      window.quota = Math.max(1, within)
      probeInterval = Math.min(probeInterval * 2, LONGEST_PROBE_INTERVAL)
      served = 0
      decreasedAt = clock()
      return true
    },
  }
}
