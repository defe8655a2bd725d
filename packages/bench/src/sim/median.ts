/** The middle one; of an even number the upper of the two. */
export const median = (of: readonly number[]): number => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? NaN
