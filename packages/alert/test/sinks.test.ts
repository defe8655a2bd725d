import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { backoffJitter } from '@aplomb/backoff-jitter'
import { classify } from '@aplomb/classify'
import { createFetch, middleware } from '@aplomb/pipeline'
import { respond } from '@aplomb/mock-api'
import type { Alert, Sink } from '../src/index.ts'
import { API, URL_A, alerted, changing } from './helpers.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
})
afterEach(() => {
  if (vi.getTimerCount() > 0) throw new Error('a timer is left')
  vi.useRealTimers()
})

const never = new Promise<never>(() => undefined)
const PATIENCE_MS = 300_000
const bad: readonly (readonly [string, Sink])[] = [
  [
    'throws',
    () => {
      throw new Error('no')
    },
  ],
  ['rejects', () => Promise.reject(new Error('no'))],
  ['rejects later', () => new Promise((_, reject) => setTimeout(() => reject(new Error('no')), 1500))],
  ['hangs', () => never],
]

/** Three calls: one that is retried, one refused for want of money, one that fails. With the moment of each end. */
const run = async (to?: Sink): Promise<{ ends: unknown[] }> => {
  vi.setSystemTime(0)
  const failure = new TypeError('fetch failed')
  const inner = respond({ status: 500, delayMs: 7 }, { delayMs: 20 }, { status: 402, delayMs: 30 }, failure, failure)
  const backoff = backoffJitter({ jitter: 'none', maxAttempts: 2 })
  const fetch = to
    ? alerted(inner, { to, errorRate: { minAttempts: 1 } }, [backoff]).fetch
    : createFetch([backoff, classify()], { fetch: inner })
  const began = performance.now()
  const ends: unknown[] = []
  const work = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      const end = await fetch(URL_A).then(
        ({ status }) => status,
        (error: unknown) => error,
      )
      ends.push([end, performance.now() - began])
    }
  }
  const working = work()
  await vi.advanceTimersByTimeAsync(10_000)
  await working
  await vi.advanceTimersByTimeAsync(PATIENCE_MS)
  return { ends }
}

describe('10. a sink', () => {
  test.each(bad)('that %s changes neither the result nor the timing of a call', async (_, sink) => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const seen = vi.fn(sink)
    expect(await run(seen)).toEqual(await run())
    expect(seen).toHaveBeenCalledTimes(1)
    expect(report).toHaveBeenCalledExactlyOnceWith('aplomb: an alert was not delivered:', expect.any(Error))
  })

  test.each(bad)('that %s keeps nothing from the others, and gets the next alert', async (_, sink) => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const [seen, other] = [vi.fn(sink), vi.fn()]
    const { fetch } = alerted(respond({ status: 402, times: 2 }), { to: [seen, other] })
    await fetch(URL_A)
    await fetch('https://other.example.com/')
    expect(other).toHaveBeenCalledTimes(2)
    await vi.advanceTimersByTimeAsync(PATIENCE_MS)
    expect(seen).toHaveBeenCalledTimes(2)
    await vi.advanceTimersByTimeAsync(PATIENCE_MS)
  })

  test('is called outside of the call, one alert after the other, and cannot change an alert', async () => {
    const order: string[] = []
    const to = async (one: Alert): Promise<void> => {
      expect(Object.isFrozen(one)).toBe(true)
      order.push(`begins ${one.api}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
      order.push(`ends ${one.api}`)
    }
    const { fetch, alerts } = alerted(respond({ status: 402, times: 2 }), { to })
    await fetch(URL_A)
    await fetch('https://other.example.com/')
    const flushed = alerts.flush()
    await vi.advanceTimersByTimeAsync(20)
    await flushed
    expect(order).toEqual([API, 'https://other.example.com'].flatMap((api) => [`begins ${api}`, `ends ${api}`]))
  })

  test('is not called while a middleware emits', async () => {
    const to = vi.fn()
    const emits = middleware('emits', async (request, next, call) => {
      const { id, key } = call
      call.emit({ type: 'alert', call: id, key, by: 'emits', condition: 'odd', message: 'odd' })
      expect(to).not.toHaveBeenCalled()
      return next(request)
    })
    const { fetch } = alerted(respond(200), { to }, [emits])
    expect((await fetch(URL_A)).status).toBe(200)
    expect(to).toHaveBeenCalledTimes(1)
  })

  test('that is not there: the message goes to the console', async () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { fetch, alerts } = alerted(respond(402), { to: undefined })
    await fetch(URL_A)
    await alerts.flush()
    expect(report.mock.calls).toEqual([
      ['aplomb: https://api.example.com wants to be paid: GET /v1/lookup/:id was refused (402).'],
    ])
  })

  test('that cannot keep up loses the oldest alerts, and that is said once', async () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const inner = changing()
    inner.answer = () => new Response(null, { status: 402 })
    const seen: string[] = []
    let goOn = (): void => undefined
    let blocked: Promise<void> | undefined
    const block = (): void => void (blocked = new Promise((resolve) => (goOn = resolve)))
    block()
    const to = async ({ api }: Alert): Promise<void> => {
      seen.push(api)
      await blocked
    }
    const { fetch, alerts } = alerted(inner, { to })
    for (let i = 0; i < 150; i++) await fetch(`https://api${i}.example.com/`)
    expect(report).toHaveBeenCalledExactlyOnceWith(
      'aplomb: more than 100 alerts wait for a sink: the oldest are dropped',
    )
    goOn()
    await alerts.flush()
    expect(seen).toHaveLength(101)
    expect(seen.slice(0, 2)).toEqual(['https://api0.example.com', 'https://api50.example.com'])
    block()
    for (let i = 150; i < 300; i++) await fetch(`https://api${i}.example.com/`)
    expect(report).toHaveBeenCalledTimes(2)
    goOn()
    await alerts.flush()
    expect(seen.at(-1)).toBe('https://api299.example.com')
  })

  test('gets the alert even if the endpoint function throws', async () => {
    const report = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const endpoint = (): string => {
      throw new Error('no')
    }
    const { fetch, told } = alerted(respond(402), { endpoint })
    expect((await fetch(URL_A)).status).toBe(402)
    expect(told).toMatchObject([{ endpoint: 'GET /v1/lookup/:id' }])
    expect(report).toHaveBeenCalledWith(expect.stringContaining('alert.endpoint failed'), expect.any(Error))
  })
})

describe('14. flush', () => {
  test('waits for every alert, delivered or given up, and for nothing if there is none', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { fetch, alerts } = alerted(respond({ status: 402, times: 2 }), { to: [() => never, () => undefined] })
    await alerts.flush()
    await fetch(URL_A)
    await fetch('https://other.example.com/')
    const heard = vi.fn()
    const flushed = alerts.flush().then(() => heard())
    await vi.advanceTimersByTimeAsync(2 * PATIENCE_MS - 1)
    expect(heard).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await flushed
    expect(heard).toHaveBeenCalledTimes(1)
  })
})
