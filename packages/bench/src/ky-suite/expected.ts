/** Tests of ky's that the pipeline as its `fetch` cannot pass, by their titles, and why. */
export const EXPECTED: readonly (readonly [title: RegExp, reason: string])[] = [
  [/works with nullish headers even in old browsers/, 'it counts every Headers that is made, by whomever'],
]
