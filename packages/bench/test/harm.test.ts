import { describe, expect, test } from 'vitest'
import { breaches, HARMS } from '../src/sim/harm.ts'
import type { Figures } from '../src/sim/rows.ts'

/** Two seeds of up to twenty: `pnpm --filter @aplomb/bench harm` runs them all. */
const SEEDS = [1, 2]
const barred = HARMS.filter(({ bars }) => Object.keys(bars).length > 0)

describe.each(barred)('$name', (harm) => {
  test('every bar holds', async () => {
    const own: Figures[] = []
    const other: Figures[] = []
    for (const seed of SEEDS) {
      own.push(await harm.run(seed, 'aplomb'))
      other.push(await harm.run(seed, harm.beside))
    }
    const broken = Object.keys(harm.bars).filter((figure) => breaches(harm, figure, own, other).length > 0)
    expect(Object.fromEntries(broken.map((figure) => [figure, own.map((one) => one[figure])]))).toEqual({})
  })
})
