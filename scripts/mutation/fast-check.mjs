// Properties of thousands of runs would be most of the time, for each mutant anew. Fewer can only miss mutants that all would
// find. The first that fails is enough, without a search for a smaller one, and each mutant meets the same.
import * as check from '../../node_modules/fast-check/lib/fast-check.js'

const MAX_RUNS = 100

export * from '../../node_modules/fast-check/lib/fast-check.js'

export const assert = (property, { numRuns = MAX_RUNS, ...parameters } = {}) =>
  check.assert(property, { seed: 1, ...parameters, endOnFailure: true, numRuns: Math.min(numRuns, MAX_RUNS) })

// oxlint-disable-next-line import/no-default-export -- tests import it so
export default { ...check, assert }
