import type { Outcomes } from './baseline.ts'
import { median, quantile } from './quantile.ts'
import type { Figures } from './rows.ts'

/** A figure of a row: its medians, and the seed that changes most. */
export interface Change {
  readonly row: string
  readonly figure: string
  readonly before: number
  readonly after: number
  readonly seed: number
  readonly seedBefore: number
  readonly seedAfter: number
}

/** By so much one seed may change by chance: a job ends with the call that had bad luck. */
const ONE_SEED = 0.5
/** So many standard errors are no chance; and less than this is of no interest. */
const STANDARD_ERRORS = 2
const LEAST = 0.01

/** What never came is as far from all else as can be. */
const distance = (a: number, b: number): number => (Object.is(a, b) ? 0 : Math.abs(b - a) || Infinity)

/** For APIs that are alike: by more than seeds differ. */
const outOfSpread = (from: readonly number[], to: readonly number[]): boolean => {
  const [least, most] = [Math.min(...from), Math.max(...from)]
  const beyond = Math.max(distance(most, Math.max(most, ...to)), distance(least, Math.min(least, ...to)))
  const quartiles = distance(quantile(from, 0.25), quantile(from, 0.75))
  return beyond > distance(least, most) || distance(median(from), median(to)) > quartiles
}

const relativeChange = (from: number, to: number): number => {
  const apart = distance(from, to)
  return apart === 0 ? 0 : (apart / Math.min(from, to)) * (to < from ? -1 : 1)
}

/** For those that are drawn, each seed against itself: one by much, or all together by more than chance. */
const outOfChance = (relative: readonly number[]): boolean => {
  if (relative.some((change) => !(Math.abs(change) < ONE_SEED))) return true
  const mean = relative.reduce((sum, one) => sum + one, 0) / relative.length
  const variance = relative.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (relative.length - 1)
  return Math.abs(mean) >= LEAST && Math.abs(mean) > STANDARD_ERRORS * Math.sqrt(variance / relative.length)
}

/** Figures that change by more than seeds differ, or by more than chance. */
export const changes = (before: Outcomes, after: Outcomes): readonly Change[] =>
  Object.entries(after).flatMap(([row, all]) =>
    Object.keys(all[0] ?? {}).flatMap((figure) => {
      const of = (some: readonly Figures[] = []): number[] => some.map((one) => one[figure] ?? NaN)
      const [from, to] = [of(before[row]), of(all)]
      const relative = from.map((value, index) => relativeChange(value, to[index] ?? NaN))
      if (!outOfSpread(from, to) && !outOfChance(relative)) return []
      const sizes = relative.map((change) => (Number.isNaN(change) ? Infinity : Math.abs(change)))
      const at = sizes.indexOf(Math.max(...sizes))
      const seed = { seed: at + 1, seedBefore: from[at] ?? NaN, seedAfter: to[at] ?? NaN }
      return [{ row, figure, before: median(from), after: median(to), ...seed }]
    }),
  )
