/** The one below which lies this share of them. */
export const quantile = (of: readonly number[], share: number): number =>
  of.toSorted((a, b) => a - b)[Math.min(of.length - 1, Math.floor(of.length * share))] ?? NaN

export const median = (of: readonly number[]): number => quantile(of, 0.5)
