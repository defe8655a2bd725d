import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { settle, type WindowOptions } from '../src/options.ts'
import { createWindow } from '../src/windows.ts'

const windowOf = (options: WindowOptions, phaseMs = 0) =>
  createWindow(settle({ windows: [options] }).windows[0]!, phaseMs)

/** The moments, of those offered, at which the window lets a request through. */
const admitted = (options: WindowOptions, offered: readonly number[], phaseMs = 0) => {
  const window = windowOf(options, phaseMs)
  return offered.filter((now) => {
    const free = window.freeAt(now) <= now
    if (free || options.counts === 'arrivals') window.take(now)
    return free
  })
}

/** How many moments lie in the fullest half-open interval of this length. */
const most = (moments: readonly number[], lengthMs: number) =>
  Math.max(0, ...moments.map((from, i) => moments.filter((at, j) => j >= i && at < from + lengthMs).length))

const arrivals = fc
  .array(fc.double({ min: 0, max: 40, noNaN: true }), { maxLength: 200, size: 'max' })
  .map((gaps) => gaps.map((_, i) => gaps.slice(0, i + 1).reduce((sum, gap) => sum + gap, 0)))
const wholeArrivals = arrivals.map((moments) => moments.map(Math.floor))
const limit = fc.integer({ min: 1, max: 12 })
const windowMs = fc.integer({ min: 1, max: 300 })
const counts = fc.constantFrom('accepted' as const, 'arrivals' as const)

describe('a fixed window counts from zero again every windowMs', () => {
  test('no more than the limit between two of its boundaries', () => {
    fc.assert(
      fc.property(arrivals, limit, windowMs, fc.nat(300), counts, (offered, max, length, phase, counting) => {
        const options = { limit: max, windowMs: length, align: 'clock', counts: counting } as const
        const phaseMs = phase % length
        const perWindow = new Map<number, number>()
        for (const at of admitted(options, offered, phaseMs)) {
          let index = Math.floor(at / length)
          while (at >= (index + 1) * length - phaseMs) index++
          perWindow.set(index, (perWindow.get(index) ?? 0) + 1)
        }
        expect(Math.max(0, ...perWindow.values())).toBeLessThanOrEqual(max)
      }),
    )
  })

  test('the whole limit is there again at the boundary', () => {
    expect(admitted({ limit: 2, windowMs: 100 }, [90, 95, 99, 100, 101, 102])).toEqual([90, 95, 100, 101])
  })

  test('aligned to the clock, the first boundary comes early', () => {
    expect(admitted({ limit: 1, windowMs: 100, align: 'clock' }, [0, 29, 30, 129, 130], 70)).toEqual([0, 30, 130])
  })
})

describe('a sliding window never holds more than its limit in any interval of windowMs', () => {
  test('wherever the interval begins', () => {
    fc.assert(
      fc.property(arrivals, limit, windowMs, counts, (offered, max, length, counting) => {
        const options = { limit: max, windowMs: length, kind: 'sliding', counts: counting } as const
        expect(most(admitted(options, offered), length)).toBeLessThanOrEqual(max)
      }),
    )
  })

  test('remaining and reset follow the oldest request', () => {
    const window = windowOf({ limit: 2, windowMs: 100, kind: 'sliding' })
    window.take(0)
    window.take(40)
    expect([window.remaining(50), window.resetAt(50), window.freeAt(50)]).toEqual([0, 100, 100])
    expect([window.remaining(100), window.resetAt(100), window.freeAt(100)]).toEqual([1, 140, 100])
  })
})

describe('a bucket gives one more every windowMs / limit, up to its burst', () => {
  test('no more than the burst plus what the interval brings', () => {
    fc.assert(
      fc.property(
        wholeArrivals,
        limit,
        windowMs,
        fc.integer({ min: 1, max: 20 }),
        counts,
        (offered, max, length, burst, counting) => {
          const moments = admitted({ limit: max, windowMs: length, kind: 'bucket', burst, counts: counting }, offered)
          for (const intervalMs of [1, length / 2, length, 3 * length]) {
            expect(most(moments, intervalMs)).toBeLessThanOrEqual(burst - 1 + Math.ceil((intervalMs * max) / length))
          }
        },
      ),
    )
  })

  test('remaining and reset follow the tokens', () => {
    const window = windowOf({ limit: 10, windowMs: 1000, kind: 'bucket', burst: 2 })
    expect([window.remaining(0), window.resetAt(0)]).toEqual([2, 0])
    window.take(0)
    window.take(0)
    expect([window.remaining(50), window.resetAt(50), window.freeAt(50)]).toEqual([0, 100, 100])
    expect([window.remaining(100), window.resetAt(100)]).toEqual([1, 200])
    expect([window.remaining(200), window.resetAt(200)]).toEqual([2, 200])
  })
})

describe('a window that was not yet used up is never closed, and says truly when it opens', () => {
  test('for every kind', () => {
    const kind = fc.constantFrom('fixed' as const, 'sliding' as const, 'bucket' as const)
    fc.assert(
      fc.property(arrivals, limit, windowMs, kind, (offered, max, length, of) => {
        const window = windowOf({ limit: max, windowMs: length, kind: of })
        for (const now of offered) {
          const remaining = window.remaining(now)
          const freeAt = window.freeAt(now)
          expect(remaining > 0).toBe(freeAt === now)
          expect(window.resetAt(now)).toBeGreaterThanOrEqual(now)
          if (freeAt === now) window.take(now)
        }
      }),
    )
  })
})

describe('with counts: "arrivals", refused requests count too', () => {
  test('hammering a sliding window keeps it closed', () => {
    const hammering = Array.from({ length: 50 }, (_, i) => i * 10)
    expect(admitted({ limit: 2, windowMs: 100, kind: 'sliding', counts: 'arrivals' }, hammering)).toEqual([0, 10])
    expect(admitted({ limit: 2, windowMs: 100, kind: 'sliding' }, hammering).slice(0, 4)).toEqual([0, 10, 100, 110])
  })

  test('hammering a bucket puts the next token off, each time by one token at most', () => {
    expect(
      admitted({ limit: 10, windowMs: 1000, kind: 'bucket', burst: 1, counts: 'arrivals' }, [0, 50, 99, 198, 298]),
    ).toEqual([0, 298])
  })
})
