import { respond, type ScriptEntry } from '@aplomb/mock-api'
import { createFetch } from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { outcomes, settled, timed, useFakeTime, watch } from '../../aplomb/test/support/time.ts'
import { backoffJitter, type BackoffJitterOptions } from '../src/index.ts'
import { newHealth } from '../src/health.ts'

useFakeTime()

const TARGET = 'https://api.test/x'
const POISON = 'https://api.test/poison'

const noted = (...successes: boolean[]) => {
  const health = newHealth()
  for (const success of successes) health.note(success)
  return health
}
const repeat = (count: number, success: boolean): boolean[] => Array<boolean>(count).fill(success)
/** For the first retry of a call that fails now. */
const scaleOf = (...successes: boolean[]): number => noted(...successes).scale(1, performance.now())

describe('how a key fares', () => {
  test('is not known at first: delays are what they are', () => {
    expect(scaleOf()).toBe(1)
  })

  test('well, after a dozen successes: 5 % of the delay', () => {
    expect(scaleOf(...repeat(11, true))).toBe(1)
    expect(scaleOf(...repeat(12, true))).toBe(0.05)
  })

  test('one failure in the midst of successes changes nothing', () => {
    expect(scaleOf(...repeat(30, true), false)).toBe(0.05)
  })

  test('four in a row do, however well it went before', () => {
    expect(scaleOf(...repeat(1000, true), ...repeat(3, false))).toBe(0.05)
    expect(scaleOf(...repeat(1000, true), ...repeat(4, false))).toBe(1)
  })

  test('a key that fails half of the time is never well', () => {
    const health = newHealth()
    for (let i = 0; i < 100; i++) {
      health.note(i % 2 === 0)
      expect(health.scale(1, performance.now())).toBe(1)
    }
  })

  test('it gets well again', () => {
    expect(scaleOf(...repeat(50, false), ...repeat(12, true))).toBe(0.05)
  })

  test('whatever was before: a dozen successes make it well, four failures end that', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), (before) => {
        expect(scaleOf(...before, ...repeat(12, true))).toBe(0.05)
        expect(scaleOf(...before, ...repeat(4, false))).toBe(1)
      }),
      { seed: 5, numRuns: 200 },
    )
  })

  test('each further failure of a call takes less off: 5 %, 7 %, 11 %, 15 % are left', () => {
    const failedAt = performance.now()
    vi.advanceTimersByTime(1)
    const health = noted(...repeat(12, true))
    const left = [1, 2, 3, 4].map((retry) => Math.round(health.scale(retry, failedAt) * 1000) / 10)
    expect(left).toEqual([5, 7.3, 10.6, 15.4])
  })

  test('a call that fails again while nobody else succeeds has met an outage: nothing is taken off any more', () => {
    const health = noted(...repeat(12, true))
    vi.advanceTimersByTime(1)
    const failedAt = performance.now()
    expect(health.scale(1, failedAt)).toBe(0.05)
    expect(health.scale(2, failedAt)).toBe(1)
    vi.advanceTimersByTime(1)
    health.note(true)
    expect(health.scale(2, failedAt)).toBeLessThan(0.1)
  })

  test('a success of the same moment says nothing of what came after it', () => {
    const health = noted(...repeat(12, true))
    expect(health.scale(2, performance.now())).toBe(1)
  })

  test('never makes a delay longer, however often a call has failed', () => {
    const health = noted(...repeat(12, true))
    for (let retry = 1; retry <= 30; retry++) expect(health.scale(retry, -1)).toBeLessThanOrEqual(1)
  })
})

