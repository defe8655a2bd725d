import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newPace } from '../src/pace.ts'

useFakeTime()

interface Served {
  readonly ok: boolean
  readonly remaining: number
}
type Server = (at: number) => Served

const bucket = (perMs: number, burst: number): Server => {
  let level = burst
  let last = performance.now()
  return (at) => {
    level = Math.min(burst, level + (at - last) * perMs)
    last = at
    const ok = level >= 1
    if (ok) level--
    return { ok, remaining: Math.floor(level) }
  }
}

const slidingLog = (limit: number, windowMs: number): Server => {
  let times: number[] = []
  return (at) => {
    times = times.filter((time) => time > at - windowMs)
    const ok = times.length < limit
    if (ok) times.push(at)
    return { ok, remaining: limit - times.length }
  }
}

/** A client with calls without end, against a server whose answers take `latencyMs`, for so long. */
const run = (server: Server, limit: number, latencyMs: number, forMs: number, windowMs?: number) => {
  const pace = newPace()
  const answers: { readonly at: number; readonly give: () => void }[] = []
  const count = { served: 0, refused: 0 }
  const end = performance.now() + forMs
  while (performance.now() < end) {
    const now = performance.now()
    while (answers[0] !== undefined && answers[0].at <= now) answers.shift()?.give()
    // Slow start is the gate's: no more than were served are in flight.
    while (pace.waitMs() === 0 && answers.length <= count.served) {
      const sent = pace.sent()
      const { ok, remaining } = server(now)
      const give = (): void => {
        count[ok ? 'served' : 'refused']++
        pace.learn([{ limit, remaining, resetMs: 1000, windowMs, source: 'test' }], sent, ok)
      }
      answers.push({ at: now + latencyMs, give })
    }
    vi.advanceTimersByTime(1)
  }
  return count
}

describe('alone on a limit whose resets are told in whole seconds', () => {
  test.each([
    [50, 20, 40],
    [50, 50, 10],
    [100, 30, 25],
    [40, 30, 60],
  ])(
    '%d per second, burst %d, %d ms: all that a token bucket gives is used, nothing is refused',
    (perSecond, burst, ms) => {
      const { served, refused } = run(bucket(perSecond / 1000, burst), burst, ms, 8000)
      expect(served).toBeGreaterThan(0.95 * 8 * perSecond)
      expect(refused).toBe(0)
    },
  )

  test('a sliding log is an echo of what was sent', () => {
    const { served, refused } = run(slidingLog(40, 1000), 40, 40, 10_000, 1000)
    expect(served).toBeGreaterThan(0.93 * 400)
    expect(refused).toBeLessThanOrEqual(4)
  })
})

describe('a limit of tokens', () => {
  const tokens = { unit: 'tokens', limit: 100, source: 'test' }

  test('after its reset somebody asks, also where it was never seen to give anything back', () => {
    const pace = newPace()
    const exchange = (remaining: number, served: boolean): void => {
      const sent = pace.sent()
      vi.advanceTimersByTime(10)
      pace.learn([{ ...tokens, remaining, resetMs: 1000 }], sent, served)
    }
    exchange(60, true)
    exchange(20, true)
    exchange(20, false)
    vi.advanceTimersByTime(1000)
    for (let ms = pace.waitMs(), steps = 0; ms > 0; ms = pace.waitMs(), steps++) {
      expect(steps).toBeLessThan(100)
      vi.advanceTimersByTime(ms)
    }
  })
})

/** A fixed window whose answers take so long; `tell` is what they say of it. */
const fixedWindow = (limit: number, windowMs: number): Server => {
  const zero = performance.now()
  let begun = -1
  let used = 0
  return (at) => {
    const current = Math.floor((at - zero) / windowMs)
    if (current !== begun) used = 0
    begun = current
    const ok = used < limit
    if (ok) used++
    return { ok, remaining: limit - used }
  }
}

describe('where nothing can be foretold, windows are taken for what they are', () => {
  test('only refusals tell of it: after the reset as many go as before, not one after the other', () => {
    const pace = newPace()
    /** As Shopify tells it: how much is left, but not until when; a refusal has Retry-After. */
    const burst = (count: number): void => {
      const all = Array.from({ length: count }, () => {
        expect(pace.waitMs()).toBe(0)
        return pace.sent()
      })
      vi.advanceTimersByTime(100)
      for (const [i, sent] of all.entries()) pace.learn([{ limit: 40, remaining: 39 - i, source: 'test' }], sent, true)
    }
    burst(40)
    pace.learn([{ limit: 40, remaining: 0, resetMs: 900, source: 'test' }], pace.sent(), false)
    expect(pace.waitMs()).toBeGreaterThan(0)
    for (let second = 0; second < 3; second++) {
      vi.advanceTimersByTime(900)
      burst(20)
    }
  })

  test.each([
    [40, 200, 150],
    [40, 1000, 700],
    [355, 4384, 7000],
  ])('%d per %d ms, answers of %d ms: no slower than by its windows', (limit, windowMs, latencyMs) => {
    const forMs = 10 * windowMs + 4 * latencyMs
    const { served } = run(fixedWindow(limit, windowMs), limit, latencyMs, forMs, windowMs)
    // One that asks for each answer would get this far.
    expect(served).toBeGreaterThan((4 * forMs) / latencyMs)
  })
})
