import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createMockApi, type FlakyKind, type MockApi, type MockApiOptions } from '../src/index.ts'

const LOOKUP = 'https://api.test/v1/lookup/1.2.3.4'

beforeEach(() => vi.useFakeTimers({ now: 1_700_000_000_000 }))
afterEach(() => vi.useRealTimers())

const statusAt = async (api: MockApi, ms: number) => {
  await vi.advanceTimersByTimeAsync(ms)
  return (await api.fetch(LOOKUP)).status
}

const reset = expect.objectContaining({
  message: 'fetch failed',
  cause: expect.objectContaining({ code: 'ECONNRESET' }),
})

describe('an outage is counted from the first request', () => {
  test('it begins at fromMs and is over at toMs', async () => {
    const api = createMockApi({ outages: [{ fromMs: 100, toMs: 200 }] })
    await vi.advanceTimersByTimeAsync(5000)
    expect(await statusAt(api, 0)).toBe(200)
    expect(await statusAt(api, 99)).toBe(200)
    expect(await statusAt(api, 1)).toBe(503)
    expect(await statusAt(api, 99)).toBe(503)
    expect(await statusAt(api, 1)).toBe(200)
    expect(api.stats().rejections.outage).toBe(2)
  })

  test('it names its end only where told to', async () => {
    const retryAfter = async (options: Pick<MockApiOptions, 'retryAfter'>, announced: boolean, toMs = 2500) => {
      const api = createMockApi({ ...options, outages: [{ fromMs: 0, toMs, retryAfter: announced, status: 529 }] })
      const response = await api.fetch(LOOKUP)
      expect(response.status).toBe(529)
      return response.headers.get('retry-after')
    }
    expect(await retryAfter({}, true)).toBe('3')
    expect(await retryAfter({}, false)).toBeNull()
    expect(await retryAfter({ retryAfter: false }, true)).toBeNull()
    expect(await retryAfter({}, true, Infinity)).toBeNull()
  })

  test('it may reset connections, or hang until the client has had enough', async () => {
    const resetting = createMockApi({ outages: [{ fromMs: 0, toMs: 100, status: 'reset' }] })
    const failure = resetting.fetch(LOOKUP)
    await expect(failure).rejects.toThrow(TypeError)
    await expect(failure).rejects.toEqual(reset)

    const hanging = createMockApi({ outages: [{ fromMs: 0, toMs: 100, status: 'hang' }] })
    const client = new AbortController()
    const call = hanging.fetch(LOOKUP, { signal: client.signal })
    const outcome = expect(call).rejects.toBe('enough')
    await vi.advanceTimersByTimeAsync(60_000)
    client.abort('enough')
    await outcome
    expect(hanging.stats()).toMatchObject({ rejections: { outage: 1 }, aborted: 0, inFlight: 0 })
  })
})

describe('a refusal takes rejectionLatencyMs, a service latencyMs', () => {
  test('each by the clock', async () => {
    const api = createMockApi({
      windows: [{ limit: 1, windowMs: 1000 }],
      latencyMs: 80,
      rejectionLatencyMs: 30,
      logSize: 5,
    })
    const both = Promise.all([api.fetch(LOOKUP), api.fetch(LOOKUP)])
    await vi.advanceTimersByTimeAsync(80)
    await both
    expect(api.log().map(({ status, waitedMs }) => [status, waitedMs])).toEqual([
      [429, 30],
      [200, 80],
    ])
  })
})

