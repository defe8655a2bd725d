// Properties of thousands of runs would be most of the time, for each mutant anew. Fewer can only miss mutants that all would find.
import * as check from '../../node_modules/fast-check/lib/fast-check.js'

const MAX_RUNS = 500

export * from '../../node_modules/fast-check/lib/fast-check.js'

export const assert = (property, { numRuns = MAX_RUNS, ...parameters } = {}) =>
  check.assert(property, { ...parameters, numRuns: Math.min(numRuns, MAX_RUNS) })

// oxlint-disable-next-line import/no-default-export -- tests import it so
export default { ...check, assert }
