import { describe, expect, test } from 'vitest'
import { newCrowd } from '../src/crowd.ts'

const MANY = 10

describe('a slot that was lost to others', () => {
  test('is fought for again after 200 ms, and then after half as long again each time', () => {
    const crowd = newCrowd()
    expect(Array.from({ length: 4 }, () => crowd.lost(10_000, MANY))).toEqual([200, 300, 450, 675])
  })

  test('after 210 ms at most, and later if the fight has lasted for longer', () => {
    const crowd = newCrowd()
    for (let i = 0; i < 10; i++) crowd.lost(0, MANY)
    expect([1000, 10_000, 30_000].map((forMs) => Math.round(crowd.lost(forMs, MANY)))).toEqual([210, 2100, 6300])
  })

  test.each([
    [1, 70_000],
    [MANY, 14_000],
  ])('of %d slots after %d ms at most, however long the fight', (slots, waitMs) => {
    const crowd = newCrowd()
    for (let i = 0; i < 30; i++) crowd.lost(0, slots)
    expect(crowd.lost(3_600_000, slots)).toBe(waitMs)
  })

  test.each([
    ['fast', 50, 200],
    ['slow', 1000, 1400],
  ])('where answers are %s, after 1.4 times what one takes from then on, 200 ms at least', (_, tookMs, waitMs) => {
    const crowd = newCrowd()
    crowd.lost(0, MANY)
    crowd.heard(tookMs)
    expect([0, 60_000].map((forMs) => crowd.lost(forMs, MANY))).toEqual([waitMs, waitMs])
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
      const crowd = newCrowd()
      crowd.lost(0, slots)
      crowd.heard(1000)
      expect(crowd.lost(0, slots)).toBe(waitMs)
    },
  )

  test('answers from before there was a crowd do not count', () => {
    const crowd = newCrowd()
    crowd.heard(1)
    for (let i = 0; i < 10; i++) crowd.lost(0, MANY)
    expect(crowd.lost(0, MANY)).toBe(210)
  })
})
