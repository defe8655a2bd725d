import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newSlope, type Sample, type Slope } from '../src/slope.ts'

const sample = (at: number, remaining: number, charged: number, more: Partial<Sample> = {}): Sample => ({
  at,
  remaining,
  limit: 100,
  charged,
  early: 0,
  late: 0,
  weight: 1,
  ...more,
})

/** One that was used up at once, then paced: a bucket of 100 that gives one every `everyMs`, seen every 50 ms. */
const paced = (everyMs: number, answers: number): Slope => {
  const slope = newSlope({ first: sample(0, 20, 80), weighed: true, counted: true, roundTripMs: 50 })
  for (let i = 1; i <= answers; i++) slope.learn(sample(i * 50, Math.floor(20 + (i * 50) / everyMs - i), 80 + i))
  return slope
}

test('the refill of a bucket is found, whatever it is, although answers are whole units', () => {
  fc.assert(
    fc.property(fc.integer({ min: 25, max: 100 }), (everyMs) => {
      const perSecond = paced(everyMs, 30).perMs() * 1000
      expect(Math.abs(perSecond - 1000 / everyMs)).toBeLessThan(1)
    }),
    { seed: 1, numRuns: 50 },
  )
})

test('where each request counts as one, a refill that changes is followed within a dozen answers', () => {
  const afterwards = (counted: boolean): number => {
    const slope = newSlope({ first: sample(0, 50, 1), weighed: true, counted, roundTripMs: 50 })
    let level = 50
    for (let i = 1; i <= 60; i++) {
      // One comes back for each that is taken; then two for every five.
      level += (i <= 48 ? 1 : 0.4) - 1
      slope.learn(sample(i * 50, Math.floor(level), 1 + i))
    }
    return slope.perMs() * 1000
  }
  expect(Math.abs(afterwards(true) - 8)).toBeLessThan(2)
  expect(Math.abs(afterwards(false) - 8)).toBeGreaterThan(2)
})

test('what was sent since the last answer is gone, and what time has given is there', () => {
  const slope = paced(50, 30)
  const now = slope.level(1500, 110)
  expect(slope.level(1500, 115)).toBeCloseTo(now - 5, 9)
  expect(slope.level(1600, 110)).toBeCloseTo(now + 100 * slope.perMs(), 9)
})

test('it is never fuller than its limit', () => {
  expect(paced(50, 30).level(1e6, 110)).toBe(100)
})

test('what is believed surely is less than what is likely, and grows for no longer than answers may take', () => {
  const slope = paced(50, 30)
  expect(slope.surely(1500, 110, 50)).toBeLessThan(slope.level(1500, 110))
  expect(slope.surely(9000, 110, 50)).toBe(slope.surely(1550, 110, 50))
})

test('one that is full again has refilled at least so fast', () => {
  const slope = newSlope({ first: sample(0, 99, 1), weighed: true, counted: true, roundTripMs: 50 })
  for (let i = 1; i <= 20; i++) slope.learn(sample(i * 1000, 99, 1 + i))
  expect(slope.perMs() * 1000).toBeCloseTo(1, 2)
})

test('the weight of a request is found where the unit is another one', () => {
  const limit = 1000
  const slope = newSlope({ first: sample(0, 988, 1, { limit }), weighed: false, counted: false, roundTripMs: 50 })
  // Twelve units each, and one is given back every 25 ms.
  for (let i = 1; i <= 40; i++) {
    const at = i * 50 + (i > 20 ? 500 : 0)
    slope.learn(sample(at, 988 - 12 * i + at / 25, 1 + i, { limit }))
  }
  expect(slope.unit()).toBeCloseTo(12, 0)
  expect(slope.perMs()).toBeCloseTo(1 / 25, 2)
})

test('two answers of the same moment do no harm', () => {
  const slope = newSlope({ first: sample(0, 50, 50), weighed: true, counted: true, roundTripMs: 0 })
  for (let i = 1; i <= 20; i++) slope.learn(sample(0, 50 - i, 50 + i))
  expect(slope.level(0, 70)).toBeCloseTo(30, 6)
})

test('of what is told in thousands, the refill is learned better by who knows that', () => {
  const rateBy = (grain: number): number => {
    const sampleAt = (at: number): Sample => {
      const charged = Math.floor(at / 700) * 700
      const remaining = Math.round((8000 + at - charged) / 1000) * 1000
      return { at, remaining, grain, limit: 16_000, charged, early: 0, late: 0, weight: 700 }
    }
    const slope = newSlope({ first: sampleAt(0), weighed: true, counted: true, roundTripMs: 10 })
    for (let at = 70; at <= 7000; at += 70) slope.learn(sampleAt(at))
    return slope.perMs()
  }
  expect(Math.abs(rateBy(1000) - 1)).toBeLessThan(Math.abs(rateBy(1) - 1))
})
