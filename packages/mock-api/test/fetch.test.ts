import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createMockApi, type MockApiOptions } from '../src/index.ts'

const LOOKUP = 'https://api.test/v1/lookup/1.2.3.4'

beforeEach(() => vi.useFakeTimers({ now: 1_700_000_000_000 }))
afterEach(() => vi.useRealTimers())

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

describe('an abort is heard at every stage', () => {
  const stages: [string, MockApiOptions, string][] = [
    ['latency', { latencyMs: 1000 }, LOOKUP],
    ['work queue', { work: { perSecond: 1 } }, LOOKUP],
    ['rejection latency', { rejectionLatencyMs: 1000, outages: [{ fromMs: 0, toMs: 1 }] }, LOOKUP],
    ['route of your own', { routes: (app) => app.get('/slow', () => new Promise(() => {})) }, 'https://api.test/slow'],
  ]
  test.each(stages)(
    '%s: rejects at once with the reason, frees slot and credits, leaves no timer or listener',
    async (_, options, url) => {
      const api = createMockApi({ concurrency: 1, credits: { balance: 1 }, ...options })
      const client = new AbortController()
      const { signal } = client
      const call = api.fetch(url, { signal })
      await vi.advanceTimersByTimeAsync(10)
      const reason = new Error('enough')
      const outcome = expect(call).rejects.toBe(reason)
      client.abort(reason)
      await outcome
      expect(vi.getTimerCount()).toBe(0)
      expect(listeners(signal)).toBe(0)
      expect(api.stats()).toMatchObject({ inFlight: 0, aborted: 1, creditsLeft: 1 })
    },
  )

  test('before: nothing is sent', async () => {
    const api = createMockApi()
    await expect(api.fetch(LOOKUP, { signal: AbortSignal.abort('no') })).rejects.toBe('no')
    expect(api.stats().requests).toBe(0)
  })

  test('in the same tick: nothing happens after', async () => {
    const api = createMockApi({ logSize: 9, outages: [{ fromMs: 0, toMs: 1 }] })
    const client = new AbortController()
    const call = expect(api.fetch(LOOKUP, { signal: client.signal })).rejects.toBe(null)
    client.abort(null)
    await call
    await vi.runAllTimersAsync()
    expect(api.log().map(({ reason }) => reason)).toEqual(['aborted'])
  })

  test('body: it breaks off with the reason', async () => {
    const api = createMockApi({ concurrency: 1 })
    const client = new AbortController()
    const { signal } = client
    const response = await api.fetch('https://api.test/v1/stream?chunks=100&intervalMs=100', { signal })
    const text = response.text()
    const outcome = expect(text).rejects.toBe('enough')
    await vi.advanceTimersByTimeAsync(250)
    client.abort('enough')
    await outcome
    expect(api.stats().inFlight).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    expect(listeners(signal)).toBe(0)
  })

  test('body, unread: the slot is free all the same', async () => {
    const api = createMockApi({ concurrency: 1 })
    const client = new AbortController()
    const response = await api.fetch('https://api.test/v1/stream', { signal: client.signal })
    client.abort('enough')
    expect(api.stats().inFlight).toBe(0)
    await expect(response.text()).rejects.toBe('enough')
  })

  test('an upload is cancelled', async () => {
    const api = createMockApi({ latencyMs: 100 })
    const client = new AbortController()
    const cancel = vi.fn()
    const body = new ReadableStream({ cancel })
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half', signal: client.signal }
    const outcome = expect(api.fetch('https://api.test/v1/echo', init)).rejects.toBe('enough')
    client.abort('enough')
    await outcome
    expect(cancel).toHaveBeenCalledWith('enough')
  })

  test('a route of your own hears of it', async () => {
    const heard = vi.fn()
    const api = createMockApi({
      routes: (app) => app.get('/wait', (c) => new Promise(() => c.req.raw.signal.addEventListener('abort', heard))),
    })
    const client = new AbortController()
    const outcome = expect(api.fetch('https://api.test/wait', { signal: client.signal })).rejects.toBe('enough')
    await vi.advanceTimersByTimeAsync(0)
    client.abort('enough')
    await outcome
    expect(heard).toHaveBeenCalledOnce()
  })

  test('the signal of a Request counts, unless init has another', async () => {
    const api = createMockApi({ latencyMs: 100 })
    const client = new AbortController()
    const request = new Request(LOOKUP, { signal: client.signal })
    const follows = expect(api.fetch(request)).rejects.toBe('enough')
    const follows2 = api.fetch(request, { signal: new AbortController().signal })
    client.abort('enough')
    await follows
    await vi.advanceTimersByTimeAsync(100)
    expect((await follows2).status).toBe(200)
  })
})

