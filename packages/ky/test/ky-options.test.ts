import { middleware } from 'aplomb'
import type { KyInstance } from 'ky'
import { describe, expect, it, vi } from 'vitest'
import { kyOptions, type KyOptionsOptions } from '../src/index.ts'
import { type Answer, serverOf } from './support/server.ts'
import { outcomeOf, settled, useFakeTime } from './support/time.ts'
import { VERSIONS } from './support/versions.ts'

const URL_OF = 'https://api.test/v1/items'

const refusal = (seconds: number) => new Response('no', { status: 429, headers: { 'retry-after': String(seconds) } })

useFakeTime()

describe.each(VERSIONS)('kyOptions() of ky %s', (_, ky) => {
  const setup = (script: readonly Answer[], options: KyOptionsOptions = {}) => {
    const server = serverOf(...script)
    const zero = performance.now()
    const times: number[] = []
    const fetch: typeof server = Object.assign(
      ((input, init) => {
        times.push(Math.round(performance.now() - zero))
        return server(input, init)
      }) as typeof server,
      { served: server.served },
    )
    const api: KyInstance = ky.create(kyOptions({ fetch, ...options }))
    return { api, server, times }
  }

  describe('1. is fetch, retry: 0, timeout: false', () => {
    it('so that aplomb alone sends again, for as long as it takes', async () => {
      const { api, times } = setup([refusal(20), 500])
      expect(await settled(api.get(URL_OF).json())).toEqual({ status: 200 })
      expect(times).toHaveLength(3)
      expect(times[1]).toBeGreaterThanOrEqual(20_000)
    })

    it('hooks see the last answer', async () => {
      const { api } = setup([500, 503, 404])
      expect(await outcomeOf(api.get(URL_OF))).toMatchObject({ name: 'HTTPError', response: { status: 404 } })
    })

    it('a limit is one of retries, whoever sends again', async () => {
      for (const retry of [1, { limit: 1 }] as const) {
        for (const script of [
          [500, 500, 500],
          [() => refusal(1), () => refusal(1), () => refusal(1)],
        ]) {
          const { api, times } = setup(script, { retry })
          expect(await outcomeOf(api.get(URL_OF))).toMatchObject({ name: 'HTTPError' })
          expect(times).toHaveLength(2)
        }
      }
    })

    it('methods may be sent again', async () => {
      const { api, times } = setup([500, 200, 500], { retry: { methods: ['post'] } })
      await settled(api.post(URL_OF, { json: 1 }))
      expect(times).toHaveLength(2)
      await outcomeOf(api.patch(URL_OF, { json: 1 }))
      expect(times).toHaveLength(3)
    })

    it('what asks for more than maxRetryAfter is handed over', async () => {
      const { api, times } = setup([refusal(3), refusal(4)], { retry: { maxRetryAfter: 3000 } })
      expect(await outcomeOf(api.get(URL_OF))).toMatchObject({ response: { status: 429 } })
      expect(times).toHaveLength(2)
    })

    const throws = (): never => {
      throw new Error('mine')
    }
    it.each<[string, () => unknown]>([
      ['NaN', () => NaN],
      ['a promise', () => Promise.resolve(5)],
      ['nothing, as it throws', throws],
    ])('a delay that answers %s is as none: it does not end the backoff', async (__, delay) => {
      vi.spyOn(console, 'warn').mockImplementation(() => undefined)
      const retry = { limit: 3, delay: delay as () => number }
      const { api, times } = setup([500, 500, 500], { retry, concurrencyGate: false })
      await settled(api.get(URL_OF))
      expect(times).toEqual([0, 1000, 3000, 7000])
    })

    it('delay, jitter and backoffLimit are those of ky', async () => {
      const delay = vi.fn((attempt: number) => attempt * 1000)
      const jitter = vi.fn((delayMs: number) => delayMs + 7)
      const retry = { limit: 3, delay, jitter, backoffLimit: 2500 }
      const { api } = setup([500, 500, 500], { retry, concurrencyGate: false })
      const waits: number[] = []
      const observed = ky.create(
        kyOptions({
          retry,
          concurrencyGate: false,
          fetch: serverOf(500, 500, 500),
          onEvent: (event) => event.type === 'retry' && waits.push(event.waitMs),
        }),
      )
      await settled(api.get(URL_OF))
      expect(delay.mock.calls).toEqual([[1], [2], [3]])
      expect(jitter.mock.calls).toEqual([[1000], [2000], [3000]])
      await settled(observed.get(URL_OF))
      expect(waits).toEqual([1007, 2007, 2500])
    })

    it.each([
      [true, 500],
      [false, 1000],
    ])('jitter: %s alone', async (jitter, ms) => {
      const waits: number[] = []
      const { api } = setup([500], {
        retry: { jitter },
        onEvent: (event) => event.type === 'retry' && waits.push(event.waitMs),
      })
      await settled(api.get(URL_OF))
      expect(waits).toEqual([ms])
    })

    it('what aplomb itself is told goes before', async () => {
      const { api, times } = setup([500, 500, 500, 500], {
        retry: { limit: 1, backoffLimit: 1 },
        backoffJitter: { maxAttempts: 3 },
      })
      await outcomeOf(api.get(URL_OF))
      expect(times).toHaveLength(3)
      // Of the options that only ky was told, each counts.
      expect(times[1]).toBeLessThan(10)
    })
  })

  it('an error of aplomb comes through ky, which does not retry it', async () => {
    const { api, times } = setup([], { concurrencyGate: { limit: 1, maxQueue: 0 } })
    const [first, second] = [api.get(URL_OF), outcomeOf(api.get(URL_OF))]
    expect(await second).toMatchObject({ name: 'QueueFullError' })
    await settled(first)
    expect(times).toHaveLength(1)
  })
})

describe('kyOptions()', () => {
  it.each([
    [{ retry: -1 }, RangeError, /kyOptions: retry must be .* got -1/],
    [{ retry: { limit: 1.5 } }, RangeError, /kyOptions: retry.limit must be .* got 1.5/],
    [{ retry: { limits: 1 } }, TypeError, /kyOptions: unknown option retry.limits .*there are limit/],
    [{ retry: { statusCodes: [500] } }, TypeError, /kyOptions: retry.statusCodes has no meaning here: .*rules/],
    [{ retry: { afterStatusCodes: [429] } }, TypeError, /kyOptions: retry.afterStatusCodes has no meaning here/],
    [
      { retry: { shouldRetry: () => true } },
      TypeError,
      /kyOptions: retry.shouldRetry has no meaning here: .*repeatable/,
    ],
    [{ retry: { retryOnTimeout: false } }, RangeError, /kyOptions: retry.retryOnTimeout must be true, got false/],
    [{ retry: 2, backoffJitter: false }, TypeError, /kyOptions: `retry` says something of `backoffJitter`/],
    [{ retry: 2, retryAfter: middleware('mine', (request, next) => next(request)) }, TypeError, /`retryAfter`/],
    [{ retries: 2 }, TypeError, /unknown option retries/],
    [5, TypeError, /options must be/],
  ])('%j is an error at creation', (options, type, message) => {
    const make = (): unknown => kyOptions(options as never)
    expect(make).toThrow(type)
    expect(make).toThrow(message)
  })

  it('takes what ky has by default', () => {
    const { fetch, ...rest } = kyOptions({ retry: { limit: 2, methods: ['get'], retryOnTimeout: true } })
    expect(rest).toEqual({ retry: 0, timeout: false })
    expect(fetch.stats()).toMatchObject({ active: 0 })
  })
})
