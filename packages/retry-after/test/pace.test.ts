import type { LimitWindow } from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newPace, type Pace } from '../src/pace.ts'

useFakeTime()

const window = (remaining: number, resetMs: number, more: Partial<LimitWindow> = {}): LimitWindow => ({
  remaining,
  resetMs,
  source: 'test',
  ...more,
})

/** Sends one request and takes in its answer. */
const exchange = (pace: Pace, ...windows: LimitWindow[]): void => pace.learn(windows, pace.sent())

test('a window began when a request in it arrived: of one that another process sent later than it was let through, later', () => {
  const began = (sentAt?: number): number => {
    const pace = newPace()
    const departure = pace.sent()
    vi.advanceTimersByTime(40)
    pace.learn([window(0, 1000, { limit: 1, windowMs: 1000 })], departure, true, sentAt)
    return pace.waitMs()
  }
  expect(began()).toBe(980)
  expect(began(performance.now() + 30)).toBe(995)
  expect(began(performance.now() - 30)).toBe(980)
})

test('a limit is known for as long as the next window is expected to be as the last', () => {
  const pace = newPace()
  expect(pace.informed()).toBe(false)
  exchange(pace, window(0, 1000, { limit: 1, windowMs: 1000 }))
  vi.advanceTimersByTime(2000)
  expect([pace.waitMs(), pace.idle(), pace.informed()]).toEqual([0, true, true])
})

test('answers that are told of late have left out nothing that was named since they were sent', () => {
  const paced = (sentAt: number): boolean => {
    const pace = newPace()
    exchange(pace, window(3, 1000, { limit: 10, windowMs: 1000 }))
    for (let i = 0; i < 3; i++) pace.learn([], pace.sent(), true, sentAt)
    return pace.waitMs() > 0 && pace.informed()
  }
  vi.advanceTimersByTime(500)
  expect(paced(performance.now() - 100)).toBe(true)
  expect(paced(performance.now())).toBe(false)
})

describe('an announced window', () => {
  test('is not known at first: nobody waits', () => {
    const pace = newPace()
    for (let i = 0; i < 100; i++) pace.sent()
    expect(pace.waitMs()).toBe(0)
    expect(pace.idle()).toBe(true)
  })

  test('lets through what remains, then waits for the reset', () => {
    const pace = newPace()
    exchange(pace, window(2, 5000))
    expect(pace.waitMs()).toBe(0)
    pace.sent()
    expect(pace.waitMs()).toBe(0)
    pace.sent()
    expect(pace.waitMs()).toBe(5000)
    vi.advanceTimersByTime(4000)
    expect(pace.waitMs()).toBe(1000)
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
  })

  test('what was sent after the request is not in its answer: it is spoken for', () => {
    const pace = newPace()
    const first = pace.sent()
    pace.sent()
    pace.sent()
    pace.learn([window(3, 1000)], first)
    expect(pace.waitMs()).toBe(0)
    pace.sent()
    expect(pace.waitMs()).toBe(1000)
  })

  test('an answer that comes late does not undo what a later request learned', () => {
    const pace = newPace()
    const first = pace.sent()
    const second = pace.sent()
    pace.learn([window(0, 1000)], second)
    pace.learn([window(9, 1000)], first)
    expect(pace.waitMs()).toBe(1000)
  })

  test('after the reset it is taken to be as before, until an answer says otherwise', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000, { limit: 2, windowMs: 1000 }))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    pace.sent()
    pace.sent()
    expect(pace.waitMs()).toBe(1000)
  })

  test('of unknown size ends with its reset', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000))
    expect(pace.idle()).toBe(false)
    vi.advanceTimersByTime(1000)
    expect(pace.idle()).toBe(true)
    for (let i = 0; i < 100; i++) pace.sent()
    expect(pace.waitMs()).toBe(0)
  })

  test('resets come rounded up: within a window the earliest is the most exact', () => {
    const pace = newPace()
    exchange(pace, window(1, 1000))
    vi.advanceTimersByTime(500)
    exchange(pace, window(0, 1000))
    expect(pace.waitMs()).toBe(500)
  })

  test('its answer knows better when it ends', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000, { limit: 1 }))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    const sent = pace.sent()
    vi.advanceTimersByTime(300)
    pace.learn([window(0, 1000, { limit: 1 })], sent)
    expect(pace.waitMs()).toBe(1000)
  })

  test('an answer to what was sent before the reset says nothing about the new window', () => {
    const pace = newPace()
    exchange(pace, window(2, 1000, { limit: 3, windowMs: 1000 }))
    const late = pace.sent()
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    pace.learn([window(0, 500, { limit: 3, windowMs: 1000 })], late)
    expect(pace.waitMs()).toBe(0)
  })

  test('its end is known from a request in it: that had arrived after half of the time its answer took', () => {
    const pace = newPace()
    const sent = pace.sent()
    vi.advanceTimersByTime(200)
    pace.learn([window(1, 2000, { limit: 2, windowMs: 1000 })], sent)
    pace.sent()
    expect(pace.waitMs()).toBe(900)
  })

  test('and after no longer than the fastest answer took', () => {
    const pace = newPace()
    const fast = pace.sent()
    vi.advanceTimersByTime(10)
    pace.learn([], fast)
    const slow = pace.sent()
    vi.advanceTimersByTime(200)
    pace.learn([window(0, 2000, { limit: 1, windowMs: 1000 })], slow)
    expect(pace.waitMs()).toBe(1000 - 200 + 10)
  })

  test('one that is only expected can be forgotten', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000, { limit: 2, windowMs: 1000 }))
    expect(pace.idle()).toBe(false)
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    expect(pace.idle()).toBe(true)
  })

  test.each([
    ['without a reset', { remaining: 0, source: 'test' }],
    ['without a remainder', { resetMs: 1000, source: 'test' }],
    ['that resets now', window(0, 0)],
    ['that reset in the past', window(0, -5)],
    ['of tokens that are not used up', window(1, 1000, { unit: 'tokens' })],
  ] as [string, LimitWindow][])('one %s is no reason to wait', (_, given) => {
    const pace = newPace()
    exchange(pace, given)
    pace.sent()
    pace.sent()
    expect(pace.waitMs()).toBe(0)
  })

  test('tokens that are used up are', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000, { unit: 'tokens' }))
    expect(pace.waitMs()).toBe(1000)
  })
})

