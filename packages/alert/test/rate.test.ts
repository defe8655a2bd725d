import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { backoffJitter } from '@aplomb/backoff-jitter'
import { compose, middleware, type Middleware } from '@aplomb/pipeline'
import { type Rate, rateTest, type ErrorRateOptions } from '../src/rate.ts'
import { API, URL_A, alerted, changing, short } from './helpers.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12) })
})
afterEach(() => {
  if (vi.getTimerCount() > 0) throw new Error('a timer is left')
  vi.useRealTimers()
})

const HOUR = 3_600_000

/** Attempts at even distances; the failures spread evenly among them, or by chance. */
const attempts = (
  rate: Rate,
  { forMs, perMinute, share, random }: { forMs: number; perMinute: number; share: number; random?: () => number },
): { firstHighMs: number | undefined; isHigh: boolean; alerts: number } => {
  const step = 60_000 / perMinute
  let firstHighMs: number | undefined
  let isHigh = false
  let alerts = 0
  for (let i = 0; i < forMs / step; i++) {
    vi.advanceTimersByTime(step)
    const failed = random ? random() < share : Math.floor((i + 1) * share) > Math.floor(i * share)
    const view = rate.note(failed)
    if (view.isHigh) firstHighMs ??= (i + 1) * step
    if (view.isHigh && !isHigh) alerts++
    isHigh = view.isHigh
  }
  return { firstHighMs, isHigh, alerts }
}

const seeded = (seed: number) => (): number => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
  return seed / 2 ** 31
}

const newRate = (options: ErrorRateOptions = {}): Rate => rateTest(options)()

describe('3. what counts', () => {
  const failing = [
    ['500', () => new Response(null, { status: 500 })],
    ['501', () => new Response(null, { status: 501 })],
    ['503', () => new Response(null, { status: 503 })],
    ['529', () => new Response(null, { status: 529 })],
    ['a network error', () => Promise.reject(new TypeError('fetch failed'))],
  ] as const
  const fine = [
    ['200', () => new Response()],
    ['404', () => new Response(null, { status: 404 })],
    ['422', () => new Response(null, { status: 422 })],
    ['429', () => new Response(null, { status: 429 })],
    ['a bad argument', () => Promise.reject(new TypeError('Invalid URL'))],
    ['something that is no network error', () => Promise.reject(new RangeError('a bug'))],
  ] as const

  /** Two minutes of nothing else. */
  const only = async (answer: () => Response | Promise<Response>, below: readonly Middleware[] = []) => {
    const inner = changing()
    inner.answer = answer
    const { fetch, told } = alerted(inner, {}, below)
    for (let i = 0; i < 40; i++) {
      await Promise.allSettled([fetch(URL_A)])
      await vi.advanceTimersByTimeAsync(3000)
    }
    return told
  }

  test.each(failing)('%s is a failure', async (_, answer) => {
    expect(short(await only(answer))).toEqual(['error-rate firing'])
  })

  test.each(fine)('%s is none', async (_, answer) => {
    expect(await only(answer)).toEqual([])
  })

  const hanging = (_: unknown, init?: RequestInit): Promise<Response> =>
    new Promise((_resolve, reject) =>
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error)),
    )

  test('a time-out of an attempt is a failure', async () => {
    const { fetch, told } = alerted(hanging, {}, [backoffJitter({ maxAttempts: 1, attemptTimeoutMs: 1000 })])
    for (let i = 0; i < 40; i++) {
      const call = expect(fetch(URL_A)).rejects.toThrow('The attempt timed out')
      await vi.advanceTimersByTimeAsync(3000)
      await call
    }
    expect(told[0]).toMatchObject({ condition: 'error-rate', evidence: 'TimeoutError, not from the caller' })
  })

  test('so is one that a middleware sets', async () => {
    const limited: Middleware = (request, next) => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(new DOMException('too slow', 'TimeoutError')), 500)
      return next(new Request(request, { signal: controller.signal }))
    }
    const { fetch, told } = alerted(hanging, {}, [limited])
    for (let i = 0; i < 40; i++) {
      const call = expect(fetch(URL_A)).rejects.toThrow('too slow')
      await vi.advanceTimersByTimeAsync(3000)
      await call
    }
    expect(short(told)).toEqual(['error-rate firing'])
  })

  test('an abort, the deadline of the call, and an attempt that a middleware calls off are none', async () => {
    const { fetch, told } = alerted(hanging, {}, [], { timeoutMs: 1000 })
    const off: Middleware = (request, next) => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 500)
      return next(new Request(request, { signal: controller.signal }))
    }
    const hedged = alerted(hanging, {}, [off])
    for (let i = 0; i < 40; i++) {
      const controller = new AbortController()
      const calls = Promise.allSettled([fetch(URL_A), fetch(URL_A, { signal: controller.signal }), hedged.fetch(URL_A)])
      await vi.advanceTimersByTimeAsync(500)
      controller.abort()
      await vi.advanceTimersByTimeAsync(2500)
      expect((await calls).map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected'])
    }
    expect(told).toEqual([])
    expect(hedged.told).toEqual([])
  })

  test('what was called off is no attempt at all', async () => {
    const inner = changing()
    inner.answer = () => new Response(null, { status: 500 })
    const off: Middleware = async (request, next) => {
      await next(new Request(request, { signal: AbortSignal.abort() })).catch(() => undefined)
      return next(request)
    }
    const { fetch, told } = alerted((input, init) => (init?.signal?.throwIfAborted(), inner(input, init)), {}, [off])
    for (let i = 0; i < 40; i++) {
      await fetch(URL_A)
      await vi.advanceTimersByTimeAsync(3000)
    }
    expect(told).toMatchObject([{ rate: 1 }])
  })

  test('attempts count that a retry mends', async () => {
    let sent = 0
    const inner = changing()
    inner.answer = () => new Response(null, { status: ++sent % 3 === 0 ? 502 : 200 })
    const again = middleware('again', async (request, next) => {
      const response = await next(request)
      return response.ok ? response : next(request)
    })
    const { fetch, told } = alerted(inner, {}, [compose(again)])
    for (let i = 0; i < 40; i++) {
      expect((await fetch(URL_A)).status).toBe(200)
      await vi.advanceTimersByTimeAsync(3000)
    }
    expect(told).toMatchObject([
      { condition: 'error-rate', state: 'firing', endpoint: 'GET /v1/lookup/:id', evidence: '502' },
    ])
  })

  test('what is answered without an attempt does not count', async () => {
    const { told, fetch } = alerted(changing(), {}, [async () => new Response(null, { status: 500 })])
    for (let i = 0; i < 40; i++) {
      await fetch(URL_A)
      await vi.advanceTimersByTimeAsync(3000)
    }
    expect(told).toEqual([])
  })
})

