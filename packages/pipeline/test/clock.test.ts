import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { clock, later, sleep } from '../src/index.ts'

const TIMERS = ['setTimeout', 'clearTimeout'] as const

afterEach(() => {
  vi.useRealTimers()
})

const sleepFaked = async (ms: number): Promise<void> => {
  const ended = sleep(ms)
  await vi.runAllTimersAsync()
  await ended
}

describe('clock', () => {
  test('is performance.now(), never ahead of it and never behind, as long as timers go by it', async () => {
    vi.useFakeTimers()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 20 }), async (delays) => {
        const seen: [number, number][] = []
        for (const ms of delays) later(() => void seen.push([clock(), performance.now()]), ms)
        await vi.runAllTimersAsync()
        expect(seen).toHaveLength(delays.length)
        for (const [ours, theirs] of seen) expect(ours).toBe(theirs)
      }),
    )
  })
  test('is performance.now() with the timers of the platform, too', async () => {
    for (const ms of [0, 1, 2, 3, 5, 8]) {
      await sleep(ms)
      const before = performance.now()
      const ours = clock()
      expect(ours).toBeGreaterThanOrEqual(before)
      expect(ours).toBeLessThanOrEqual(performance.now())
    }
  })
  test('once a timer has fired, its delay has passed, although performance.now() stands still', async () => {
    vi.useFakeTimers({ toFake: [...TIMERS, 'Date'] })
    vi.spyOn(performance, 'now').mockReturnValue(1000)
    // Less may be a matter of its steps.
    await sleepFaked(100)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 20 }),
        async (delays) => {
          const [began, fakeBegan] = [clock(), Date.now()]
          for (const ms of delays) later(() => expect(clock() - began).toBe(Date.now() - fakeBegan), ms)
          await vi.runAllTimersAsync()
          expect(clock() - began).toBe(Math.max(...delays))
          // One after the other.
          for (const ms of delays) {
            const at = clock()
            later(() => expect(clock() - at).toBe(ms), ms)
            await vi.runAllTimersAsync()
          }
        },
      ),
    )
  })
  test.each([
    [1, 100],
    [7, 100],
    [100, 200],
    [1000, 1000],
  ])('a wait of %i ms that is asked for again and again ends, after %i ms at most', async (waitMs, mostMs) => {
    vi.useFakeTimers({ toFake: [...TIMERS] })
    const until = clock() + waitMs
    const ended = vi.fn<() => void>()
    const look = (): void => {
      const left = until - clock()
      if (left > 0) later(look, Math.ceil(left))
      else ended()
    }
    look()
    // What performance.now() goes on by meanwhile is real time.
    await vi.advanceTimersByTimeAsync(mostMs)
    expect(ended).toHaveBeenCalledOnce()
  })
  test('is never ahead of the time where performance.now() goes in steps, however many timers fire between them', async () => {
    vi.useFakeTimers({ now: 0, toFake: [...TIMERS, 'Date'] })
    const arbitrary = fc.tuple(
      fc.double({ min: 0.001, max: 50, noNaN: true }),
      fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 30 }),
    )
    await fc.assert(
      fc.asyncProperty(arbitrary, async ([stepMs, delays]) => {
        // Each run on a clock of its own.
        vi.restoreAllMocks()
        const zero = Date.now()
        vi.spyOn(performance, 'now').mockImplementation(() => Math.floor((Date.now() - zero) / stepMs) * stepMs)
        const look = (): void => expect(clock()).toBeLessThanOrEqual(Date.now() - zero)
        const chain = (i: number): void => {
          look()
          const ms = delays[i]
          if (ms !== undefined) later(() => chain(i + 1), ms)
        }
        for (const ms of delays) later(look, ms)
        chain(0)
        await vi.runAllTimersAsync()
        look()
      }),
    )
  })
  test('performance.now() is believed as long as it goes on, though timers are always a little early', async () => {
    vi.useFakeTimers({ toFake: [...TIMERS, 'Date'] })
    const zero = Date.now()
    vi.spyOn(performance, 'now').mockImplementation(() => (Date.now() - zero) * 0.75)
    for (let i = 0; i < 100; i++) {
      clock()
      later(() => undefined, 40)
      await vi.runAllTimersAsync()
      expect(clock()).toBe(performance.now())
    }
  })
  test('so does one that goes back', () => {
    vi.useFakeTimers({ toFake: [...TIMERS] })
    const show = vi.spyOn(performance, 'now').mockReturnValue(5000)
    expect(clock()).toBe(5000)
    show.mockReturnValue(10)
    expect(clock()).toBe(10)
  })
  test('a clock that is put in place of another begins anew', async () => {
    vi.useFakeTimers({ toFake: [...TIMERS] })
    vi.spyOn(performance, 'now').mockReturnValue(5000)
    clock()
    await sleepFaked(3_600_000)
    expect(clock()).toBe(5000 + 3_600_000)
    vi.restoreAllMocks()
    vi.useRealTimers()
    // What is left of the one before does not count any more.
    const stale = vi.fn<() => void>()
    later(stale, 1)
    vi.useFakeTimers()
    vi.setSystemTime(0)
    expect(clock()).toBe(performance.now())
    await vi.advanceTimersByTimeAsync(60_000)
    await vi.waitUntil(() => stale.mock.calls.length > 0)
    expect(clock()).toBe(performance.now())
  })
  test('goes on with performance.now(), however far timers were ahead of it', async () => {
    vi.useFakeTimers({ toFake: [...TIMERS] })
    const now = vi.spyOn(performance, 'now').mockReturnValue(0)
    clock()
    now.mockReturnValue(5000)
    await sleepFaked(3_600_000)
    expect(clock()).toBe(3_605_000)
    now.mockReturnValue(5007)
    expect(clock()).toBe(3_605_007)
  })
  test('stands still with performance.now() as long as nothing fires, and goes on with it', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const at = clock()
    expect(clock()).toBe(at)
    vi.advanceTimersByTime(10)
    expect(clock()).toBe(at + 10)
  })
})

describe('sleep', () => {
  test.each([0, 1, 1000, 2 ** 31, 2 ** 33 + 5])('ends after %i ms where performance.now() stands still', async (ms) => {
    vi.useFakeTimers({ toFake: [...TIMERS, 'Date'] })
    vi.spyOn(performance, 'now').mockReturnValue(1)
    const began = Date.now()
    const ended = sleep(ms).then(() => Date.now() - began)
    await vi.runAllTimersAsync()
    expect(await ended).toBe(ms)
  })
})
