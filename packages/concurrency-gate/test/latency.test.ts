import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newLatency } from '../src/latency.ts'

useFakeTime()

/** All of a round are sent now and answered `tookMs` later, which may depend on how many are in flight. */
const round = (
  latency: ReturnType<typeof newLatency>,
  limit: number,
  tookMs: (active: number) => number,
): number | undefined => {
  const at = performance.now()
  vi.advanceTimersByTime(1)
  let back: number | undefined
  for (let active = 1; active <= limit; active++) back ??= latency.heard(at, active, tookMs(active), limit)
  return back
}

describe('whether more in flight only makes answers slower', () => {
  test('it does not: nothing is taken back, however long answers take', () => {
    const latency = newLatency(4)
    for (let limit = 4; limit <= 256; limit *= 2) {
      expect(round(latency, limit, () => 5000)).toBeUndefined()
      expect(latency.wary).toBe(false)
    }
  })

  test('a server that works off one after the other: back to what more was compared with', () => {
    const latency = newLatency(4)
    expect(round(latency, 4, (active) => 10 * active)).toBeUndefined()
    expect(round(latency, 16, (active) => 10 * active)).toBe(4)
    expect(latency.wary).toBe(true)
  })

  test('then it is measured anew: first with that many, and only by what was sent since', () => {
    const latency = newLatency(4)
    const before = performance.now()
    round(latency, 4, () => 10)
    vi.advanceTimersByTime(1)
    expect(round(latency, 16, (active) => (active > 6 ? 100 : 10))).toBe(4)
    for (let i = 0; i < 100; i++) expect(latency.heard(before, 16, 1000, 4)).toBeUndefined()
    expect(latency.measuring).toBe(true)
    // They take that long by themselves: it was another kind of request.
    vi.advanceTimersByTime(1)
    round(latency, 4, () => 100)
    expect(latency.measuring).toBe(false)
    expect(round(latency, 16, () => 100)).toBeUndefined()
    expect(latency.wary).toBe(false)
  })

  test('answers that differ by chance, not with how many are in flight, are no sign', () => {
    const latency = newLatency(4)
    expect(round(latency, 4, () => 10)).toBeUndefined()
    expect(round(latency, 16, (active) => (active > 4 && active % 2 === 0 ? 50 : 10))).toBeUndefined()
    expect(latency.wary).toBe(false)
  })

  test('nor is there one before any among few have come back', () => {
    const latency = newLatency(4)
    const at = performance.now()
    vi.advanceTimersByTime(1)
    for (let i = 0; i < 100; i++) expect(latency.heard(at, 16, 1000 + i, 16)).toBeUndefined()
    expect(latency.wary).toBe(false)
  })

  test('five milliseconds are no difference', () => {
    const latency = newLatency(4)
    round(latency, 4, () => 1)
    expect(round(latency, 16, (active) => (active > 6 ? 6 : 1))).toBeUndefined()
  })

  test('a lower limit is compared with from then on', () => {
    const latency = newLatency(64)
    expect(round(latency, 2, () => 10)).toBeUndefined()
    vi.advanceTimersByTime(1)
    round(latency, 2, () => 10)
    expect(round(latency, 8, (active) => 10 * active)).toBe(2)
  })
})
