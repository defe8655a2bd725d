import { describe, expect, test } from 'vitest'
import { newCrowd } from '../src/crowd.ts'

describe('a slot that was lost to others', () => {
  test('is fought for again after 200 ms, and then after half as long again each time', () => {
    const crowd = newCrowd()
    expect(Array.from({ length: 4 }, () => crowd.lost(10_000))).toEqual([200, 300, 450, 675])
  })

  test('after 600 ms at most, and later if the fight has lasted for more than three seconds', () => {
    const crowd = newCrowd()
    for (let i = 0; i < 10; i++) crowd.lost(0)
    expect([3000, 10_000, 30_000].map((forMs) => crowd.lost(forMs))).toEqual([600, 2000, 6000])
  })

  test.each([
    ['fast', 50, 200],
    ['slow', 1000, 4000],
  ])('where answers are %s, after four times what one takes, 200 ms at least', (_, tookMs, waitMs) => {
    const crowd = newCrowd()
    for (let i = 0; i < 10; i++) crowd.lost(0)
    crowd.heard(tookMs)
    expect(crowd.lost(60_000)).toBe(waitMs)
  })

  test('answers from before there was a crowd do not count', () => {
    const crowd = newCrowd()
    crowd.heard(1)
    for (let i = 0; i < 10; i++) crowd.lost(0)
    expect(crowd.lost(0)).toBe(600)
  })

  test('once one was won, it begins anew', () => {
    const crowd = newCrowd()
    for (let i = 0; i < 3; i++) crowd.lost(0)
    crowd.won()
    expect(crowd.lost(0)).toBe(200)
  })
})
