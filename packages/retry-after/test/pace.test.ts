import type { LimitWindow } from '@aplomb/limits'
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

describe('an announced window', () => {
  test('is not known at first: nobody waits', () => {
    const pace = newPace()
    for (let i = 0; i < 100; i++) pace.sent()
    expect(pace.waitMs()).toBe(0)
    expect(pace.idle).toBe(true)
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
    expect(pace.idle).toBe(false)
    vi.advanceTimersByTime(1000)
    expect(pace.idle).toBe(true)
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

  test('what the server says of the new window counts, not when somebody happened to ask', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000, { limit: 1, windowMs: 1000 }))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    // Something else kept the call from being sent: the server's window opens with it, not before.
    vi.advanceTimersByTime(300)
    exchange(pace, window(0, 1000, { limit: 1, windowMs: 1000 }))
    expect(pace.waitMs()).toBe(1000)
  })

  test('the new window begins with the first request in it, answered or not', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000, { limit: 2, windowMs: 1000 }))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    vi.advanceTimersByTime(900)
    pace.sent()
    vi.advanceTimersByTime(200)
    expect(pace.waitMs()).toBe(0)
    pace.sent()
    expect(pace.waitMs()).toBe(800)
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

  test('the request that opened a window tells its end to half of the time its answer took', () => {
    const pace = newPace()
    const sent = pace.sent()
    vi.advanceTimersByTime(200)
    pace.learn([window(1, 2000, { limit: 2, windowMs: 1000 })], sent)
    pace.sent()
    expect(pace.waitMs()).toBe(900)
  })

  test('one that is only expected can be forgotten', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000, { limit: 2, windowMs: 1000 }))
    expect(pace.idle).toBe(false)
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    expect(pace.idle).toBe(true)
  })

  test('a new window has a reset of its own', () => {
    const pace = newPace()
    exchange(pace, window(1, 1000, { limit: 5 }))
    vi.advanceTimersByTime(1000)
    exchange(pace, window(0, 1000, { limit: 5 }))
    expect(pace.waitMs()).toBe(1000)
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

  test('more than eight are a label per path: they are not kept', () => {
    const pace = newPace()
    for (let i = 0; i < 8; i++) exchange(pace, window(100, 1000, { name: `path ${i}` }))
    exchange(pace, window(0, 9000, { name: 'one more' }))
    expect(pace.waitMs()).toBe(0)
  })
})

