import { describe, expect, test, vi } from 'vitest'
import { BREAKS } from '../src/faults/breaks.ts'
import { planOf, shrink } from '../src/faults/check.ts'
import { runSeed } from '../src/faults/check.ts'
import { runSeeds } from '../src/faults/pool.ts'
import { occurrences, urlOf } from '../src/sim/rules.ts'
import { readFileSync } from 'node:fs'

// Hours of traffic, on machines of any speed.
vi.setConfig({ testTimeout: 300_000 })

const DEEP = Boolean(process.env['DEEP'])
/** As `npm run simulate` has them, which runs 10 000. */
const SEEDS = DEEP ? 500 : 50
const range = (from: number, count: number): Iterator<number> =>
  Array.from({ length: count }, (_, i) => from + i).values()

test('whatever fails: no rule is broken', async () => {
  const broken: unknown[] = []
  let calls = 0
  await runSeeds(range(1, SEEDS), { processes: 2, broken: undefined }, (seed, outcome) => {
    calls += outcome.calls
    for (const violation of outcome.violations) broken.push({ seed, ...violation })
    return true
  })
  expect(broken).toEqual([])
  expect(calls).toBeGreaterThan(50 * SEEDS)
})

test('the same seed is the same run', async () => {
  // Two processes, and not a fleet that is alone.
  const seed = [...Array(50).keys()].find((one) => planOf(one).fleet && planOf(one).members > 1) as number
  expect(await runSeed(seed)).toEqual(await runSeed(seed))
})

describe('a promise that is broken on purpose', () => {
  test.each(BREAKS)('$name: its change is found in the source', (one) => {
    expect(occurrences(one, readFileSync(urlOf(one), 'utf8'))).toBe(1)
  })

  test.runIf(DEEP).each(BREAKS)('$name: the rule finds it', async ({ name, breaks }) => {
    const found = new Set<string>()
    await runSeeds(range(1, 400), { processes: 2, broken: name }, (_, { violations }) => {
      for (const { rule } of violations) found.add(rule)
      return !found.has(breaks)
    })
    expect(found).toContain(breaks)
  })
})

test('what is not broken cannot be made smaller', async () => {
  expect(await shrink(1, 'crash')).toBeUndefined()
})
