import { describe, expect, test } from 'vitest'
import { newContention } from '../src/contention.ts'

const MANY = 10

describe('a slot that was lost to others', () => {
  test('is fought for again after 200 ms, and then after half as long again each time', () => {
    const contention = newContention()
    expect(Array.from({ length: 4 }, () => contention.lost(10_000, MANY))).toEqual([200, 300, 450, 675])
  })

  test('after 210 ms at most, and later if the fight has lasted for longer', () => {
    const contention = newContention()
    for (let i = 0; i < 10; i++) contention.lost(0, MANY)
    expect([1000, 10_000, 30_000].map((forMs) => Math.round(contention.lost(forMs, MANY)))).toEqual([210, 2100, 6300])
  })

  test.each([
    [1, 70_000],
    [MANY, 14_000],
  ])('of %d slots after %d ms at most, however long the fight', (slots, waitMs) => {
    const contention = newContention()
    for (let i = 0; i < 30; i++) contention.lost(0, slots)
    expect(contention.lost(3_600_000, slots)).toBe(waitMs)
  })

  test.each([
    ['fast', 50, 200],
    ['slow', 1000, 1400],
  ])('where answers are %s, after 1.4 times what one takes from then on, 200 ms at least', (_, tookMs, waitMs) => {
    const contention = newContention()
    contention.lost(0, MANY)
    contention.report(tookMs)
    expect([0, 60_000].map((forMs) => contention.lost(forMs, MANY))).toEqual([waitMs, waitMs])
  })

  test.each([
    [1, 7000],
    [2, 3500],
    [4, 1750],
    [5, 1400],
    [6, 1400],
  ])(
    'where there are %d slots and an answer takes a second, after %d ms: few come free more rarely',
    (slots, waitMs) => {
      const contention = newContention()
      contention.lost(0, slots)
      contention.report(1000)
      expect(contention.lost(0, slots)).toBe(waitMs)
    },
  )

  test('answers from before there was a contention do not count', () => {
    const contention = newContention()
    contention.report(1)
    for (let i = 0; i < 10; i++) contention.lost(0, MANY)
    expect(contention.lost(0, MANY)).toBe(210)
  })
})