describe('a window that others use, too', () => {
  const second = { limit: 10, windowMs: 1000 }
  /** So many of ours in this window, the answers to which say that so many were used in all. */
  const share = (pace: Pace, ours: number, used: number, resetMs = 1000): void => {
    for (let i = 1; i <= ours; i++) exchange(pace, window(10 - Math.round((used * i) / ours), resetMs, second))
  }
  /** How many may go out now. */
  const room = (pace: Pace): number => {
    let count = 0
    while (count < 1000 && pace.waitMs() === 0) {
      pace.sent()
      count++
    }
    return count
  }
  /** A pace that has seen a window of ten, in which all that were used were used by itself, end. */
  const known = (): Pace => {
    const pace = newPace()
    exchange(pace, window(9, 1000, second))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    return pace
  }

  test('what was used before we came may have been used by us: all that is left is taken', () => {
    const pace = newPace()
    exchange(pace, window(6, 1000, second))
    expect(room(pace)).toBe(6)
  })

  test('half of it was ours: half of what is left is, too', () => {
    const pace = known()
    share(pace, 2, 4)
    expect(room(pace)).toBe(3)
  })

  test('nobody else uses it: all that is left is ours', () => {
    const pace = known()
    share(pace, 4, 4)
    expect(room(pace)).toBe(6)
  })

  test('in the next one each takes what it had, and of the rest its portion', () => {
    const pace = known()
    share(pace, 2, 4)
    expect(room(pace)).toBe(3)
    vi.advanceTimersByTime(1000)
    // Five it had; of the six that were left, half.
    expect(room(pace)).toBe(8)
  })

  test('never none at all', () => {
    const pace = known()
    share(pace, 1, 10)
    vi.advanceTimersByTime(1000)
    expect(room(pace)).toBe(1)
  })

  test('never more than all', () => {
    const pace = known()
    share(pace, 9, 10)
    vi.advanceTimersByTime(1000)
    expect(room(pace)).toBeLessThanOrEqual(10)
  })

  test('what others leave is found out by one at a time, 6 % of the window apart', () => {
    const pace = known()
    share(pace, 2, 4)
    expect(room(pace)).toBe(3)
    expect(pace.waitMs()).toBe(60)
    vi.advanceTimersByTime(59)
    expect(pace.waitMs()).toBe(1)
    vi.advanceTimersByTime(1)
    expect(room(pace)).toBe(1)
    expect(pace.waitMs()).toBe(60)
    // The reset comes sooner.
    vi.advanceTimersByTime(900)
    pace.sent()
    expect(pace.waitMs()).toBe(40)
  })

  test('with nothing left nobody trickles: it waits for the reset', () => {
    const pace = known()
    share(pace, 5, 10)
    expect(pace.waitMs()).toBe(1000)
  })

  test('alone, nobody trickles either', () => {
    const pace = known()
    share(pace, 4, 4)
    expect(room(pace)).toBe(6)
    expect(pace.waitMs()).toBe(1000)
  })

  test('a refused request used nothing of it', () => {
    const pace = known()
    share(pace, 5, 10)
    // Four more came back refused: of the ten, five were ours.
    for (let i = 0; i < 4; i++) pace.learn([window(0, 1000, second)], pace.sent(), false)
    vi.advanceTimersByTime(1000)
    expect(room(pace)).toBe(5)
  })

  test('a refusal that is the first we hear of it used nothing either', () => {
    const pace = newPace()
    pace.learn([window(0, 1000, second)], pace.sent(), false)
    vi.advanceTimersByTime(1000)
    expect(room(pace)).toBe(1)
  })

  test('a refusal of what was sent in an earlier window does not count in this one', () => {
    const pace = known()
    const late = pace.sent()
    share(pace, 4, 5)
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    pace.learn([], late, false)
    share(pace, 5, 10)
    vi.advanceTimersByTime(1000)
    expect(room(pace)).toBe(5)
  })

  test('several clients share a window without end, and nearly nobody is refused', () => {
    const sizes = fc.record({
      clients: fc.integer({ min: 2, max: 6 }),
      limit: fc.integer({ min: 10, max: 60 }),
      seed: fc.nat(1000),
    })
    fc.assert(
      fc.property(sizes, ({ clients, limit, seed }) => {
        const paces = Array.from({ length: clients }, newPace)
        const windowMs = 1000
        let opened = -Infinity
        let used = 0
        let windows = 0
        const served: number[] = []
        const refused: number[] = []
        for (let step = 0; step < 12 * 100; step++) {
          // In an order that is another in each step.
          for (let i = 0; i < clients; i++) {
            const pace = paces[(i * (step % 2 === 0 ? 1 : clients - 1) + step + seed) % clients]!
            if (pace.waitMs() > 0) continue
            const sent = pace.sent()
            const now = performance.now()
            if (now >= opened + windowMs) {
              opened = now
              used = 0
              windows++
            }
            const accepted = used < limit
            if (accepted) used++
            const counts = accepted ? served : refused
            counts[windows] = (counts[windows] ?? 0) + 1
            pace.learn([window(limit - used, opened + windowMs - now, { limit, windowMs })], sent, accepted)
          }
          vi.advanceTimersByTime(10)
        }
        for (let i = 3; i < windows; i++) {
          // Most of it is used, and each client is refused once at most.
          expect(served[i] ?? 0).toBeGreaterThanOrEqual(limit / 2)
          expect(refused[i] ?? 0).toBeLessThanOrEqual(clients)
        }
      }),
      { seed: 11, numRuns: 60 },
    )
  })
})

test('against a server with a fixed window, whoever asks first is never refused', () => {
  const step = fc.record({ burst: fc.nat(12), passMs: fc.nat(700) })
  const sizes = fc.record({ limit: fc.integer({ min: 1, max: 10 }), windowMs: fc.integer({ min: 100, max: 2000 }) })
  fc.assert(
    fc.property(sizes, fc.array(step, { maxLength: 60 }), ({ limit, windowMs }, steps) => {
      const pace = newPace()
      let opened = performance.now()
      let used = 0
      for (const { burst, passMs } of steps) {
        for (let i = 0; i < burst && pace.waitMs() === 0; i++) {
          const place = pace.sent()
          const now = performance.now()
          if (now >= opened + windowMs) [opened, used] = [now, 0]
          expect(++used).toBeLessThanOrEqual(limit)
          pace.learn([window(limit - used, opened + windowMs - now, { limit, windowMs })], place)
        }
        expect(pace.waitMs()).toBeLessThanOrEqual(windowMs)
        vi.advanceTimersByTime(passMs)
      }
    }),
    { seed: 6, numRuns: 200 },
  )
})
