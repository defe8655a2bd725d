import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newDelayGuard } from '../src/delay-guard.ts'

useFakeTime()

/** All of a round are sent now and answered `tookMs` later, which may depend on how many are in flight. */
const round = (
  guard: ReturnType<typeof newDelayGuard>,
  limit: number,
  tookMs: (active: number) => number,
): number | undefined => {
  const at = performance.now()
  vi.advanceTimersByTime(1)
  let back: number | undefined
  for (let active = 1; active <= limit; active++) back ??= guard.report(at, active, tookMs(active), limit)
  return back
}

describe('whether more in flight only makes answers slower', () => {
  test('it does not: nothing is taken back, however long answers take', () => {
    const guard = newDelayGuard(4)
    for (let limit = 4; limit <= 256; limit *= 2) {
      expect(round(guard, limit, () => 5000)).toBeUndefined()
      expect(guard.wary()).toBe(false)
    }
  })

  test('a server that works off one after the other: back to what more was compared with', () => {
    const guard = newDelayGuard(4)
    expect(round(guard, 4, (active) => 10 * active)).toBeUndefined()
    expect(round(guard, 16, (active) => 10 * active)).toBe(4)
    expect(guard.wary()).toBe(true)
  })

  test('then it is measured anew: first with that many, and only by what was sent since', () => {
    const guard = newDelayGuard(4)
    const before = performance.now()
    round(guard, 4, () => 10)
    vi.advanceTimersByTime(1)
    expect(round(guard, 16, (active) => (active > 6 ? 100 : 10))).toBe(4)
    for (let i = 0; i < 100; i++) expect(guard.report(before, 16, 1000, 4)).toBeUndefined()
    expect(guard.measuring()).toBe(true)
    // They take that long by themselves: it was another kind of request.
    vi.advanceTimersByTime(1)
    round(guard, 4, () => 100)
    expect(guard.measuring()).toBe(false)
    expect(round(guard, 16, () => 100)).toBeUndefined()
    expect(guard.wary()).toBe(false)
  })

  test('where few are slow then, too, it goes there again, and that is what more is compared with', () => {
    const guard = newDelayGuard(4)
    round(guard, 4, () => 10)
    vi.advanceTimersByTime(1)
    expect(round(guard, 16, (active) => (active > 6 ? 100 : 10))).toBe(4)
    vi.advanceTimersByTime(1)
    expect(round(guard, 4, () => 300)).toBe(16)
    expect(guard.wary()).toBe(false)
    vi.advanceTimersByTime(1)
    expect(round(guard, 16, (active) => (active > 6 ? 300 : 10))).toBeUndefined()
    expect(round(guard, 64, (active) => (active > 20 ? 3000 : 10))).toBe(16)
  })

  test('answers that differ by chance, not with how many are in flight, are no sign', () => {
    const guard = newDelayGuard(4)
    expect(round(guard, 4, () => 10)).toBeUndefined()
    expect(round(guard, 16, (active) => (active > 4 && active % 2 === 0 ? 50 : 10))).toBeUndefined()
    expect(guard.wary()).toBe(false)
  })

  test('nor is there one before any among few have come back', () => {
    const guard = newDelayGuard(4)
    const at = performance.now()
    vi.advanceTimersByTime(1)
    for (let i = 0; i < 100; i++) expect(guard.report(at, 16, 1000 + i, 16)).toBeUndefined()
    expect(guard.wary()).toBe(false)
  })

  test('five milliseconds are no difference', () => {
    const guard = newDelayGuard(4)
    round(guard, 4, () => 1)
    expect(round(guard, 16, (active) => (active > 6 ? 6 : 1))).toBeUndefined()
  })

  test('a lower limit is compared with from then on', () => {
    const guard = newDelayGuard(64)
    expect(round(guard, 2, () => 10)).toBeUndefined()
    vi.advanceTimersByTime(1)
    round(guard, 2, () => 10)
    expect(round(guard, 8, (active) => 10 * active)).toBe(2)
  })
})
