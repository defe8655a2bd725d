/** Finds out whether more in flight only makes answers slower: then they wait for each other in the server. */
export interface Latency {
  /** Takes in how long an answer took that was sent `at`, among `active`. Returns the limit to go back to, if more was of no use. */
  heard(at: number, active: number, tookMs: number, limit: number): number | undefined
  /** From now on, `limit` is what more is compared with. */
  rebase(limit: number): void
  /** Whether more was of no use. */
  readonly wary: boolean
  /** Whether that is not even measured anew yet. */
  readonly measuring: boolean
}

/** Among half as many again, answers take so many times as long: twice as many would take twice as long. */
const QUEUEING = 1.5
/** A difference that is none, in milliseconds. */
const NOISE_MS = 5

export const newLatency = (limit: number): Latency => {
  let base = limit
  let since = 0
  let wary = false
  let few = newMean()
  let many = newMean()

  const rebase = (anew: number): void => {
    base = anew
    since = performance.now()
    few = newMean()
    many = newMean()
  }

  return {
    rebase,
    get wary() {
      return wary
    },
    get measuring() {
      return wary && few.count < base
    },
    heard: (at, active, tookMs, now) => {
      if (now < base) rebase(now)
      // What was sent before was among more.
      if (at < since) return undefined
      if (active <= base) few.add(tookMs)
      else if (active > base * 1.5) many.add(tookMs)
      if (many.count < base) return undefined
      wary = few.count === 0 || many.mean > few.mean * QUEUEING + NOISE_MS
      if (wary) {
        rebase(base)
        return base
      }
      base = now
      few = many
      many = newMean()
      return undefined
    },
  }
}

interface Mean {
  readonly mean: number
  readonly count: number
  add(value: number): void
}

const newMean = (): Mean => {
  let sum = 0
  let count = 0
  return {
    get mean() {
      return sum / count
    },
    get count() {
      return count
    },
    add: (value) => {
      sum += value
      count++
    },
  }
}