describe('several windows', () => {
  const second = { name: 'second', windowMs: 1000 }
  const minute = { name: 'minute', windowMs: 60_000 }

  test('are counted apart; the one that has run out decides', () => {
    const pace = newPace()
    exchange(pace, window(1, 1000, second), window(10, 30_000, minute))
    pace.sent()
    expect(pace.waitMs()).toBe(1000)
    exchange(pace, window(5, 1000, second), window(0, 30_000, minute))
    expect(pace.waitMs()).toBe(30_000)
  })

  test('an answer that names one of them leaves the others as they were', () => {
    const pace = newPace()
    exchange(pace, window(2, 30_000, minute))
    exchange(pace, window(10, 1000, second))
    pace.sent()
    expect(pace.waitMs()).toBe(30_000)
  })

  test('a limit that three answers in a row do not name is one of some endpoints only: it is not kept', () => {
    const pace = newPace()
    exchange(pace, window(0, 30_000, minute))
    exchange(pace, window(10, 1000, second))
    exchange(pace, window(0, 30_000, minute))
    for (let i = 0; i < 2; i++) exchange(pace, window(10, 1000, second))
    expect(pace.waitMs()).toBe(30_000)
    exchange(pace, window(10, 1000, second))
    expect(pace.waitMs()).toBe(0)
    exchange(pace, window(0, 30_000, minute))
    expect(pace.waitMs()).toBe(0)
  })

  test('what changes for the fourth time is several limits under one name: it is not kept', () => {
    const pace = newPace()
    for (const limit of [10, 20, 20, 10, 20]) exchange(pace, window(0, 1000, { limit }))
    expect(pace.waitMs()).toBe(1000)
    exchange(pace, window(0, 1000))
    expect(pace.informed()).toBe(true)
    exchange(pace, window(0, 1000, { limit: 10 }))
    expect([pace.waitMs(), pace.informed()]).toEqual([0, false])
  })

  test('more than eight are a label per path: they are not kept', () => {
    const pace = newPace()
    for (let i = 0; i < 8; i++) exchange(pace, window(100, 1000, { name: `path ${i}` }))
    exchange(pace, window(0, 9000, { name: 'one more' }))
    expect(pace.waitMs()).toBe(0)
  })
})

/** A server with one fixed window, and a client that asks it for one thing after the other. */
const serve = (kind: 'on a grid' | 'begun by a request', limit: number, windowMs: number, roundMs: number) => {
  const pace = newPace()
  let opened = kind === 'on a grid' ? performance.now() : -Infinity
  let used = 0
  return {
    pace,
    /** Whether it was served. A refusal is waited out, as a hold does. */
    ask: (): boolean => {
      const sent = pace.sent()
      const now = performance.now()
      if (now >= opened + windowMs) {
        opened = kind === 'on a grid' ? now - ((now - opened) % windowMs) : now
        used = 0
      }
      const served = used < limit
      if (served) used++
      const resetMs = opened + windowMs - now
      const told = Math.ceil(resetMs / roundMs) * roundMs
      pace.learn([window(limit - used, told, { limit, windowMs })], sent, served)
      if (!served) vi.advanceTimersByTime(resetMs)
      return served
    },
  }
}