describe('it is a fetch', () => {
  test('takes text, URL and Request, and says where the answer came from', async () => {
    const { fetch } = createMockApi()
    for (const input of [`${LOOKUP}#part`, new URL(LOOKUP), new Request(LOOKUP)]) {
      expect((await fetch(input)).url).toBe(LOOKUP)
    }
  })

  test('rejects what fetch rejects', async () => {
    const { fetch } = createMockApi()
    await expect(fetch('nonsense')).rejects.toThrow(TypeError)
    await expect(fetch(LOOKUP, { body: 'x' })).rejects.toThrow(TypeError)
  })

  test('a body left unread keeps no timer and no listener', async () => {
    const { signal } = new AbortController()
    await createMockApi({ latencyMs: 0 }).fetch(LOOKUP, { signal })
    expect([listeners(signal), vi.getTimerCount()]).toEqual([0, 0])
  })

  test('a stream that is cancelled stops', async () => {
    const api = createMockApi()
    const response = await api.fetch('https://api.test/v1/stream')
    const reader = response.body!.getReader()
    const first = reader.read()
    await vi.advanceTimersByTimeAsync(100)
    await first
    await reader.cancel()
    expect(vi.getTimerCount()).toBe(0)
    expect(api.stats().inFlight).toBe(0)
  })

  test('an error in an option function reaches the caller', async () => {
    const api = createMockApi({ latencyMs: () => NaN, concurrency: 1 })
    await expect(api.fetch(LOOKUP)).rejects.toThrow(
      'latencyMs() must be a number of milliseconds, 0 or more and at most 2147483647, got NaN',
    )
    expect(api.stats().inFlight).toBe(0)
  })
})

describe('the same seed and the same order of requests give the same answers', () => {
  const play = async (options: MockApiOptions, count = 60) => {
    const api = createMockApi({ latencyMs: [10, 90], flaky: { rate: 0.2 }, empty: 0.3, logSize: count, ...options })
    const bodies = Array.from({ length: count }, (_, i) =>
      api.fetch(`https://api.test/v1/lookup/10.0.0.${i}`).then((response) => response.text(), String),
    )
    await vi.runAllTimersAsync()
    return { bodies: await Promise.all(bodies), log: api.log() }
  }

  test('answers, latencies, failures', async () => {
    const one = await play({})
    expect((await play({})).bodies).toEqual(one.bodies)
    expect((await play({ seed: 1 })).log.map(({ waitedMs }) => waitedMs)).toEqual(
      one.log.map(({ waitedMs }) => waitedMs),
    )
    expect((await play({ seed: 2 })).bodies).not.toEqual(one.bodies)
  })

  test('chance for one purpose does not shift another', async () => {
    const waits = async (options: MockApiOptions) => (await play(options)).log.map(({ waitedMs }) => waitedMs)
    const expected = await waits({})
    expect(await waits({ flaky: { rate: 0 } })).toEqual(expected)
    expect(await waits({ empty: 0 })).toEqual(expected)
    const greedy = (random: () => number) => 10 + random() * 80 + (random(), random(), 0)
    expect(await waits({ latencyMs: greedy })).toEqual(expected)
  })

  test('nor does it lean on another: slow requests fail as often as fast ones', async () => {
    const { log } = await play({ empty: 0 }, 2000)
    const failures = (slow: boolean) =>
      log.filter(({ waitedMs, reason }) => reason === 'flaky' && waitedMs > 50 === slow).length
    // Some 200 each expected; four standard deviations of the difference.
    expect(Math.abs(failures(true) - failures(false))).toBeLessThan(80)
    expect(failures(true) + failures(false)).toBeGreaterThan(300)
  })

  test('also after reset()', async () => {
    const api = createMockApi({
      latencyMs: [1, 9],
      flaky: { rate: 0.3, kinds: ['500'] },
      credits: { balance: 3 },
      windows: [{ limit: 9, windowMs: 99_999 }],
    })
    const run = async () => {
      const responses = Promise.all(Array.from({ length: 12 }, () => api.fetch(LOOKUP)))
      await vi.runAllTimersAsync()
      return Promise.all((await responses).map(async (response) => [response.status, await response.text()]))
    }
    const first = await run()
    api.reset()
    expect(api.stats()).toMatchObject({ requests: 0, creditsLeft: 3, firstAt: undefined })
    expect(await run()).toEqual(first)
  })

  test('requests from before reset() settle with the old run', async () => {
    const api = createMockApi({ latencyMs: 50, concurrency: 1, credits: { balance: 3 } })
    const old = api.fetch(LOOKUP)
    api.reset()
    const fresh = api.fetch(LOOKUP)
    await vi.advanceTimersByTimeAsync(50)
    expect([(await old).status, (await fresh).status]).toEqual([200, 200])
    expect(api.stats()).toMatchObject({ requests: 1, served: 1, inFlight: 0, creditsLeft: 2 })
  })
})

