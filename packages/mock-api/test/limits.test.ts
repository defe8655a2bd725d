import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createMockApi, type MockApiOptions } from '../src/index.ts'

const LOOKUP = 'https://api.test/v1/lookup/1.2.3.4'

beforeEach(() => vi.useFakeTimers({ now: 1_700_000_000_000 }))
afterEach(() => vi.useRealTimers())

const statuses = (responses: readonly Response[]) => responses.map(({ status }) => status)

describe('checks come in the order outage, window, concurrency, credits, chance, route', () => {
  const everything = {
    windows: [{ limit: 1, windowMs: 1000 }],
    concurrency: 1,
    credits: { balance: 1 },
    latencyMs: 10,
    flaky: { rate: 1, kinds: ['500'] },
    outages: [{ fromMs: 5000, toMs: 6000 }],
  } as const satisfies MockApiOptions
  const reasonsAt = async (options: MockApiOptions, moments: readonly number[]) => {
    const api = createMockApi({ ...options, logSize: 10 })
    let now = 0
    for (const moment of moments) {
      await vi.advanceTimersByTimeAsync(moment - now)
      now = moment
      void api.fetch(LOOKUP)
    }
    await vi.runAllTimersAsync()
    return api
      .log()
      .toSorted((a, b) => a.atMs - b.atMs)
      .map(({ reason }) => reason)
  }

  test('each stands before the next', async () => {
    const { flaky: _, ...rest } = everything
    expect(await reasonsAt(rest, [0, 1])).toEqual(['served', 'window'])
    expect(await reasonsAt({ ...rest, windows: [] }, [0, 1, 11])).toEqual(['served', 'concurrency', 'credits'])
    expect(await reasonsAt(everything, [0, 1, 5000])).toEqual(['flaky', 'window', 'outage'])
  })

  test('a request that a later check refuses does not use up a window, unless arrivals count', async () => {
    const options = { windows: [{ limit: 2, windowMs: 1000 }], concurrency: 1, latencyMs: 10 }
    expect(await reasonsAt(options, [0, 1, 11])).toEqual(['served', 'concurrency', 'served'])
    const punishing = { ...options, windows: [{ limit: 2, windowMs: 1000, counts: 'arrivals' as const }] }
    expect(await reasonsAt(punishing, [0, 1, 11])).toEqual(['served', 'concurrency', 'window'])
  })
})

describe('several windows hold together', () => {
  test('the tightest refuses, and names itself', async () => {
    const api = createMockApi({
      windows: [
        { limit: 2, windowMs: 1000, name: 'burst' },
        { limit: 3, windowMs: 60_000, name: 'minute' },
      ],
    })
    expect(statuses([await api.fetch(LOOKUP), await api.fetch(LOOKUP)])).toEqual([200, 200])
    const burst = await api.fetch(LOOKUP)
    expect(burst.status).toBe(429)
    expect(await burst.json()).toMatchObject({ status: 429, 'violated-policies': ['burst'] })
    expect(burst.headers.get('content-type')).toBe('application/problem+json')
    expect(burst.headers.get('ratelimit')).toBe('"burst";r=0;t=1, "minute";r=1;t=60')
    expect(burst.headers.get('ratelimit-policy')).toBe('"burst";q=2;w=1, "minute";q=3;w=60')
    await vi.advanceTimersByTimeAsync(1000)
    expect((await api.fetch(LOOKUP)).status).toBe(200)
    const minute = await api.fetch(LOOKUP)
    expect(await minute.json()).toMatchObject({ 'violated-policies': ['minute'] })
    expect(minute.headers.get('retry-after')).toBe('59')
  })
})

describe('a window may refuse with a status of its own', () => {
  test('such as 503', async () => {
    const api = createMockApi({ windows: [{ limit: 1, windowMs: 1000, status: 503 }] })
    await api.fetch(LOOKUP)
    expect((await api.fetch(LOOKUP)).status).toBe(503)
  })
})