describe('chance spoils the share of admitted requests that it is told to, in the ways it is told', () => {
  const once = (kind: FlakyKind, more: MockApiOptions = {}) =>
    createMockApi({ flaky: { rate: 1, kinds: [kind], slowBodyMs: 500 }, ...more })

  test('over many requests, the share comes out', async () => {
    const api = createMockApi({ flaky: { rate: 0.03, kinds: ['500', '503', 'reset'] } })
    for (let i = 0; i < 5000; i++) await api.fetch(LOOKUP).catch(() => {})
    const { rejections, served } = api.stats()
    const kinds = Object.entries(rejections.flaky).map(([kind]) => kind)
    const failed = Object.values(rejections.flaky).reduce((sum, n) => sum + n, 0)
    expect(kinds.toSorted()).toEqual(['500', '503', 'reset'])
    expect(failed + served).toBe(5000)
    // 150 expected; four standard deviations to either side.
    expect(Math.abs(failed - 150)).toBeLessThan(48)
  })

  test('a status', async () => {
    const api = once('502')
    const response = await api.fetch(LOOKUP)
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ status: 502, error: 'Bad Gateway' })
    expect(api.stats()).toMatchObject({ served: 0, rejections: { flaky: { 502: 1 } } })
  })

  test('a reset, free of charge', async () => {
    const api = once('reset', { credits: { balance: 5 } })
    await expect(api.fetch(LOOKUP)).rejects.toEqual(reset)
    expect(api.stats()).toMatchObject({ creditsLeft: 5, inFlight: 0, rejections: { flaky: { reset: 1 } } })
  })

  test('a truncated body, which was charged', async () => {
    const api = once('truncate', { credits: { balance: 5 }, concurrency: 1 })
    const response = await api.fetch(LOOKUP)
    expect(response.status).toBe(200)
    const announced = Number(response.headers.get('content-length'))
    const reader = response.body!.getReader()
    const { value } = await reader.read()
    expect(value!.length).toBe(Math.floor(announced / 2))
    expect(api.stats().inFlight).toBe(1)
    const rest = reader.read()
    await expect(rest).rejects.toThrow(TypeError)
    await expect(rest).rejects.toThrow('terminated')
    expect(api.stats()).toMatchObject({
      creditsLeft: 4,
      inFlight: 0,
      served: 0,
      rejections: { flaky: { truncate: 1 } },
    })
  })

  test('a slow body, complete in the end', async () => {
    const api = once('slow-body', { concurrency: 1 })
    const response = await api.fetch(LOOKUP)
    const whole = response.json()
    await vi.advanceTimersByTimeAsync(499)
    expect(api.stats().inFlight).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await whole).toMatchObject({ ip: '1.2.3.4' })
    expect(api.stats()).toMatchObject({ inFlight: 0, served: 1, rejections: { flaky: { 'slow-body': 1 } } })
  })

  test('no answer at all, until the client leaves', async () => {
    const api = once('hang', { concurrency: 1 })
    const client = new AbortController()
    const call = api.fetch(LOOKUP, { signal: client.signal })
    const outcome = expect(call).rejects.toThrow(/abort/)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(api.stats().inFlight).toBe(1)
    client.abort()
    await outcome
    expect(api.stats()).toMatchObject({ inFlight: 0, rejections: { flaky: { hang: 1 } } })
  })

  test('streams are cut after their first chunk, or slowed', async () => {
    const stream = 'https://api.test/v1/stream?chunks=4&intervalMs=0&format=sse'
    const cut = await once('truncate').fetch(stream)
    const reader = cut.body!.getReader()
    const first = reader.read()
    await vi.runAllTimersAsync()
    expect(new TextDecoder().decode((await first).value)).toBe('data: {"index":0,"of":4}\n\n')
    await expect(reader.read()).rejects.toThrow('terminated')

    const slow = await once('slow-body').fetch(stream)
    const startedAt = Date.now()
    const text = slow.text()
    await vi.runAllTimersAsync()
    expect((await text).split('\n\n')).toHaveLength(5)
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(4 * 50)
  })
})

describe('with a work queue, requests are worked on one after another', () => {
  const timeline = async (api: MockApi, count: number) => {
    const answers = Array.from({ length: count }, async () => {
      const { status } = await api.fetch(LOOKUP)
      return [status, performance.now() - startedAt]
    })
    const startedAt = performance.now()
    await vi.runAllTimersAsync()
    return Promise.all(answers)
  }

  test('each waits its turn', async () => {
    expect(await timeline(createMockApi({ work: { perSecond: 100 } }), 3)).toEqual([
      [200, 10],
      [200, 20],
      [200, 30],
    ])
  })

  test('beyond maxQueued, newcomers get 503 at once', async () => {
    const api = createMockApi({ work: { perSecond: 100, maxQueued: 1 } })
    expect(await timeline(api, 4)).toEqual([
      [200, 10],
      [200, 20],
      [503, 0],
      [503, 0],
    ])
    expect(api.stats().rejections.overload).toBe(2)
  })

  test('an outage meets those whose turn comes in it', async () => {
    const outages = [{ fromMs: 20, toMs: 45 }]
    expect(await timeline(createMockApi({ work: { perSecond: 100 }, outages }), 4)).toEqual([
      [200, 10],
      [200, 20],
      [503, 20],
      [503, 20],
    ])
  })

  test('rejections can cost work: the queue moves on through the outage', async () => {
    const outages = [{ fromMs: 20, toMs: 45 }]
    const api = createMockApi({ work: { perSecond: 100, rejectionCost: 1 }, outages })
    expect(await timeline(api, 6)).toEqual([
      [200, 10],
      [200, 20],
      [503, 30],
      [503, 40],
      [503, 50],
      [200, 60],
    ])
  })

  test('so that hammering a limit slows down those who keep to it', async () => {
    const api = createMockApi({ work: { perSecond: 100, rejectionCost: 0.5 }, concurrency: 1 })
    expect(await timeline(api, 3)).toEqual([
      [200, 10],
      [429, 0],
      [429, 0],
    ])
    expect(await timeline(api, 1)).toEqual([[200, 20]])
  })

  test('a client that leaves does not take its work with it', async () => {
    const api = createMockApi({ work: { perSecond: 100 } })
    const client = new AbortController()
    const gone = expect(api.fetch(LOOKUP, { signal: client.signal })).rejects.toThrow(/abort/)
    client.abort()
    await gone
    expect(await timeline(api, 1)).toEqual([[200, 20]])
  })
})
