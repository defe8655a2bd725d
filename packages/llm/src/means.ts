/** The newest of so many has this part in a mean: what changes is forgotten, what is heavy-tailed needs many. */
const REMEMBERED = 64

export interface Mean {
  /** Undefined before anything was seen. */
  readonly value: number | undefined
  add(one: number): void
}

/** A plain mean at first, then an exponentially weighted one. */
export const newMean = (): Mean => {
  let mean = 0
  let count = 0
  return {
    get value() {
      return count === 0 ? undefined : mean
    },
    add: (one) => {
      count = Math.min(count + 1, REMEMBERED)
      mean += (one - mean) / count
    },
  }
}
