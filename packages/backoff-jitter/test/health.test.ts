import { respond, type ScriptEntry } from '@aplomb/mock-api'
import { createFetch } from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { outcomes, settled, timed, useFakeTime } from '../../aplomb/test/support/time.ts'
import { backoffJitter, type BackoffJitterOptions } from '../src/index.ts'
import { newHealth } from '../src/health.ts'

useFakeTime()

const TARGET = 'https://api.test/x'

const noted = (...successes: boolean[]) => {
  const health = newHealth()
  for (const success of successes) health.note(success)
  return health
}
const repeat = (count: number, success: boolean): boolean[] => Array<boolean>(count).fill(success)

describe('how a key fares', () => {
  test('is not known at first: delays are what they are', () => {
    expect(newHealth().scale).toBe(1)
  })

  test('well, after a dozen successes: 5 % of the delay', () => {
    expect(noted(...repeat(11, true)).scale).toBe(1)
    expect(noted(...repeat(12, true)).scale).toBe(0.05)
  })

  test('one failure in the midst of successes changes nothing', () => {
    expect(noted(...repeat(30, true), false).scale).toBe(0.05)
  })

  test('four in a row do, however well it went before', () => {
    expect(noted(...repeat(1000, true), ...repeat(3, false)).scale).toBe(0.05)
    expect(noted(...repeat(1000, true), ...repeat(4, false)).scale).toBe(1)
  })

  test('a key that fails half of the time is never well', () => {
    const health = newHealth()
    for (let i = 0; i < 100; i++) {
      health.note(i % 2 === 0)
      expect(health.scale).toBe(1)
    }
  })

  test('it gets well again', () => {
    expect(noted(...repeat(50, false), ...repeat(12, true)).scale).toBe(0.05)
  })

  test('whatever was before: a dozen successes make it well, four failures end that', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), (before) => {
        expect(noted(...before, ...repeat(12, true)).scale).toBe(0.05)
        expect(noted(...before, ...repeat(4, false)).scale).toBe(1)
      }),
      { seed: 5, numRuns: 200 },
    )
  })
})

describe('a failure in the midst of successes', () => {
  const well = async (script: readonly ScriptEntry[], options: BackoffJitterOptions = {}) => {
    const server = timed(respond({ times: 40 }, ...script))
    const fetch = createFetch([backoffJitter({ jitter: 'none', ...options })], { fetch: server })
    for (let i = 0; i < 40; i++) await fetch(TARGET)
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

  test('another key does not profit', async () => {
    const { fetch, times } = await well([500, 200])
    await settled(fetch('https://other.test/'))
    expect(times()).toEqual([0, 1000])
  })

  test('nor does it shorten the time that a call holds out in an outage: attempts do not end within half a second', async () => {
    const { fetch, times } = await well([{ status: 503, times: Infinity }])
    expect((await settled(fetch(TARGET))).status).toBe(503)
    expect(times()).toHaveLength(4)
    // On a key that nothing is known of, the last attempt is made after 1 + 2 + 4 seconds.
    expect(times().at(-1)).toBeGreaterThanOrEqual(2000)
  })

  test('in an outage of many calls the delays are what they are again, after a few', async () => {
    const { fetch, times } = await well([{ status: 503, times: 20 }, { times: Infinity }], { maxAttempts: 2 })
    await outcomes(Array.from({ length: 20 }, () => fetch(TARGET)))
    const again = times().slice(20)
    expect(again).toHaveLength(20)
    expect(again.filter((at) => at < 1000)).toHaveLength(4)
  })
})
