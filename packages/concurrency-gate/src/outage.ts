import { clock } from '@aplomb/pipeline'

/** Failures further apart than that, in milliseconds, are not of one outage. */
export const OUTAGE_MS = 10_000
/** From the second retry on, calls come back to a failing server spread over so many times the time since its first failure; with each further one a quarter. */
const SPREAD = 1.25
const SPREAD_DECAY = 4
/** Weight of the past in the share of failures. */
const EWMA_WEIGHT = 0.8

/** The failures of a key, as one outage. */
export interface Outage {
  /** Whether the last thing heard of it, apart from refusals, was a failure. */
  failing(): boolean
  /** When its first failure came. */
  since(): number
  /** Whether at least half of the last answers were failures. */
  prevails(): boolean
  failed(): void
  served(): void
  /** Long after its last failure, a server that refuses is not one that comes back. */
  expire(): void
  /** Milliseconds by which a call that failed again comes back later, so that all who lost the same server do not come at once. */
  spreadMs(retry: number): number
}

export const newOutage = (): Outage => {
  let failures = 0
  let share = 0
  let since = 0
  let lastAt = -Infinity
  return {
    failing: () => failures > 0,
    since: () => since,
    prevails: () => share >= 0.5,
    failed: () => {
      const now = clock()
      if (failures++ === 0 || now - lastAt > OUTAGE_MS) since = now
      lastAt = now
      share = share * EWMA_WEIGHT + 1 - EWMA_WEIGHT
    },
    served: () => {
      failures = 0
      share *= EWMA_WEIGHT
    },
    expire: () => {
      if (clock() - lastAt > OUTAGE_MS) failures = 0
    },
    // The first retry comes when it is said to.
    spreadMs: (retry) =>
      retry < 2 || failures === 0 ? 0 : (Math.random() * SPREAD * (lastAt - since)) / SPREAD_DECAY ** (retry - 2),
  }
}
