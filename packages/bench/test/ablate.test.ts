import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { changes } from '../src/sim/changes.ts'
import { runJobs } from '../src/sim/pool.ts'
import { occurrences, type Rule, RULES, urlOf } from '../src/sim/rules.ts'

test.each(RULES)('the rule $name is in the code, once', (rule) => {
  expect(occurrences(rule, readFileSync(urlOf(rule), 'utf8'))).toBe(1)
})

test('no two rules have the same name', () => {
  expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length)
})

describe('what is run without a rule', () => {
  const rule: Rule = {
    name: '400 calls',
    file: 'bench/src/sim/modes.ts',
    find: 'scenario: { api: { ...rate(40), latencyMs: LATENCY }, calls: 400 }',
    replace: 'scenario: { api: { ...rate(40), latencyMs: LATENCY }, calls: 3 }',
  }
  const jobs = [{ row: 'mode: 40/s announced', seed: 1 }]

  test('is run without it', async () => {
    expect(await runJobs(jobs, rule)).toMatchObject([{ answered: 3 }])
  })

  test('and with it otherwise', async () => {
    expect(await runJobs(jobs)).toMatchObject([{ answered: 400 }])
  })
})

describe('changes', () => {
  const row = (...values: readonly number[]) => ({ row: values.map((wallMs) => ({ wallMs })) })

  test('none, within the spread', () => {
    expect(changes(row(100, 101, 102, 103, 104), row(100, 103, 102, 101, 104))).toEqual([])
    expect(changes(row(1, Infinity), row(1, Infinity))).toEqual([])
  })

  test('a median that moves by more than the quartiles are apart', () => {
    expect(changes(row(100, 101, 102, 103, 104), row(103, 104, 105, 106, 107))).toEqual([
      { row: 'row', figure: 'wallMs', before: 102, after: 105, seed: 1, seedBefore: 100, seedAfter: 103 },
    ])
  })

  test('one seed far outside of what all spanned', () => {
    expect(changes(row(100, 101, 102), row(100, 101, 105))).toHaveLength(1)
    expect(changes(row(100, 101, 102), row(100, 101, 104))).toEqual([])
    expect(changes(row(0.9, 0.9, 0.91), row(0.8, 0.9, 0.91))).toHaveLength(1)
  })

  test('one seed by half of itself', () => {
    expect(changes(row(10, 100, 1000), row(10, 150, 1000))).toMatchObject([{ before: 100, after: 150, seed: 2 }])
    expect(changes(row(15, 100, 1000), row(10, 100, 1000))).toHaveLength(1)
    expect(changes(row(10, 100, 1000), row(14, 100, 1000))).toEqual([])
    expect(changes(row(0, 0, 0, 5), row(0, 0, 1, 5))).toHaveLength(1)
  })

  test('all seeds in one direction by more than chance, but not by next to nothing', () => {
    expect(changes(row(10, 100, 1000), row(11, 111, 1110))).toHaveLength(1)
    expect(changes(row(10, 100, 1000), row(11, 90, 1010))).toEqual([])
    expect(changes(row(1000, 2000, 3000), row(1001, 2002, 3003))).toEqual([])
  })

  test('what never comes any more, or comes now', () => {
    expect(changes(row(10, 11, 12), row(10, 11, Infinity))).toHaveLength(1)
    expect(changes(row(Infinity, Infinity), row(10, 11))).toHaveLength(1)
    expect(changes(row(10, NaN), row(10, NaN))).toEqual([])
  })
})