describe('against a server with a fixed window, whoever asks for one thing after the other', () => {
  const steps = fc.array(fc.record({ burst: fc.nat(12), passMs: fc.nat(700) }), { maxLength: 60 })
  const limits = fc.integer({ min: 1, max: 10 })
  const exact = fc.record({ limit: limits, windowMs: fc.integer({ min: 100, max: 2000 }), roundMs: fc.constant(1) })
  const hundreds = fc.integer({ min: 1, max: 20 }).map((count) => count * 100)
  const even = fc.record({ limit: limits, windowMs: hundreds, roundMs: fc.constant(1) })
  const seconds = fc.integer({ min: 1, max: 5 }).map((count) => count * 1000)
  const rounded = fc.record({ limit: limits, windowMs: seconds, roundMs: fc.constant(1000) })

  test('is never refused, where windows are on a grid and their end is told exactly', () => {
    fc.assert(
      fc.property(exact, fc.nat(5000), steps, ({ limit, windowMs, roundMs }, lateMs, taken) => {
        const { pace, ask } = serve('on a grid', limit, windowMs, roundMs)
        vi.advanceTimersByTime(lateMs)
        for (const { burst, passMs } of taken) {
          for (let i = 0; i < burst && pace.waitMs() === 0; i++) expect(ask()).toBe(true)
          expect(pace.waitMs()).toBeLessThanOrEqual(windowMs)
          vi.advanceTimersByTime(passMs)
        }
      }),
      { seed: 6, numRuns: 300 },
    )
  })

  test('is refused once at most, ever, where a window begins with its first request', () => {
    fc.assert(
      fc.property(fc.oneof(exact, even, rounded), steps, ({ limit, windowMs, roundMs }, taken) => {
        const { pace, ask } = serve('begun by a request', limit, windowMs, roundMs)
        let refused = 0
        for (const { burst, passMs } of taken) {
          for (let i = 0; i < burst && pace.waitMs() === 0; i++) if (!ask()) refused++
          vi.advanceTimersByTime(passMs)
        }
        expect(refused).toBeLessThanOrEqual(1)
      }),
      { seed: 6, numRuns: 1000 },
    )
  })

  test('and that refusal happens', () => {
    const { pace, ask } = serve('begun by a request', 1, 1000, 1)
    expect(ask()).toBe(true)
    vi.advanceTimersByTime(1400)
    expect([pace.waitMs(), ask()]).toEqual([0, true])
    vi.advanceTimersByTime(600)
    expect([pace.waitMs(), ask()]).toEqual([0, false])
    vi.advanceTimersByTime(1400)
    expect([pace.waitMs(), ask()]).toEqual([0, true])
    vi.advanceTimersByTime(600)
    expect(pace.waitMs()).toBe(400)
  })

  test('loses no time, where windows are on a grid: a hundred of them take a hundred times their length', () => {
    const { pace, ask } = serve('on a grid', 3, 1000, 1)
    const began = performance.now()
    for (let i = 0; i < 300; i++) {
      vi.advanceTimersByTime(pace.waitMs())
      expect(ask()).toBe(true)
    }
    expect(performance.now() - began).toBe(99_000)
  })
})

