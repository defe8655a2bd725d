import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { backoffJitter } from '@aplomb/backoff-jitter'
import { retryAfter } from '@aplomb/retry-after'
import { respond } from '@aplomb/mock-api'
import { alert, type Alert, type AlertOptions } from '../src/index.ts'
import { URL_A, alerted } from './helpers.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('15. house rules', () => {
  test('works bare', async () => {
    const told: Alert[] = []
    const alerts = alert({ to: (one) => void told.push(one) })
    const next = respond(402)
    const response = await alerts(new Request(URL_A), next)
    expect(response).toBe(next.responses[0]?.response)
    expect(told).toMatchObject([{ condition: 'billing', endpoint: 'GET /v1/lookup/:id' }])
  })

  test('two instances share nothing', async () => {
    const [one, other] = [alerted(respond(402)), alerted(respond(402))]
    await one.fetch(URL_A)
    await other.fetch(URL_A)
    expect([one.told.length, other.told.length]).toEqual([1, 1])
    expect(one.told[0]?.id).not.toBe(other.told[0]?.id)
  })

  test('hands on the same response or error, with its body unread', async () => {
    const failure = new RangeError('mine')
    const inner = respond(402, failure)
    const { fetch } = alerted(inner)
    const response = await fetch(URL_A)
    expect(response).toBe(inner.responses[0]?.response)
    expect(response.bodyUsed).toBe(false)
    await expect(fetch(URL_A)).rejects.toBe(failure)
  })

  test('bodies of answers that are not returned are cancelled', async () => {
    const inner = respond(500, 500, 200)
    const { fetch } = alerted(inner, {}, [backoffJitter()])
    const call = fetch(URL_A)
    await vi.advanceTimersByTimeAsync(10_000)
    await (await call).text()
    expect(inner.unread).toBe(0)
  })

  test.each([
    ['in flight', respond({ delayMs: 1000 })],
    ['backing off', respond(500)],
    ['held', respond({ status: 503, headers: { 'retry-after': '30' } })],
  ])('an abort while %s leaves nothing behind', async (_, inner) => {
    const { fetch, told } = alerted(inner, {}, [backoffJitter(), retryAfter()])
    const controller = new AbortController()
    const added = vi.spyOn(controller.signal, 'addEventListener')
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const reason = new Error('enough')
    const call = expect(fetch(URL_A, { signal: controller.signal })).rejects.toBe(reason)
    await vi.advanceTimersByTimeAsync(100)
    controller.abort(reason)
    await call
    await vi.advanceTimersByTimeAsync(0)
    expect(vi.getTimerCount()).toBe(0)
    const gone = new Set(removed.mock.calls.map(([, listener]) => listener))
    expect(added.mock.calls.length).toBeGreaterThan(0)
    const lasting = added.mock.calls.filter(([, , options]) => !(options as { once?: boolean } | undefined)?.once)
    expect(lasting.filter(([, listener]) => !gone.has(listener))).toEqual([])
    expect(told).toEqual([])
  })

  test('what was refused before an abort is still told', async () => {
    const { fetch, told } = alerted(respond({ status: 402, headers: { 'x-should-retry': 'true' } }), {}, [
      async (request, next) => {
        const response = await next(request)
        await new Promise((resolve) => setTimeout(resolve, 1000))
        return response
      },
    ])
    const controller = new AbortController()
    const call = expect(fetch(URL_A, { signal: controller.signal })).rejects.toThrow('aborted')
    await vi.advanceTimersByTimeAsync(100)
    controller.abort()
    await call
    await vi.advanceTimersByTimeAsync(1000)
    expect(told).toMatchObject([{ condition: 'billing' }])
  })
})

describe('16. options that make no sense', () => {
  test.each([
    [{ to: 'slack' }, TypeError, 'alert: to must be a function or a list of at least one, got string'],
    [{ to: null }, TypeError, 'alert: to must be a function or a list of at least one, got null'],
    [{ to: [] }, RangeError, 'alert: to must be a function or a list of at least one, got object Array'],
    [{ to: [() => 0, 3] }, TypeError, 'alert: to[1] must be a function, got 3'],
    [{ holdMs: -1 }, RangeError, 'alert: holdMs must be a number of milliseconds, 0 or more, got -1'],
    [{ coolDownMs: NaN }, RangeError, 'alert: coolDownMs must be a number of milliseconds, 0 or more, got NaN'],
    [{ endpoint: '/x' }, TypeError, 'alert: endpoint must be a function, got string'],
    [{ redact: { text: 1 } }, TypeError, 'alert: redact.text must be a function, got 1'],
    [
      { errorRate: { windowMs: 0 } },
      RangeError,
      'alert: errorRate.windowMs must be a finite number of milliseconds, 1000 or more, got 0',
    ],
    [
      { errorRate: { minAttempts: 1.5 } },
      RangeError,
      'alert: errorRate.minAttempts must be a whole number of attempts, 1 or more, got 1.5',
    ],
    [
      { errorRate: { minRate: 0 } },
      RangeError,
      'alert: errorRate.minRate must be a number, above 0 and below 1, got 0',
    ],
    [{ errorRate: { factor: 0.5 } }, RangeError, 'alert: errorRate.factor must be a finite number, 1 or more, got 0.5'],
  ] as const)('%o', (options, type, message) => {
    const make = (): unknown => alert(options as unknown as AlertOptions)
    expect(make).toThrow(type)
    expect(make).toThrow(message)
  })
})
