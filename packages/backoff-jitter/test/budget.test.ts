import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newRetryBudget } from '../src/budget.ts'

useFakeTime()

describe('a retry budget', () => {
  test('ten retries are there from the start', () => {
    const budget = newRetryBudget()
    expect(Array.from({ length: 10 }, budget.withdraw)).toEqual(Array(10).fill(0))
    expect(budget.full).toBe(false)
  })

  test('further ones line up, ten a second', () => {
    const budget = newRetryBudget()
    for (let i = 0; i < 10; i++) budget.withdraw()
    expect(Array.from({ length: 3 }, () => Math.round(budget.withdraw()))).toEqual([100, 200, 300])
  })

  test('time fills it, up to ten', () => {
    const budget = newRetryBudget()
    for (let i = 0; i < 10; i++) budget.withdraw()
    vi.advanceTimersByTime(500)
    expect(Array.from({ length: 6 }, () => Math.round(budget.withdraw()))).toEqual([0, 0, 0, 0, 0, 100])
    vi.advanceTimersByTime(60_000)
    expect(budget.full).toBe(true)
    expect(Array.from({ length: 11 }, () => Math.round(budget.withdraw()))).toEqual([...Array(10).fill(0), 100])
  })

  test('five calls fill in one more, up to a hundred', () => {
    const budget = newRetryBudget()
    for (let i = 0; i < 5; i++) budget.deposit()
    expect(Array.from({ length: 12 }, () => Math.round(budget.withdraw()))).toEqual([...Array(11).fill(0), 100])
    const rich = newRetryBudget()
    for (let i = 0; i < 5000; i++) rich.deposit()
    expect(Array.from({ length: 101 }, () => Math.round(rich.withdraw())).filter((ms) => ms > 0)).toEqual([100])
  })

  test('in any time, retries are at most 20 % of the calls plus ten, plus ten a second', () => {
    const step = fc.record({ calls: fc.nat(30), retries: fc.nat(30), passMs: fc.nat(2000) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const budget = newRetryBudget()
        const began = performance.now()
        const due: { at: number; calls: number }[] = []
        let calls = 0
        for (const one of steps) {
          for (let i = 0; i < one.calls; i++) budget.deposit()
          calls += one.calls
          for (let i = 0; i < one.retries; i++) due.push({ at: performance.now() + budget.withdraw(), calls })
          vi.advanceTimersByTime(one.passMs)
        }
        due.forEach(({ at, calls: known }, i) => {
          // What is bought with later calls can be due before what lined up earlier: so count all due by then.
          const by = due.slice(0, i + 1).filter((other) => other.at <= at).length
          expect(by).toBeLessThanOrEqual(10 + 0.2 * known + ((at - began) / 1000) * 10 + 1e-6)
        })
      }),
      { seed: 4, numRuns: 200 },
    )
  })
})
