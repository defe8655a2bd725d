import type { Outcomes } from './baseline.ts'
import { median, quantile } from './quantile.ts'

/** A figure of a row, over all seeds. */
export interface Change {
  readonly row: string
  readonly figure: string
  readonly before: Summary
  readonly after: Summary
}

interface Summary {
  readonly least: number
  readonly median: number
  readonly most: number
}

/** By so much one seed may change by chance: a job ends with the call that had bad luck. */
const ONE_SEED = 0.5
/** So many standard errors are no chance; and less than this is of no interest. */
const STANDARD_ERRORS = 2
const LEAST = 0.01

const summaryOf = (of: readonly number[]): Summary => ({
  least: Math.min(...of),
  median: median(of),
  most: Math.max(...of),
})

/** What never came is as far from all else as can be. */
const distance = (a: number, b: number): number => (Object.is(a, b) ? 0 : Math.abs(b - a) || Infinity)

/** How far one of them is outside of what the others span. */
const beyond = (before: Summary, after: Summary): number =>
  Math.max(
    after.most > before.most ? distance(before.most, after.most) : 0,
    after.least < before.least ? distance(before.least, after.least) : 0,
  )

/** For APIs that are alike: by more than seeds differ. */
const outOfSpread = (from: readonly number[], before: Summary, after: Summary): boolean =>
  distance(before.median, after.median) > distance(quantile(from, 0.25), quantile(from, 0.75)) ||
  beyond(before, after) > distance(before.least, before.most)

/** For those that are drawn, each seed against itself: one by much, or all together by more than chance. */
const outOfChance = (from: readonly number[], to: readonly number[]): boolean => {
  const relative = from.map((value, index) => {
    const other = to[index] ?? NaN
    const apart = distance(value, other)
    return apart === 0 ? 0 : (apart / Math.min(value, other)) * (other < value ? -1 : 1)
  })
  if (relative.some((change) => !(Math.abs(change) < ONE_SEED))) return true
  const mean = relative.reduce((sum, one) => sum + one, 0) / relative.length
  const variance = relative.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (relative.length - 1)
  return Math.abs(mean) >= LEAST && Math.abs(mean) > STANDARD_ERRORS * Math.sqrt(variance / relative.length)
}

/** Figures that change by more than seeds differ, or by more than chance. */
export const changes = (before: Outcomes, after: Outcomes): readonly Change[] =>
  Object.entries(after).flatMap(([row, all]) => {
    const old = before[row] ?? []
    return Object.keys(all[0] ?? {}).flatMap((figure) => {
      const [from, to] = [old, all].map((some) => some.map((one) => one[figure] ?? NaN)) as [number[], number[]]
      const change = { row, figure, before: summaryOf(from), after: summaryOf(to) }
      return outOfSpread(from, change.before, change.after) || outOfChance(from, to) ? [change] : []
    })
  })
