/** Units that are kept free, as others send, too, or weights are not known: weighted up and down, one step at a refusal. */
export interface Reserve {
  units(): number
  /** Answered, with a step of so many units; a quarter of the limit at most is left free. */
  learn(served: boolean, step: number, limit: number): void
}

/** One request in so many may be refused for finding out how much has to be kept free. */
const REFUSED_ONE_IN = 20

export const newReserve = (): Reserve => {
  let units = 0
  return {
    units: () => units,
    learn: (served, step, limit) => {
      units = served ? Math.max(0, units - step / REFUSED_ONE_IN) : Math.min(limit / 4, units + step)
    },
  }
}
