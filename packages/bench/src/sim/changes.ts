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

const summaryOf = (of: readonly number[]): Summary => ({
  least: Math.min(...of),
  median: median(of),
  most: Math.max(...of),
})

/** What never came is as far from all else as can be. */
const distance = (a: number, b: number): number => (Object.is(a, b) ? 0 : Math.abs(b - a) || Infinity)

/** By how much one of them is outside of what the others span. */
const beyond = (before: Summary, after: Summary): number =>
  Math.max(
    after.most > before.most ? distance(before.most, after.most) : 0,
    after.least < before.least ? distance(before.least, after.least) : 0,
  )

/**
 * Figures that change by more than their spread: the median by more than the quartiles are apart, or one seed outside of
 * what all spanned before by more than they spanned.
 */
export const changes = (before: Outcomes, after: Outcomes): readonly Change[] =>
  Object.entries(after).flatMap(([row, all]) => {
    const old = before[row] ?? []
    return Object.keys(all[0] ?? {}).flatMap((figure) => {
      const [from, to] = [old, all].map((some) => some.map((one) => one[figure] ?? NaN)) as [number[], number[]]
      const change = { row, figure, before: summaryOf(from), after: summaryOf(to) }
      const quartiles = distance(quantile(from, 0.25), quantile(from, 0.75))
      const span = distance(change.before.least, change.before.most)
      const moved = distance(change.before.median, change.after.median) > quartiles
      return moved || beyond(change.before, change.after) > span ? [change] : []
    })
  })