describe('the ceiling counts requests from arrival to answer', () => {
  test('those beyond it are refused in the words of such APIs', async () => {
    const api = createMockApi({ concurrency: 2, latencyMs: 50 })
    const three = Promise.all([api.fetch(LOOKUP), api.fetch(LOOKUP), api.fetch(LOOKUP)])
    await vi.advanceTimersByTimeAsync(50)
    const [first, , refused] = await three
    expect(statuses(await three)).toEqual([200, 200, 429])
    expect(refused.headers.get('x-concurrent-threads')).toBe('2')
    expect(refused.headers.get('x-concurrent-threads-active')).toBe('2')
    expect(refused.headers.has('retry-after')).toBe(false)
    expect(await refused.json()).toEqual({
      path: '/v1/lookup/1.2.3.4',
      status: 429,
      error: 'Too Many Requests',
      message: 'Please slow down. Allowed Maximum concurrent request limit has been reached.',
    })
    expect(first.headers.get('x-concurrent-threads')).toBe('2')
    expect(api.stats()).toMatchObject({ inFlight: 0, mostInFlight: 2, served: 2, rejections: { concurrency: 1 } })
  })

  test('it is announced as told', async () => {
    const refused = async (announceConcurrency: NonNullable<MockApiOptions['announceConcurrency']>) => {
      const api = createMockApi({ concurrency: 1, latencyMs: 50, announceConcurrency })
      void api.fetch(LOOKUP)
      const { headers, ...response } = await api
        .fetch(LOOKUP)
        .then(async (r) => ({ headers: r.headers, body: await r.text() }))
      return [
        headers.get('x-concurrent-threads'),
        headers.get('ratelimit-policy'),
        headers.get('ratelimit'),
        response.body,
      ]
    }
    const message = expect.stringContaining('Allowed Maximum concurrent request limit')
    expect(await refused(true)).toEqual(['1', null, null, message])
    const policy = '"concurrency";q=1;qu="concurrent-requests"'
    expect(await refused('ietf')).toEqual([
      null,
      policy,
      '"concurrency";r=0',
      expect.stringContaining('"violated-policies":["concurrency"]'),
    ])
    expect(await refused('both')).toEqual(['1', policy, '"concurrency";r=0', message])
    expect(await refused('message')).toEqual([null, null, null, message])
    expect(await refused(false)).toEqual([null, null, null, 'Too Many Requests'])
  })

  test('an unread small body holds no slot, unless asked', async () => {
    const api = createMockApi({ concurrency: 1 })
    await api.fetch(LOOKUP)
    expect((await api.fetch(LOOKUP)).status).toBe(200)

    const strict = createMockApi({ concurrency: 1, slotUntil: 'body-end' })
    const held = await strict.fetch(LOOKUP)
    expect((await strict.fetch(LOOKUP)).status).toBe(429)
    await held.text()
    const cancelled = await strict.fetch(LOOKUP)
    await cancelled.body?.cancel()
    expect(strict.stats().inFlight).toBe(0)
    expect((await strict.fetch(LOOKUP)).status).toBe(200)
  })

  test('a stream holds its slot until its body ends', async () => {
    const api = createMockApi({ concurrency: 1 })
    const stream = await api.fetch('https://api.test/v1/stream?chunks=3&intervalMs=100')
    expect((await api.fetch(LOOKUP)).status).toBe(429)
    const text = stream.text()
    await vi.advanceTimersByTimeAsync(300)
    expect(
      (await text)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).index),
    ).toEqual([0, 1, 2])
    expect((await api.fetch(LOOKUP)).status).toBe(200)
  })
})

describe('silent limits are plain 429s: nothing tells which one refused, or for how long', () => {
  test('window and ceiling answer alike', async () => {
    const byWindow = createMockApi({ headers: false, windows: [{ limit: 1, windowMs: 1000 }], latencyMs: 10 })
    const byCeiling = createMockApi({ headers: false, concurrency: 1, announceConcurrency: false, latencyMs: 10 })
    const refused = async (api: typeof byWindow) => {
      void api.fetch(LOOKUP)
      const response = await api.fetch(LOOKUP)
      return [response.status, [...response.headers.keys()], await response.text()]
    }
    expect(await refused(byWindow)).toEqual([429, ['content-type', 'date'], 'Too Many Requests'])
    expect(await refused(byCeiling)).toEqual(await refused(byWindow))
  })
})

describe('credits are reserved on arrival, and given back when the answer is an error or nobody waits for it', () => {
  test('at zero, 402', async () => {
    const api = createMockApi({ credits: { balance: 2 } })
    const first = await api.fetch(LOOKUP)
    expect([first.headers.get('x-credits-charged'), first.headers.get('x-credits-remaining')]).toEqual(['1', '1'])
    await api.fetch(LOOKUP)
    const refused = await api.fetch(LOOKUP)
    expect(refused.status).toBe(402)
    expect(refused.headers.get('x-credits-charged')).toBe('0')
    expect((await refused.json()).message).toMatch(/used up the credits/)
    expect(api.stats()).toMatchObject({ creditsSpent: 2, creditsLeft: 0, rejections: { credits: 1 } })
  })

  test('requests in flight have theirs reserved', async () => {
    const api = createMockApi({ credits: { balance: 3 }, latencyMs: 10 })
    const all = Promise.all(Array.from({ length: 5 }, () => api.fetch(LOOKUP)))
    await vi.advanceTimersByTimeAsync(10)
    expect(statuses(await all)).toEqual([200, 200, 200, 402, 402])
  })

  test('errors are free, or charged where asked', async () => {
    const left = async (chargeErrors: boolean) => {
      const api = createMockApi({ credits: { balance: 10, chargeErrors }, empty: 1 })
      expect((await api.fetch(LOOKUP)).status).toBe(404)
      expect((await api.fetch('https://api.test/v1/lookup/nonsense')).status).toBe(400)
      return api.stats().creditsLeft
    }
    expect(await left(false)).toBe(10)
    expect(await left(true)).toBe(8)
  })

  test('costs may be decimal, differ by request, and travel under other names', async () => {
    const cost = (request: Request) => (request.method === 'POST' ? 0.1 : 0.2)
    const api = createMockApi({ credits: { balance: 1, cost, costHeader: 'Spb-cost', balanceHeader: false } })
    const response = await api.fetch(LOOKUP)
    expect(response.headers.get('spb-cost')).toBe('0.2')
    expect(response.headers.has('x-credits-remaining')).toBe(false)
    await api.fetch('https://api.test/v1/echo', { method: 'POST', body: 'x' })
    expect(api.stats()).toMatchObject({ creditsSpent: 0.3, creditsLeft: 0.7 })
  })

  test('/v1/balance tells them, free of every limit', async () => {
    const api = createMockApi({ credits: { balance: 5, cost: 2 }, windows: [{ limit: 1, windowMs: 1000 }] })
    await api.fetch(LOOKUP)
    const balance = () => api.fetch('https://api.test/v1/balance').then((response) => response.json())
    expect(await balance()).toEqual({ credits: { spent: 2, left: 3 } })
    expect(await balance()).toEqual({ credits: { spent: 2, left: 3 } })
    expect(api.stats()).toMatchObject({ requests: 1, exempt: 2 })
  })
})