describe('weights that are known', () => {
  const tokens = (remaining: number, more: Partial<LimitWindow> = {}): LimitWindow =>
    window(remaining, 1000, { unit: 'tokens', limit: 100, ...more })
  /** One that is sent, and answered 10 ms later. */
  const send = (pace: Pace, weight: number | undefined, ...windows: LimitWindow[]): void => {
    const sent = pace.sent(weight)
    vi.advanceTimersByTime(10)
    pace.learn(windows, sent)
  }

  test('a limit of tokens has room for what is light, and none for what is heavier than what is left', () => {
    const pace = newPace()
    for (const remaining of [90, 80, 70, 60]) send(pace, 10, tokens(remaining))
    expect(pace.waitMs(10)).toBe(0)
    expect(pace.waitMs(90)).toBeGreaterThan(0)
    pace.sent(40)
    // Twenty are left, as far as is known before its answer.
    expect(pace.waitMs(10)).toBe(0)
    expect(pace.waitMs(30)).toBeGreaterThan(0)
  })

  test('of a refused one nothing is charged', () => {
    const pace = newPace()
    for (const remaining of [90, 80, 70, 60]) send(pace, 10, tokens(remaining))
    const heavy = pace.sent(55)
    expect(pace.waitMs(30)).toBeGreaterThan(0)
    vi.advanceTimersByTime(10)
    pace.learn([], heavy, false)
    expect(pace.waitMs(30)).toBe(0)
  })

  test('what one took in truth is charged once it is known', () => {
    const pace = newPace()
    for (const remaining of [90, 80, 70, 60]) send(pace, 10, tokens(remaining))
    const sent = pace.sent(10)
    expect(pace.waitMs(40)).toBe(0)
    pace.settled(sent, 50)
    expect(pace.waitMs(40)).toBeGreaterThan(0)
  })

  test('by unit, each limit goes by its own', () => {
    const pace = newPace()
    for (const remaining of [90, 80, 70, 60]) {
      const sent = pace.sent({ tokens: 10, points: 1 })
      vi.advanceTimersByTime(10)
      pace.learn([tokens(remaining), tokens(95, { unit: 'points' })], sent)
    }
    expect(pace.waitMs({ tokens: 10, points: 50 })).toBe(0)
    expect(pace.waitMs({ tokens: 90, points: 1 })).toBeGreaterThan(0)
  })

  test('a limit of requests counts each as one', () => {
    const pace = newPace()
    const sent = pace.sent(50)
    pace.learn([window(2, 1000)], sent)
    expect(pace.waitMs(50)).toBe(0)
    pace.sent(50)
    expect(pace.waitMs(50)).toBe(0)
    pace.sent(50)
    expect(pace.waitMs(50)).toBe(1000)
    pace.learn([window(2, 1000, { limit: 10 })], pace.sent(50))
    expect(pace.tooSmall(50)).toBeUndefined()
  })

  test('one as heavy as the limit goes', () => {
    const pace = newPace()
    for (const remaining of [90, 80, 70, 60]) send(pace, 10, tokens(remaining))
    expect(pace.tooSmall(100)).toBeUndefined()
    for (let ms = pace.waitMs(100), steps = 0; ms > 0; ms = pace.waitMs(100), steps++) {
      expect(steps).toBeLessThan(100)
      vi.advanceTimersByTime(ms)
    }
  })

  test('a heavier one has no room, by what an answer of the last minute has named', () => {
    const pace = newPace()
    expect(pace.tooSmall(101)).toBeUndefined()
    send(pace, 10, tokens(90))
    expect(pace.tooSmall(101)).toEqual({ unit: 'tokens', weight: 101, limit: 100 })
    expect(pace.tooSmall({ points: 101 })).toBeUndefined()
    expect(pace.tooSmall(undefined)).toBeUndefined()
    vi.advanceTimersByTime(60_000)
    expect(pace.tooSmall(101)).toBeUndefined()
  })

  test('several limits of one unit go by their names', () => {
    const pace = newPace()
    for (const remaining of [90, 80, 70, 60]) {
      const sent = pace.sent({ 'input-tokens': 10, 'output-tokens': 1 })
      vi.advanceTimersByTime(10)
      pace.learn([tokens(remaining, { name: 'input-tokens' }), tokens(95, { name: 'output-tokens' })], sent)
    }
    expect(pace.waitMs({ 'input-tokens': 10, 'output-tokens': 50 })).toBe(0)
    expect(pace.waitMs({ 'input-tokens': 90, 'output-tokens': 1 })).toBeGreaterThan(0)
    expect(pace.tooSmall({ 'input-tokens': 10, 'output-tokens': 101 })).toMatchObject({ weight: 101 })
  })

  test('what a request has taken in truth is not taken again from what its answer has left', () => {
    const pace = newPace()
    for (const remaining of [90, 80, 70, 60]) send(pace, 10, tokens(remaining))
    const heavy = pace.sent(1)
    vi.advanceTimersByTime(10)
    pace.learn([tokens(30)], heavy)
    const before = pace.waitMs(20)
    pace.settled(heavy, 30)
    expect(before).toBe(0)
    expect(pace.waitMs(20)).toBe(0)
  })

  test('what is charged later is kept free until it is, and then is as good as taken', () => {
    const pace = newPace()
    for (const remaining of [90, 80, 70, 60]) send(pace, 10, tokens(remaining))
    const sent = pace.sent({ tokens: { onArrival: 10, later: 30 } })
    vi.advanceTimersByTime(10)
    pace.learn([tokens(50)], sent)
    expect(pace.waitMs(15)).toBeGreaterThan(0)
    pace.settled(sent, { tokens: { onArrival: 10, later: 5 } })
    expect(pace.waitMs(15)).toBe(0)
    expect(pace.waitMs(60)).toBeGreaterThan(0)
  })

  test('what is charged later makes no request too heavy', () => {
    const pace = newPace()
    send(pace, 10, tokens(90))
    expect(pace.tooSmall({ tokens: { onArrival: 100, later: 500 } })).toBeUndefined()
    expect(pace.tooSmall({ tokens: { onArrival: 101, later: 0 } })).toBeDefined()
  })
})
