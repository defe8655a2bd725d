import { describe, expect, test } from 'vitest'
import { differences, readBaseline } from '../src/sim/baseline.ts'
import { OUTCOMES } from '../src/sim/rows.ts'

/** One seed of ten: `pnpm --filter @aplomb/bench outcomes` runs the others, and `.ci/run` does. */
const SEED = 1

test.each(OUTCOMES)('$name: what comes of seed 1 is what outcomes.json says', async ({ name, run }) => {
  expect(differences(readBaseline(), { [name]: [await run(SEED)] })).toEqual([])
})

test('outcomes.json has ten seeds of every row, one of every rate limit, and nothing else', () => {
  const baseline = readBaseline()
  expect(Object.keys(baseline)).toEqual(OUTCOMES.map(({ name }) => name))
  expect(Object.values(baseline).map((all) => all.length)).toEqual(
    OUTCOMES.map(({ name }) => (name.startsWith('limit: ') ? 1 : 10)),
  )
})

describe('differences', () => {
  const figures = { answered: 400, sent: 410, wallMs: 9000, share: 0.99 }

  test('none, where nothing has changed', () => {
    expect(differences({ a: [figures, figures] }, { a: [figures] })).toEqual([])
  })

  test('says which seeds have changed, and the medians', () => {
    const before = { a: [figures, figures, figures], b: [figures] }
    const after = { a: [figures, { ...figures, sent: 420, wallMs: 9100 }, { ...figures, sent: 430 }], b: [figures] }
    expect(differences(before, after)).toEqual([
      'a: 2 of 3 seeds. Medians: answered 400, sent 410 → 420, wallMs 9000, share 0.99',
      '  seed 2: sent 410 → 420, wallMs 9000 → 9100',
      '  seed 3: sent 410 → 430',
    ])
  })

  test('a case that hangs is one that has changed, and so is a row that was not there', () => {
    const hung = { ...figures, wallMs: NaN }
    expect(differences({ a: [figures] }, { a: [hung] })).toContain('  seed 1: wallMs 9000 → –')
    expect(differences({ a: [hung] }, { a: [hung] })).toEqual([])
    expect(differences({}, { a: [figures] })).toContain(
      '  seed 1: answered – → 400, sent – → 410, wallMs – → 9000, share – → 0.99',
    )
  })
})
