import { clock } from '@aplomb/pipeline'
/** Finds out whether more in flight only makes answers slower: then they wait for each other in the server. */
export interface DelayGuard {
  /** Takes in how long an answer took that was sent `at`, among `active`. Returns the limit to go to: back, if more was of no use, or there again, if that was a mistake. */
  report(at: number, active: number, tookMs: number, limit: number): number | undefined
  /** From now on, `limit` is what more is compared with. */
  rebase(limit: number): void
  /** Whether more was of no use. */
  wary(): boolean
  /** Whether that is not even measured anew yet. */
  measuring(): boolean
}

/** Among half as many again, answers take so many times as long: twice as many would take twice as long. */
const QUEUEING_RATIO = 1.5
/** A difference that is none, in milliseconds. */
const NOISE_MS = 5
/** Answers differ anyway: so much is the t statistic of their growth, where it is no chance, over so many answers at least. */
const SIGNIFICANT_T = 4
const MIN_TREND_SAMPLES = 10
/** Where one more in flight takes so large a share of the mean answer for each that is, answers wait for each other more than not. */
const QUEUEING_ELASTICITY = 0.5
/** One or two answers tell nothing. */
const MIN_SAMPLES = 3

export const newDelayGuard = (limit: number): DelayGuard => {
  let base = limit
  let since = 0
  let wary = false
  let few = newMean()
  let many = newMean()
  /** Among how many those were, in the mean. */
  const among = newMean()
  const trend = newTrend()
  /** What it went back from: answers among few ought to be quick again. */
  let suspected: { readonly slowMs: number; readonly limit: number } | undefined

  const rebase = (anew: number): void => {
    base = anew
    since = clock()
    // Of calls one after the other, each rebases: nothing is made anew.
    few.clear()
    many.clear()
    among.clear()
    trend.clear()
    suspected = undefined
  }

  return {
    rebase,
    wary: () => wary,
    measuring: () => wary && few.count() < base,
    report: (at, active, tookMs, now) => {
      if (now < base) rebase(now)
      // What was sent before was among more.
      if (at < since) return undefined
      trend.add(active, tookMs)
      if (active <= base) few.add(tookMs)
      else if (active > base * 1.5) {
        many.add(tookMs)
        among.add(active)
      }
      if (suspected && few.count() >= Math.min(base, MIN_SAMPLES)) {
        const { slowMs, limit: before } = suspected
        suspected = undefined
        // They are not: it was the server that became slower, and more in flight was what came of it (Little's law).
        if (few.mean() > slowMs) {
          wary = false
          rebase(before)
          return before
        }
      }
      if (now > base && trend.at(active) > trend.at(base) + NOISE_MS && queueing(trend)) {
        const slowMs = trend.at(active)
        wary = true
        rebase(base)
        suspected = { slowMs, limit: now }
        return base
      }
      // Those among few may not have come back yet: then there is nothing to compare with.
      if (many.count() < Math.max(base, MIN_SAMPLES) || few.count() < Math.min(base, MIN_SAMPLES)) return undefined
      // It may be by chance.
      if (many.mean() > few.mean() * QUEUEING_RATIO + NOISE_MS) return undefined
      wary = false
      // The limit may have gone far beyond what these answers tell about.
      base = Math.min(now, among.mean())
      few = many
      many = newMean()
      among.clear()
      return undefined
    },
  }
}

interface Mean {
  mean(): number
  count(): number
  add(value: number): void
  clear(): void
}

const newMean = (): Mean => {
  let sum = 0
  let count = 0
  return {
    mean: () => sum / count,
    count: () => count,
    add: (value) => {
      sum += value
      count++
    },
    clear: () => {
      sum = count = 0
    },
  }
}

/** How one quantity grows with another: a linear regression. */
interface Trend {
  count(): number
  /** How sure that is: the t statistic. */
  t(): number
  /** By how many percent one grows where the other grows by one, at the means of both. */
  elasticity(): number
  /** What is to be expected for this one. */
  at(x: number): number
  add(x: number, y: number): void
  clear(): void
}

const queueing = ({ count, t, elasticity }: Trend): boolean =>
  count() >= MIN_TREND_SAMPLES && t() >= SIGNIFICANT_T && elasticity() >= QUEUEING_ELASTICITY

const newTrend = (): Trend => {
  let n = 0
  let meanX = 0
  let meanY = 0
  let xx = 0
  let yy = 0
  let xy = 0
  return {
    count: () => n,
    t: () => {
      if (n < 3 || xx === 0 || yy === 0) return 0
      const r = xy / Math.sqrt(xx * yy)
      return r >= 1 ? Infinity : r * Math.sqrt((n - 2) / (1 - r * r))
    },
    elasticity: () => (xx === 0 || meanY === 0 ? 0 : ((xy / xx) * meanX) / meanY),
    at: (x) => meanY + (xx === 0 ? 0 : (xy / xx) * (x - meanX)),
    add: (x, y) => {
      n++
      const dx = x - meanX
      const dy = y - meanY
      meanX += dx / n
      meanY += dy / n
      xx += dx * (x - meanX)
      yy += dy * (y - meanY)
      xy += dx * (y - meanY)
    },
    clear: () => {
      n = meanX = meanY = xx = yy = xy = 0
    },
  }
}