describe('4. too high', () => {
  test('an outage is told of when it has reached each third of the window', () => {
    const rate = newRate()
    attempts(rate, { forMs: HOUR, perMinute: 120, share: 0.01 })
    const { firstHighMs } = attempts(rate, { forMs: 120_000, perMinute: 120, share: 1 })
    expect(firstHighMs).toBeGreaterThan(70_000)
    expect(firstHighMs).toBeLessThan(90_000)
  })

  test('one that ends before is not', () => {
    const rate = newRate()
    attempts(rate, { forMs: HOUR, perMinute: 120, share: 0.01 })
    for (let i = 0; i < 20; i++) {
      expect(attempts(rate, { forMs: 30_000, perMinute: 120, share: 1 }).alerts).toBe(0)
      expect(attempts(rate, { forMs: 300_000, perMinute: 120, share: 0 }).alerts).toBe(0)
    }
  })

  test('with fewer attempts than minAttempts nothing is said', () => {
    expect(attempts(newRate(), { forMs: HOUR, perMinute: 9, share: 1 }).alerts).toBe(0)
    expect(attempts(newRate(), { forMs: HOUR, perMinute: 11, share: 1 }).alerts).toBe(1)
    expect(attempts(newRate({ minAttempts: 5 }), { forMs: HOUR, perMinute: 3, share: 1 }).alerts).toBe(1)
    expect(attempts(newRate({ windowMs: 600_000 }), { forMs: HOUR, perMinute: 3, share: 1 }).alerts).toBe(1)
  })

  test('minRate is never too much', () => {
    expect(attempts(newRate({ minRate: 0.5 }), { forMs: HOUR, perMinute: 60, share: 0.5 }).alerts).toBe(0)
    expect(attempts(newRate({ minRate: 0.4 }), { forMs: HOUR, perMinute: 60, share: 0.6 }).alerts).toBe(1)
  })

  test.each([
    [0.01, 300],
    [0.03, 60],
    [0.05, 30],
  ])('chance alone is not told of: %d at %d a minute, for a day', (share, perMinute) => {
    const { alerts } = attempts(newRate(), { forMs: 24 * HOUR, perMinute, share, random: seeded(7) })
    expect(alerts).toBe(0)
  })
})