describe('a failure in the midst of successes', () => {
  const well = async (script: readonly ScriptEntry[], options: BackoffJitterOptions = {}) => {
    const server = timed(respond({ times: 40 }, ...script))
    const fetch = createFetch([backoffJitter({ jitter: 'none', ...options })], { fetch: server })
    for (let i = 0; i < 40; i++) await fetch(TARGET)
    vi.advanceTimersByTime(1)
    return { fetch, times: () => server.times.slice(40).map((at) => at - server.times[40]!) }
  }

  test.each([500, 503, 408, new TypeError('fetch failed')] as ScriptEntry[])(
    '%s is sent again after 5 % of the delay',
    async (failure) => {
      const { fetch, times } = await well([failure, 200])
      expect((await settled(fetch(TARGET))).status).toBe(200)
      expect(times()).toEqual([0, 50])
    },
  )

  test('a wait that the server names is kept all the same', async () => {
    const { fetch, times } = await well([{ status: 503, headers: { 'retry-after': '3' } }, 200])
    await settled(fetch(TARGET))
    expect(times()).toEqual([0, 3000])
  })

  test('a jitter of your own gives the delay as it is', async () => {
    const { fetch, times } = await well([500, 200], { jitter: (delayMs) => delayMs + 1 })
    await settled(fetch(TARGET))
    expect(times()).toEqual([0, 1001])
  })

  test('what no repetition mends says nothing of the server: neither a 404 nor a certificate', async () => {
    const expired = new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'CERT_HAS_EXPIRED' }) })
    const { fetch, times } = await well([expired, expired, expired, expired, 500, 200])
    for (let i = 0; i < 4; i++) await expect(fetch(TARGET)).rejects.toBe(expired)
    await settled(fetch(TARGET))
    expect(times().slice(-2)).toEqual([0, 50])
  })

  test('a server that says no twelve times is as well as one that says yes', async () => {
    const server = timed(respond({ status: 404, times: 12 }, 500, 200))
    const fetch = createFetch([backoffJitter({ jitter: 'none' })], { fetch: server })
    for (let i = 0; i < 12; i++) await fetch(TARGET)
    await settled(fetch(TARGET))
    expect(server.times.slice(-2)).toEqual([0, 50])
  })

  test('another key does not profit', async () => {
    const { fetch, times } = await well([500, 200])
    await settled(fetch('https://other.test/'))
    expect(times()).toEqual([0, 1000])
  })

  test('nor does it shorten the time that a call holds out in an outage: only its first delay is short', async () => {
    const { fetch, times } = await well([{ status: 503, times: Infinity }])
    expect((await settled(fetch(TARGET))).status).toBe(503)
    expect(times()).toEqual([0, 50, 2050, 6050])
  })

  test('one that fails again and again while others succeed is spared most of each delay', async () => {
    const poisoned = timed(respond({ status: 500, times: Infinity }))
    const others = respond({ times: Infinity })
    const fetch = createFetch([backoffJitter({ jitter: 'none' })], {
      fetch: (input, init) => (input === POISON ? poisoned : others)(input, init),
    })
    for (let i = 0; i < 40; i++) await fetch(TARGET)
    const poison = watch(fetch(POISON))
    while (!poison.outcome) {
      await vi.advanceTimersByTimeAsync(1)
      await fetch(TARGET)
    }
    // Of 1, 2 and 4 seconds 5, 7 and 11 %.
    expect(poisoned.times).toEqual([0, 50, 195, 617])
  })

  test('where others succeed meanwhile, further retries come soon, too: after 7 and 11 % of the delay', async () => {
    const { fetch, times } = await well([500, 200, 500, 200, 500, 200, 200])
    const call = fetch(TARGET)
    const others = (async () => {
      for (const ms of [10, 100, 200]) {
        await vi.advanceTimersByTimeAsync(ms)
        await fetch(`${TARGET}/other`)
      }
    })()
    await settled(Promise.all([call, others]))
    expect((await call).status).toBe(200)
    const [first, , second, , third] = times()
    expect(first).toBe(0)
    expect(second).toBe(50)
    expect(third).toBeGreaterThan(50 + 140)
  })

  test('in an outage of many calls the delays are what they are again, after a few', async () => {
    const { fetch, times } = await well([{ status: 503, times: 20 }, { times: Infinity }], { maxAttempts: 2 })
    await outcomes(Array.from({ length: 20 }, () => fetch(TARGET)))
    const again = times().slice(20)
    expect(again).toHaveLength(20)
    expect(again.filter((at) => at < 1000)).toHaveLength(4)
  })
})
