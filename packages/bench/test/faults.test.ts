import { readFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { BREAKS } from '../src/faults/breaks.ts'
import { planOf, runSeed, shrink } from '../src/faults/check.ts'
import { runSeeds } from '../src/faults/pool.ts'
import { occurrences, urlOf } from '../src/sim/rules.ts'

// Hours of traffic, on machines of any speed.
vi.setConfig({ testTimeout: 300_000 })

/** `npm run simulate` has 10 000. */
const SEEDS = process.env['DEEP'] ? 500 : 50
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

test('the same seed is the same run, also of a fleet', async () => {
  const seed = Array.from({ length: 50 }, (_, i) => i + 1).find(
    (one) => planOf(one).fleet && planOf(one).members > 1,
  ) as number
  expect(await runSeed(seed)).toEqual(await runSeed(seed))
})

test('what does not break cannot be made smaller', async () => {
  expect(await shrink(1, 'crash')).toBeUndefined()
})

describe('what is broken on purpose', () => {
  test.each(BREAKS)('$name: is found once in the source', (one) => {
    expect(occurrences(one, readFileSync(urlOf(one), 'utf8'))).toBe(1)
  })

  test('is found by its rule', async () => {
    const hold = BREAKS.find(({ breaks }) => breaks === 'named time')
    const found = new Set<string>()
    await runSeeds(range(1, 50), { processes: 2, broken: hold?.name }, (_, { violations }) => {
      for (const { rule } of violations) found.add(rule)
      return found.size === 0
    })
    expect([...found]).toEqual([hold?.breaks])
  })
})