describe('5. what is usual', () => {
  test.each([
    [0.02, 0.04, 0.2],
    [0.1, 0.2, 0.4],
    [0.4, 0.55, 0.9],
  ])('after hours with %d of failures, %d are no alert, and %d are one', (usual, more, most) => {
    const rate = newRate({ minRate: Math.max(0.05, usual + 0.05) })
    const low = { forMs: 3 * HOUR, perMinute: 60, share: usual }
    expect(attempts(rate, low).alerts).toBe(0)
    expect(attempts(rate, { ...low, forMs: 600_000, share: more }).alerts).toBe(0)
    expect(attempts(rate, { ...low, forMs: 600_000, share: most }).alerts).toBe(1)
  })

  test('is told, once it is known', () => {
    const rate = newRate()
    expect(rate.note(true).baseline).toBeUndefined()
    attempts(rate, { forMs: 3 * HOUR, perMinute: 60, share: 0.02 })
    expect(rate.note(false).baseline).toBeCloseTo(0.02, 3)
  })

  test('a few failures at the start do not make much of it', () => {
    const rate = newRate()
    attempts(rate, { forMs: 120_000, perMinute: 10, share: 0.15 })
    vi.advanceTimersByTime(120_000)
    expect(attempts(rate, { forMs: 300_000, perMinute: 60, share: 0.3 }).alerts).toBe(1)
  })

  test('half of it is of the last hour', () => {
    const rate = newRate()
    attempts(rate, { forMs: 10 * HOUR, perMinute: 60, share: 0 })
    attempts(rate, { forMs: HOUR, perMinute: 60, share: 0.04 })
    expect(rate.note(false).baseline).toBeCloseTo(0.02, 2)
  })

  test('an incident does not count, until it has lasted six hours', () => {
    const rate = newRate()
    attempts(rate, { forMs: 3 * HOUR, perMinute: 60, share: 0 })
    expect(attempts(rate, { forMs: 6 * HOUR, perMinute: 60, share: 0.3 }).isHigh).toBe(true)
    expect(rate.note(true).baseline).toBeLessThan(0.01)
    expect(attempts(rate, { forMs: 6 * HOUR, perMinute: 60, share: 0.3 }).isHigh).toBe(false)
  })

  test('an outage from the start is an incident, not what is usual', () => {
    const rate = newRate()
    expect(attempts(rate, { forMs: 5 * HOUR, perMinute: 60, share: 1 })).toMatchObject({ isHigh: true, alerts: 1 })
    expect(rate.note(true).baseline).toBeUndefined()
  })
})

describe('6. over', () => {
  test('when the share is well below the limit again', () => {
    const rate = newRate({ minRate: 0.2 })
    const at = (share: number) => attempts(rate, { forMs: 300_000, perMinute: 60, share }).isHigh
    expect(at(0.5)).toBe(true)
    expect(at(0.15)).toBe(true)
    expect(at(0.08)).toBe(false)
    expect(at(0.15)).toBe(false)
  })

  test('also when a few attempts all go well', () => {
    const rate = newRate()
    attempts(rate, { forMs: 300_000, perMinute: 60, share: 1 })
    vi.advanceTimersByTime(119_000)
    expect(rate.note(false).isHigh).toBe(true)
    vi.advanceTimersByTime(60_000)
    expect(rate.note(false).isHigh).toBe(false)
  })

  test('and is told, with the figures', async () => {
    const inner = changing()
    const { fetch, told } = alerted(inner)
    const minutes = async (count: number, code: number): Promise<void> => {
      inner.answer = () => new Response(null, { status: code })
      for (let i = 0; i < count * 60; i++) {
        await fetch(URL_A)
        await vi.advanceTimersByTimeAsync(1000)
      }
    }
    await minutes(10, 200)
    await minutes(70, 500)
    await minutes(10, 200)
    expect(short(told)).toEqual(['error-rate firing', 'error-rate firing', 'error-rate resolved'])
    expect(told[0]).toMatchObject({
      message: `${API}: 81 of 111 attempts failed within 2 min (73 %, usually 0 %). Last: GET /v1/lookup/:id (500).`,
      windowMs: 120_000,
      attempts: 111,
      failed: 81,
      rate: 81 / 111,
      baseline: 0,
    })
    expect(told[1]).toMatchObject({ id: told[0]?.id, rate: 1 })
    expect(told[2]?.message).toMatch(/^https:\/\/api.example.com: \d of \d+ attempts failed within .* took 71 min\.$/)
  })

  test('errorRate: false alerts of none', async () => {
    const inner = changing()
    inner.answer = () => new Response(null, { status: 500 })
    const { fetch, told } = alerted(inner, { errorRate: false })
    for (let i = 0; i < 60; i++) {
      await fetch(URL_A)
      await vi.advanceTimersByTimeAsync(3000)
    }
    expect(told).toEqual([])
  })
})
