import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Dispersal, newDispersal } from '../src/dispersal.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Pauses for a second with so many waiting. */
const pause = (dispersal: Dispersal, queued: number): void => {
  expect(dispersal.waitMs(1000, queued)).toBe(1000)
  vi.advanceTimersByTime(1000)
}

/** When those leave that come back, in milliseconds since the pause ended. */
const leave = (dispersal: Dispersal, count: number): number[] => {
  const began = performance.now()
  return Array.from({ length: count }, (_, i) => {
    vi.advanceTimersByTime(dispersal.waitMs(0, count - i))
    dispersal.sent()
    return performance.now() - began
  })
}

describe('after a pause', () => {
  test('all who wait come back within a tenth of it, if nobody went before', () => {
    const dispersal = newDispersal()
    pause(dispersal, 100)
    expect(Math.max(...leave(dispersal, 100))).toBeLessThanOrEqual(100)
  })

  test('else as many as went before, then twice as many', () => {
    const dispersal = newDispersal()
    for (let i = 0; i < 5; i++) dispersal.sent()
    pause(dispersal, 100)
    const times = leave(dispersal, 100)
    // Of 100 ms: 20 for each of five, 10 for each of ten, 5 for each of twenty; half of that, on average.
    const gaps = times.slice(1).map((time, i) => Math.round(time - (times[i] ?? 0)))
    expect([gaps[0], gaps[8], gaps[20]]).toEqual([10, 5, 3])
    expect(times.at(-1)).toBeLessThan(500)
  })

  test('once nobody waits any more, nobody is spread', () => {
    const dispersal = newDispersal()
    dispersal.sent()
    pause(dispersal, 3)
    leave(dispersal, 3)
    dispersal.waitMs(0, 0)
    for (let i = 0; i < 100; i++) dispersal.sent()
    vi.advanceTimersByTime(100)
    // A line forms for another reason.
    expect(dispersal.waitMs(0, 10)).toBe(0)
    dispersal.sent()
    expect(dispersal.waitMs(0, 9)).toBe(0)
  })
})
