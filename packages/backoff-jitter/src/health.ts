import { clock } from '@aplomb/pipeline'
/** How a key fares: a failure in the midst of successes needs no long wait. */
export interface Health {
  note(success: boolean): void
  /** What to multiply the delay with before retry number `retry` of a call that first failed at this time. */
  scale(retry: number, failedAt: number): number
}

/** How much of the past counts: about the last ten attempts. */
const MEMORY = 0.9
/** From this share of successes on, a key is well. A key that nothing is known of is not. */
const WELL = 0.7
/** The delay protects a server that struggles; one that is well needs next to none. */
const HASTE = 0.05

export const newHealth = (): Health => {
  let successes = 0
  let lastSuccessAt = -Infinity
  return {
    note: (success) => {
      successes = successes * MEMORY + (success ? 1 - MEMORY : 0)
      if (success) lastSuccessAt = clock()
    },
    scale: (retry, failedAt) => {
      // A call that fails again while nobody else succeeds has met an outage, not bad luck.
      if (successes < WELL || (retry > 1 && lastSuccessAt <= failedAt)) return 1
      // Each further failure makes it less likely to be an isolated one.
      return HASTE ** Math.max(0, 1 - (retry - 1) / 8)
    },
  }
}