describe('whatever comes, no limit is ever exceeded', () => {
  const options = fc.record({
    windows: fc.array(
      fc.record({
        limit: fc.integer({ min: 1, max: 10 }),
        windowMs: fc.integer({ min: 1, max: 200 }),
        kind: fc.constantFrom('fixed' as const, 'sliding' as const, 'bucket' as const),
      }),
      { maxLength: 2 },
    ),
    concurrency: fc.integer({ min: 1, max: 6 }),
    credits: fc.record({
      balance: fc.integer({ min: 0, max: 40 }),
      cost: fc.constantFrom(0, 0.5, 1, 3),
      chargeErrors: fc.boolean(),
    }),
    latencyMs: fc.tuple(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 10, max: 60 })),
    flaky: fc.record({
      rate: fc.double({ min: 0, max: 0.5, noNaN: true }),
      kinds: fc.constant(['500', 'reset', 'hang', 'truncate', 'slow-body'] as const),
    }),
    empty: fc.constant(0.2),
    seed: fc.nat(),
  })
  /** Gap before each request, and how long its client has patience. */
  const traffic = fc.array(fc.tuple(fc.nat(30), fc.integer({ min: 0, max: 80 })), {
    minLength: 1,
    maxLength: 60,
    size: 'max',
  })

  test('windows, ceiling and balance hold, slots come back, and the books balance', async () => {
    await fc.assert(
      fc.asyncProperty(options, traffic, async (opts, requests) => {
        const api = createMockApi({ ...opts, logSize: 100 })
        const calls: Promise<unknown>[] = []
        for (const [i, [gapMs, patienceMs]] of requests.entries()) {
          await vi.advanceTimersByTimeAsync(gapMs)
          const client = new AbortController()
          const timer = setTimeout(() => client.abort(), patienceMs)
          const call = api.fetch(`https://api.test/v1/lookup/10.0.0.${i}`, { signal: client.signal })
          calls.push(
            call
              .then((response) => response.text())
              .catch(() => {})
              .finally(() => clearTimeout(timer)),
          )
          const { inFlight, creditsLeft } = api.stats()
          expect(inFlight).toBeLessThanOrEqual(opts.concurrency)
          expect(creditsLeft).toBeGreaterThanOrEqual(0)
        }
        await vi.runAllTimersAsync()
        await Promise.all(calls)
        const {
          rejections,
          mostInFlight,
          inFlight,
          served,
          empty,
          aborted,
          other,
          creditsLeft,
          creditsSpent,
          ...stats
        } = api.stats()
        const refusals = new Set(['window', 'concurrency', 'credits'])
        const log = api.log()
        const moments = log
          .filter(({ reason }) => !refusals.has(reason))
          .map(({ atMs }) => atMs)
          .toSorted((a, b) => a - b)
        for (const { limit, windowMs, kind } of opts.windows) {
          const size = (from: number) => moments.filter((at) => at >= from && at < from + windowMs).length
          if (kind === 'fixed') {
            for (const at of moments) expect(size(Math.floor(at / windowMs) * windowMs)).toBeLessThanOrEqual(limit)
          } else {
            const max = kind === 'sliding' ? limit : 2 * limit
            for (const at of moments) expect(size(at)).toBeLessThanOrEqual(max)
          }
        }
        expect(mostInFlight).toBeLessThanOrEqual(opts.concurrency)
        expect(inFlight).toBe(0)
        expect(creditsLeft).toBeGreaterThanOrEqual(0)
        expect(creditsLeft + creditsSpent).toBe(opts.credits.balance)
        const failed = log.filter(({ reason }) => reason === 'flaky').length
        const refused = rejections.window + rejections.concurrency + rejections.credits
        expect(served + empty + other + aborted + refused + failed).toBe(stats.requests)
        expect(vi.getTimerCount()).toBe(0)
      }),
      { numRuns: 100 },
    )
  })
})
