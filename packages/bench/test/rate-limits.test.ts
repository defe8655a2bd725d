import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jain } from '../src/sim/limit-modes.ts'
import { leastMs } from '../src/sim/limited-api.ts'
import { fixedWindow, type RateLimit, slidingCounter, slidingLog, tokenBucket } from '../src/sim/rate-limits.ts'

/** Sends as soon as it may, so many times. */
const admitted = (limit: RateLimit, count: number): readonly number[] => {
  let now = 0
  return Array.from({ length: count }, () => {
    now = limit.freeAt(now, 1)
    limit.take(now, 1)
    return now
  })
}

const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 1)

test('a bucket gives its burst at once, then its rate', () => {
  expect(admitted(tokenBucket(50, 3)(), 6).map(Math.round)).toEqual([0, 0, 0, 20, 40, 60])
})

test('the reset of a bucket is when it is full, when it has the next unit, or the end of the second', () => {
  const resets = (['full', 'next', 'end'] as const).map((reset) => {
    const limit = tokenBucket(50, 10, reset)()
    for (let i = 0; i < 5; i++) limit.take(0, 1)
    return limit.report(10)
  })
  expect(resets.map(({ remaining, resetMs }) => [remaining, resetMs])).toEqual([
    [5, 90],
    [5, 10],
    [5, 990],
  ])
})

test('a fixed window gives all at once when it begins', () => {
  expect(admitted(fixedWindow(2, 1000)(), 5)).toEqual([0, 0, 1000, 1000, 2000])
  expect(admitted(fixedWindow(2, 1000, 300)(), 5)).toEqual([0, 0, 700, 700, 1700])
})

test('no interval of a sliding log holds more than its limit', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), gaps, (most, waits) => {
      const limit = slidingLog(most, 1000)()
      const times: number[] = []
      let now = 0
      for (const wait of waits) {
        now = limit.freeAt(now + wait, 1)
        limit.take(now, 1)
        times.push(now)
      }
      const held = times.map((at) => times.filter((other) => other > at - 1000 && other <= at).length)
      expect(Math.max(...held)).toBeLessThanOrEqual(most)
    }),
  )
})

test('of a sliding counter, the window before counts for what is left of it', () => {
  const limit = slidingCounter(40, 1000)()
  expect(admitted(limit, 40)).toEqual(ones(40).map(() => 0))
  expect(limit.freeAt(500, 1)).toBe(1025)
  expect(limit.report(1500).remaining).toBe(20)
})

test('the least time is that of a client that knows the limit', () => {
  const latencyMs = (): number => 40
  const random = (): number => 0
  expect(leastMs({ limits: [tokenBucket(50, 10)], latencyMs }, ones(60), random)).toBeCloseTo(1040, 6)
  const ceiling = { eachMs: 100, most: [2, 1] }
  expect(leastMs({ limits: [], ceiling, latencyMs }, ones(8), random)).toBe(200)
})

test("Jain's index is 1 where all have the same, and one part where one has all", () => {
  expect(jain([5, 5, 5, 5])).toBe(1)
  expect(jain([8, 0, 0, 0])).toBe(0.25)
})
