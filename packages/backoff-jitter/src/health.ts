/** How a key fares: a failure in the midst of successes needs no long wait. */
export interface Health {
  note(success: boolean): void
  /** What to multiply a delay with. */
  readonly scale: number
}

/** How much of the past counts: about the last ten attempts. */
const MEMORY = 0.9
/** From this share of successes on, a key is well. A key that nothing is known of is not. */
const WELL = 0.7
/** The delay protects a server that struggles; one that is well needs next to none. */
const HASTE = 0.05

export const newHealth = (): Health => {
  let successes = 0
  return {
    note: (success) => {
      successes = successes * MEMORY + (success ? 1 - MEMORY : 0)
    },
    get scale() {
      return successes >= WELL ? HASTE : 1
    },
  }
}