describe('stats and log', () => {
  test('count by outcome and by route, whatever paths are asked for', async () => {
    const api = createMockApi({ empty: (ip) => ip.startsWith('10.'), logSize: 100 })
    await api.fetch(LOOKUP)
    await vi.advanceTimersByTimeAsync(5)
    await api.fetch('https://api.test/v1/lookup/10.0.0.1')
    await api.fetch('https://api.test/v1/lookup/nonsense')
    for (let i = 0; i < 9; i++) await api.fetch(`https://api.test/none/${i}`)
    await api.fetch(LOOKUP, { method: 'HEAD' })
    expect(api.stats()).toMatchObject({
      requests: 13,
      served: 2,
      empty: 1,
      other: 10,
      routes: {
        'GET /v1/lookup/:ip': { requests: 4, served: 2, empty: 1 },
        unmatched: { requests: 9, served: 0, empty: 0 },
      },
      startedAt: 1_700_000_000_000,
      firstAt: 1_700_000_000_000,
      lastAt: 1_700_000_000_005,
    })
    expect(api.log()[1]).toEqual({
      atMs: 5,
      waitedMs: 0,
      method: 'GET',
      path: '/v1/lookup/10.0.0.1',
      status: 404,
      reason: 'empty',
      flaky: undefined,
    })
  })

  test('the log keeps the latest logSize', async () => {
    const api = createMockApi({ logSize: 10 })
    for (let i = 0; i < 95; i++) await api.fetch(`https://api.test/v1/lookup/10.0.0.${i}`)
    expect(api.log().map(({ path }) => Number(path.split('.').at(-1)))).toEqual([
      85, 86, 87, 88, 89, 90, 91, 92, 93, 94,
    ])
    expect(createMockApi().log()).toEqual([])
  })
})

describe('routes', () => {
  test('a lookup tells the place of an address, the same one every time', async () => {
    const { fetch } = createMockApi()
    const lookup = (ip: string) => fetch(`https://api.test/v1/lookup/${ip}`).then((response) => response.json())
    const place = await lookup('8.8.8.8')
    expect(place).toMatchObject({ ip: '8.8.8.8', country: expect.any(String), latitude: expect.any(Number) })
    expect(await lookup('8.8.8.8')).toEqual(place)
    expect(await lookup('2001:db8::1')).toMatchObject({ ip: '2001:db8::1' })
    expect(await lookup('8.8.8.256')).toEqual({ message: "'8.8.8.256' is not a valid IP address." })
  })

  test('a share of addresses has no record', async () => {
    const { fetch, stats } = createMockApi({ empty: 0.1 })
    for (let i = 0; i < 1000; i++) {
      const response = await fetch(`https://api.test/v1/lookup/10.0.${i >> 8}.${i & 255}`)
      if (response.status === 404) expect((await response.json()).message).toMatch(/^No record found for '10\.0/)
    }
    // 100 expected; four standard deviations to either side.
    expect(Math.abs(stats().empty - 100)).toBeLessThan(38)
  })

  test('an echo tells what arrived', async () => {
    const { fetch } = createMockApi()
    const init = { method: 'PUT', body: new Uint8Array([0x68, 0xc3, 0xa9]), headers: { 'x-own': 'yes' } }
    const response = await fetch('https://api.test/v1/echo?q=1', init)
    expect(await response.json()).toEqual({
      method: 'PUT',
      url: 'https://api.test/v1/echo?q=1',
      headers: { 'x-own': 'yes' },
      // The FNV-1a of "hé" in UTF-8, worked out apart.
      body: { bytes: 3, fnv1a: 'cca64ccf', text: 'hé' },
    })
  })

  test('a stream comes as ndjson or server-sent events, chunk by chunk', async () => {
    const { fetch } = createMockApi()
    const response = await fetch('https://api.test/v1/stream?chunks=2&intervalMs=50&format=sse')
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reader = response.body!.getReader()
    const arrivals: [number, string][] = []
    const startedAt = Date.now()
    const reading = (async () => {
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        arrivals.push([Date.now() - startedAt, new TextDecoder().decode(chunk.value)])
      }
    })()
    await vi.advanceTimersByTimeAsync(100)
    await reading
    expect(arrivals).toEqual([
      [50, 'data: {"index":0,"of":2}\n\n'],
      [100, 'data: {"index":1,"of":2}\n\n'],
    ])
  })

  test.each(['chunks=0', 'chunks=x', 'intervalMs=-1', 'format=xml'])(
    'a stream with %s is a bad request',
    async (query) => {
      expect((await createMockApi().fetch(`https://api.test/v1/stream?${query}`)).status).toBe(400)
    },
  )

  test('your own stand behind the limits and win over the built-in ones', async () => {
    const api = createMockApi({
      windows: [{ limit: 2, windowMs: 1000 }],
      routes: (app) =>
        app.get('/v1/lookup/:ip', (c) => c.json({ mine: c.req.param('ip') })).post('/pay', (c) => c.text('paid', 201)),
    })
    expect(await (await api.fetch(LOOKUP)).json()).toEqual({ mine: '1.2.3.4' })
    const paid = await api.fetch('https://api.test/pay', { method: 'POST' })
    expect([paid.status, paid.headers.get('ratelimit')]).toEqual([201, '"default";r=0;t=1'])
    expect((await api.fetch(LOOKUP)).status).toBe(429)
  })
})
