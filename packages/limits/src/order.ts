import type { LimitWindow } from '@aplomb/pipeline'

/** How much of a window is left, from 0 to 1. What nobody counts is taken as untouched. */
const share = ({ limit, remaining }: LimitWindow): number => {
  if (remaining === undefined) return 2
  if (remaining <= 0) return 0
  return limit === undefined ? 1 : Math.min(1, remaining / limit)
}

/**
 * Orders windows by how little of them is left, the tightest first. Of several that are used up, the one that resets
 * last comes first; else the one with the smaller number left.
 */
export const tightestFirst = (windows: readonly LimitWindow[]): LimitWindow[] =>
  windows.toSorted((a, b) => {
    const difference = share(a) - share(b)
    if (difference !== 0) return difference
    if (a.remaining === 0) return (b.resetMs ?? -1) - (a.resetMs ?? -1)
    return (a.remaining ?? 0) - (b.remaining ?? 0)
  })
