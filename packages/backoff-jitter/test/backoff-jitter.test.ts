import { classify } from '@aplomb/classify'
import { respond, type ScriptedAnswer, type ScriptEntry } from '@aplomb/mock-api'
import {
  BreakerOpenError,
  type CallEvent,
  createFetch,
  type CreateFetchOptions,
  type Fetch,
  type Middleware,
  middleware,
  QueueFullError,
  QueueTimeoutError,
  WeightExceedsLimitError,
} from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  abortAfter,
  CLEAN,
  flush,
  listeners,
  outcomes,
  platformListeners,
  settled,
  timed,
  urlOf,
  useFakeTime,
  watch,
} from '../../aplomb/test/support/time.ts'
import { backoffJitter, type BackoffJitterOptions, type Jitter } from '../src/index.ts'

useFakeTime()

const TARGET = 'https://api.test/x'

const reset = (): TypeError =>
  new TypeError('fetch failed', { cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }) })

const setup = (script: readonly ScriptEntry[], options?: BackoffJitterOptions, pipeline: CreateFetchOptions = {}) => {
  const server = timed(respond(...script))
  return { server, fetch: createFetch([backoffJitter(options), classify()], { ...pipeline, fetch: server }) }
}

const statusOf = async (call: Promise<Response>): Promise<number> => (await settled(call)).status
const FULL = { 'x-concurrent-limit': '3', 'x-concurrent-current': '3' }
const post = (headers: Record<string, string> = {}): RequestInit => ({ method: 'POST', body: 'one', headers })

describe('1. retries what a repetition can mend, returns everything else at once', () => {
  test.each([
    500,
    502,
    503,
    504,
    520,
    521,
    522,
    523,
    524,
    529,
    429,
    408,
    { status: 503, headers: { 'retry-after': '1' } },
    { status: 429, headers: { 'retry-after': '1' } },
    { status: 400, headers: { 'x-should-retry': 'true' } },
  ] as ScriptEntry[])('%j is sent again', async (answer) => {
    const { server, fetch } = setup([answer, 200])
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toHaveLength(2)
    expect(server.times[1]).toBeGreaterThanOrEqual(1000)
  })

  test.each([200, 202, 204, 304, 400, 401, 402, 403, 404, 405, 409, 410, 413, 422, 456, 501, 505, 511])(
    '%d is not',
    async (status) => {
      const { server, fetch } = setup([status])
      const call = watch(fetch(TARGET))
      await flush()
      expect(call.outcome).toHaveProperty('value.status', status)
      expect(server.times).toHaveLength(1)
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  test.each([
    reset(),
    new TypeError('Failed to fetch'),
    new DOMException('The operation timed out', 'TimeoutError'),
    Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }),
  ])('%s is', async (error) => {
    const { server, fetch } = setup([error, 200])
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toHaveLength(2)
  })

  test('an answer of another middleware is judged like any other', async () => {
    let count = 0
    const inside: Middleware = async () => new Response(null, { status: count++ === 0 ? 503 : 200 })
    const fetch = createFetch([backoffJitter(), inside], { fetch: respond() })
    expect(await statusOf(fetch(TARGET))).toBe(200)
  })
})

describe('2. the delay is min(baseMs * 2^(n-1), maxMs), made random as jitter says', () => {
  const gaps = async (jitter: Jitter | undefined, options: BackoffJitterOptions = {}): Promise<number[]> => {
    const { server, fetch } = setup([{ status: 500, times: Infinity }], { jitter, maxAttempts: 6, ...options })
    await settled(fetch(TARGET))
    return server.times.slice(1).map((at, i) => at - server.times[i]!)
  }

  test.each([
    ['none', 0.5, [1000, 2000, 4000, 8000, 16_000]],
    [undefined, 0, [1000, 2000, 4000, 8000, 16_000]],
    [undefined, 0.5, [1150, 2300, 4600, 9200, 18_400]],
    ['additive', 0.5, [1150, 2300, 4600, 9200, 18_400]],
    ['full', 0.5, [500, 1000, 2000, 4000, 8000]],
    ['equal', 0.5, [750, 1500, 3000, 6000, 12_000]],
    ['decorrelated', 0.5, [2000, 3500, 5750, 9125, 14_187]],
    [(ms: number) => ms / 10, 0.5, [100, 200, 400, 800, 1600]],
  ] as [Jitter | undefined, number, number[]][])('%s with chance %d', async (jitter, chance, expected) => {
    vi.spyOn(Math, 'random').mockReturnValue(chance)
    expect((await gaps(jitter)).map(Math.floor)).toEqual(expected)
  })

  test('maxMs caps it', async () => {
    expect(await gaps('none', { baseMs: 100, maxMs: 300 })).toEqual([100, 200, 300, 300, 300])
  })

  test('baseMs 0 is no wait at all', async () => {
    expect(await gaps('none', { baseMs: 0 })).toEqual([0, 0, 0, 0, 0])
  })

  test('two calls that fail together do not come back together', async () => {
    const { server, fetch } = setup([{ status: 500, times: 5 }, { times: 5 }])
    await outcomes(Array.from({ length: 5 }, () => fetch(TARGET)))
    expect(new Set(server.times.slice(5)).size).toBe(5)
  })
})

describe('3. a wait that the server names is a floor; one above maxMs is not shortened', () => {
  test.each([0, 0.5, 0.999])('with chance %d it comes not before, and little later', async (chance) => {
    vi.spyOn(Math, 'random').mockReturnValue(chance)
    const { server, fetch } = setup([{ status: 429, headers: { 'retry-after': '7' } }, 200])
    await settled(fetch(TARGET))
    expect(server.times[1]).toBeGreaterThanOrEqual(7000)
    expect(server.times[1]).toBeLessThanOrEqual(7300)
  })

  test('without jitter, to the millisecond', async () => {
    const { server, fetch } = setup([{ status: 503, headers: { 'retry-after-ms': '1234' } }, 200], { jitter: 'none' })
    await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 1234])
  })

  test.each(['0', 'Wed, 31 Dec 2025 23:59:59 GMT'])('one of nothing (%s) is none', async (value) => {
    const answer = { status: 429, headers: { 'retry-after': value }, times: 3 }
    const { server, fetch } = setup([answer, 200], { jitter: 'none' })
    await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 1000, 3000, 7000])
  })

  test('shorter than the backoff, it is believed', async () => {
    const { server, fetch } = setup([{ status: 503, headers: { 'retry-after-ms': '20' } }, 200], { jitter: 'none' })
    await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 20])
  })

  test.each([
    [30, 2],
    [31, 1],
  ])('%d s with a maxMs of 30 s: sent %d times', async (seconds, sent) => {
    const { server, fetch } = setup([{ status: 503, headers: { 'retry-after': `${seconds}` }, times: 1 }, 200])
    expect(await statusOf(fetch(TARGET))).toBe(sent === 2 ? 200 : 503)
    expect(server.times).toHaveLength(sent)
  })

  test('at most 30 % of the base delay comes on top', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { server, fetch } = setup([{ status: 503, headers: { 'retry-after': '7' } }, 200], { baseMs: 2000 })
    await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 7300])
  })

  test('an hour: the answer is returned at once', async () => {
    const { server, fetch } = setup([{ status: 503, headers: { 'retry-after': '3600' } }])
    const call = watch(fetch(TARGET))
    await flush()
    expect(call.outcome).toHaveProperty('value.status', 503)
    expect(call.outcome).toHaveProperty('value.bodyUsed', false)
    expect(server.times).toHaveLength(1)
  })
})

const unsent = (code: string, syscall = 'connect'): TypeError =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(`${syscall} ${code}`), { code, syscall }) })

describe('4. POST and PATCH are sent again only where that is safe', () => {
  const refusals: [string, ScriptedAnswer][] = [
    ['429', { status: 429 }],
    ['503 with Retry-After', { status: 503, headers: { 'retry-after': '1' } }],
    ['421', { status: 421 }],
    ['425', { status: 425 }],
    ['503 with a concurrency header at its ceiling', { status: 503, headers: FULL }],
    ['500 with x-should-retry: true', { status: 500, headers: { 'x-should-retry': 'true' } }],
  ]
  const failures: [string, ScriptEntry][] = [
    ['500', 500],
    ['502', 502],
    ['503', 503],
    ['504', 504],
    ['529', 529],
    ['500 with Retry-After', { status: 500, headers: { 'retry-after': '1' } }],
    ['500 with the code of a lock', { status: 500, body: { code: 'lock_timeout' } }],
    ['403 with the code of a rate limit', { status: 403, body: { reason: 'rateLimitExceeded' } }],
    ['409 with words of a lock', { status: 409, body: { message: 'Your payment is being processed' } }],
    ['409 with a hint in its body', { status: 409, body: { retryable: true } }],
    ['503 with Retry-After: 0', { status: 503, headers: { 'retry-after': '0' } }],
    ['503 with a wait in its text only', { status: 503, body: { message: 'Overloaded, try again in 1s.' } }],
  ]

  test.each(refusals)('%s: the server refused before processing', async (_, answer) => {
    for (const method of ['POST', 'PATCH']) {
      const { server, fetch } = setup([answer, 200])
      expect(await statusOf(fetch(TARGET, { ...post(), method }))).toBe(200)
      expect(await Promise.all(server.inner.requests.map((request) => request.text()))).toEqual(['one', 'one'])
    }
  })

  test.each(failures)('not after %s', async (_, answer) => {
    for (const method of ['POST', 'PATCH']) {
      const { server, fetch } = setup([answer])
      const response = await settled(fetch(TARGET, { ...post(), method }))
      expect(response.status).not.toBe(200)
      expect(response.bodyUsed).toBe(false)
      expect(server.times).toHaveLength(1)
    }
  })

  test('not after a network failure or a time-out', async () => {
    for (const error of [reset(), new DOMException('too slow', 'TimeoutError')]) {
      const { server, fetch } = setup([error])
      const [outcome] = await outcomes([fetch(TARGET, post())])
      expect(outcome).toEqual({ error })
      expect(server.times).toHaveLength(1)
    }
  })

  test.each([
    unsent('ECONNREFUSED'),
    unsent('EHOSTUNREACH'),
    unsent('ETIMEDOUT'),
    unsent('EAI_AGAIN', 'getaddrinfo'),
    Object.assign(new Error('Connect Timeout Error'), { code: 'UND_ERR_CONNECT_TIMEOUT' }),
  ])('%s: nothing has reached the server', async (error) => {
    for (const method of ['POST', 'PATCH']) {
      const { server, fetch } = setup([error, error, error, 200])
      expect(await statusOf(fetch(TARGET, { ...post(), method }))).toBe(200)
      expect(server.times).toHaveLength(4)
    }
  })

  test('it is over once one of them may have', async () => {
    const { server, fetch } = setup([unsent('ECONNREFUSED'), reset()])
    const [outcome] = await outcomes([fetch(TARGET, post())])
    expect(outcome).toHaveProperty('error')
    expect(server.times).toHaveLength(2)
  })

  test('nor where the server that was not reached is one that it was redirected to', async () => {
    const elsewhere = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', port: 8443 })
    const { server, fetch } = setup([new TypeError('fetch failed', { cause: elsewhere })])
    await outcomes([fetch(TARGET, post())])
    expect(server.times).toHaveLength(1)
  })

  test('repeatable of the pipeline, and what a client library says, permit it', async () => {
    const all = setup([500, reset(), 200], {}, { repeatable: 'all' })
    expect(await statusOf(all.fetch(TARGET, post()))).toBe(200)
    const marked = setup([500, reset(), 200])
    expect(await statusOf(marked.fetch(TARGET, post({ 'x-stainless-retry-count': '0' })))).toBe(200)
  })

  test('methods tells once that it goes', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    backoffJitter({ methods: ['POST'] })
    backoffJitter({ methods: ['POST'] })
    backoffJitter()
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('use `repeatable`'))
  })

  test.each(['Idempotency-Key', 'X-Idempotency-Key', 'PayPal-Request-Id'])('%s makes it safe', async (name) => {
    const { server, fetch } = setup([500, reset(), 200])
    expect(await statusOf(fetch(TARGET, post({ [name]: 'k' })))).toBe(200)
    expect(server.inner.requests.map(({ headers }) => headers.get(name))).toEqual(['k', 'k', 'k'])
  })

  test('idempotencyKey adds one, the same for every attempt, another for every call', async () => {
    const { server, fetch } = setup([500, 200, 200], { idempotencyKey: true })
    await settled(fetch(TARGET, post()))
    await settled(fetch(TARGET, { ...post(), method: 'PATCH' }))
    const keys = server.inner.requests.map(({ headers }) => headers.get('idempotency-key'))
    expect(keys[0]).toMatch(/^"[0-9a-f-]{36}"$/)
    expect(keys[1]).toBe(keys[0])
    expect(keys[2]).toMatch(/^"[0-9a-f-]{36}"$/)
    expect(keys[2]).not.toBe(keys[0])
  })

  test('idempotencyKey adds one to a request that may be repeated without, too', async () => {
    const { server, fetch } = setup([500, 200], { idempotencyKey: true }, { repeatable: 'all' })
    await settled(fetch(new Request(TARGET, post())))
    const [first, second] = server.inner.requests.map(({ headers }) => headers.get('idempotency-key'))
    expect(first).toMatch(/^"[0-9a-f-]{36}"$/)
    expect(second).toBe(first)
  })

  test.each(['POSTS', 'REPOST'])('idempotencyKey adds none to a %s, of which nothing is known', async (method) => {
    const { server, fetch } = setup([200], { idempotencyKey: true })
    await settled(fetch(TARGET, { method }))
    expect(server.inner.requests[0]?.headers.has('idempotency-key')).toBe(false)
  })

  test("idempotencyKey keeps the caller's own, and leaves a GET alone", async () => {
    const { server, fetch } = setup([200, 200], { idempotencyKey: true })
    await fetch(TARGET, post({ 'idempotency-key': 'mine' }))
    await fetch(TARGET)
    expect(server.inner.requests.map(({ headers }) => headers.get('idempotency-key'))).toEqual(['mine', null])
  })

  test('no header is added unless asked for', async () => {
    const { server, fetch } = setup([429, 200])
    await settled(fetch(TARGET, post()))
    for (const { headers } of server.inner.requests) expect([...headers.keys()]).toEqual(['content-type'])
  })

  test('methods names those that are sent again whatever went wrong, in any case', async () => {
    const { server, fetch } = setup([500, reset(), 200, 500], { methods: ['post'] })
    expect(await statusOf(fetch(TARGET, post()))).toBe(200)
    expect(server.times).toHaveLength(3)
    expect(await statusOf(fetch(TARGET))).toBe(500)
  })

  test.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])('%s is always safe', async (method) => {
    const { fetch } = setup([500, 200])
    expect(await statusOf(fetch(TARGET, { method }))).toBe(200)
  })

  test("a server's x-should-retry: false always wins", async () => {
    for (const status of [429, 500, 503]) {
      const headers = { 'x-should-retry': 'false', 'retry-after': '1' }
      const { server, fetch } = setup([{ status, headers }], { methods: ['POST', 'GET'] })
      expect((await fetch(TARGET, post({ 'idempotency-key': 'k' }))).status).toBe(status)
      expect(server.times).toHaveLength(1)
    }
  })
})

describe('5. when attempts end, the last response is returned unread, the last error rethrown as it was', () => {
  test.each([1, 2, 4])('maxAttempts %d', async (maxAttempts) => {
    const { server, fetch } = setup([{ status: 500, body: 'broken', times: Infinity }], { maxAttempts })
    const response = await settled(fetch(TARGET))
    expect(server.times).toHaveLength(maxAttempts)
    expect(server.inner.responses.at(-1)?.response).toBe(response)
    expect(response.bodyUsed).toBe(false)
    expect(await response.text()).toBe('broken')
  })

  test('four by default; the very error object comes back', async () => {
    const errors = [reset(), reset(), reset(), reset()]
    const { server, fetch } = setup(errors)
    const [outcome] = await outcomes([fetch(TARGET)])
    expect(server.times).toHaveLength(4)
    expect(outcome && 'error' in outcome && outcome.error).toBe(errors[3])
  })

  test('what was thrown need not be an Error', async () => {
    const thrown: unknown[] = ['text', undefined, null, { a: 1 }]
    for (const one of thrown) {
      const fetch = createFetch([backoffJitter()], { fetch: () => Promise.reject(one) })
      const [outcome] = await outcomes([fetch(TARGET)])
      expect(outcome).toEqual({ error: one })
    }
  })

  test('the error, when the last attempt fails; the response, when it answers', async () => {
    const mixed = setup([500, reset(), 503], { maxAttempts: 3 })
    expect(await statusOf(mixed.fetch(TARGET))).toBe(503)
    const error = reset()
    const other = setup([500, error], { maxAttempts: 2 })
    expect(await outcomes([other.fetch(TARGET)])).toEqual([{ error }])
  })
})

describe('6. attempts of all middlewares count together; what another one gave up is not retried', () => {
  const twice: Middleware = async (request, next) => {
    await next(request)
    return next(request)
  }

  test('two of another make two of ours less', async () => {
    const server = timed(respond({ status: 500, times: Infinity }))
    const fetch = createFetch([backoffJitter({ maxAttempts: 4 }), twice], { fetch: server })
    expect(await statusOf(fetch(TARGET))).toBe(500)
    expect(server.times).toHaveLength(4)
  })

  test('an excused attempt does not count', async () => {
    const server = timed(respond({ status: 500, times: Infinity }))
    const excuse = middleware('excuse', async (request, next, call) => {
      const response = await next(request)
      if (call.attempt === 1) call.excuse()
      return response
    })
    const fetch = createFetch([backoffJitter({ maxAttempts: 3 }), excuse], { fetch: server })
    await settled(fetch(TARGET))
    expect(server.times).toHaveLength(4)
  })

  test('given up', async () => {
    const server = timed(respond(503))
    const quit = middleware('quit', async (request, next, call) => {
      const response = await next(request)
      call.giveUp('quit', 'enough')
      return response
    })
    const fetch = createFetch([backoffJitter(), quit], { fetch: server })
    expect((await fetch(TARGET)).status).toBe(503)
    expect(server.times).toHaveLength(1)
  })

  test('its own giving up is told, once, with the reason', async () => {
    const events: CallEvent[] = []
    const { fetch } = setup([500, 500], { maxAttempts: 2 }, { onEvent: (event) => events.push(event) })
    await settled(fetch(TARGET))
    expect(events.map(({ type }) => type)).toEqual(['attempt', 'retry', 'attempt', 'give-up'])
    expect(events[1]).toMatchObject({
      by: 'backoff-jitter',
      attempt: 1,
      reason: expect.stringMatching(/^server-error: 500/),
    })
    expect(events[2]).toMatchObject({
      attempt: 2,
      backoffMs: (events[1] as { waitMs: number }).waitMs,
      queueMs: 0,
      holdMs: 0,
    })
    expect(events[3]).toMatchObject({
      by: 'backoff-jitter',
      reason: '2 attempts were made, maxAttempts is 2',
      attempt: 2,
    })
  })

  test('nothing is given up where nothing was to be retried', async () => {
    const events: CallEvent[] = []
    const { fetch } = setup([404], {}, { onEvent: (event) => events.push(event) })
    await fetch(TARGET)
    expect(events.map(({ type }) => type)).toEqual(['attempt'])
  })
})

describe('7. what no repetition can mend is not retried', () => {
  test.each([
    new TypeError('Failed to parse URL from x', {
      cause: Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' }),
    }),
    new TypeError('fetch failed', { cause: new Error('redirect count exceeded') }),
    new TypeError('fetch failed', {
      cause: Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' }),
    }),
    new TypeError('fetch failed', {
      cause: Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
    }),
    new TypeError('fetch failed', {
      cause: Object.assign(new Error('The client is closed'), { code: 'UND_ERR_CLOSED' }),
    }),
    new TypeError('fetch failed', { cause: new Error('cors failure') }),
    new TypeError("Cannot read properties of undefined (reading 'x')"),
    new Error('a middleware has a bug'),
  ])('%s', async (error) => {
    const events: string[] = []
    const { server, fetch } = setup([error], {}, { onEvent: ({ type }) => events.push(type) })
    await expect(fetch(TARGET)).rejects.toBe(error)
    expect(server.times).toHaveLength(1)
    expect(events).toEqual(['attempt'])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a host that is not found is asked for once more', () => {
  const unknown = unsent('ENOTFOUND', 'getaddrinfo')

  test.each(['GET', 'POST'])('%s: within 3 s in all, the error as it was', async (method) => {
    const { server, fetch } = setup([unknown, unknown])
    const [outcome] = await outcomes([fetch(TARGET, { method })])
    expect(outcome).toEqual({ error: unknown })
    expect(server.times).toHaveLength(2)
    expect(server.times[1]).toBeLessThanOrEqual(1300)
  })

  test('however many ask: nobody lines up for it', async () => {
    const { server, fetch } = setup(Array.from({ length: 400 }, () => unknown))
    await outcomes(Array.from({ length: 200 }, () => fetch(TARGET)))
    expect(server.times).toHaveLength(400)
    expect(Math.max(...server.times)).toBeLessThanOrEqual(1300)
  })

  test('once per call, whatever comes in between', async () => {
    const { server, fetch } = setup([unknown, 500, unknown])
    await outcomes([fetch(TARGET)])
    expect(server.times).toHaveLength(3)
  })

  test('a resolver that is busy is asked as often as a server', async () => {
    const { server, fetch } = setup(Array.from({ length: 4 }, () => unsent('EAI_AGAIN', 'getaddrinfo')))
    await outcomes([fetch(TARGET)])
    expect(server.times).toHaveLength(4)
  })
})

describe('8. per key, retries are at most 20 % of the calls plus ten a second; further ones line up', () => {
  test('a hundred calls that fail at once: their retries do not come back at once', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { server, fetch } = setup([{ status: 500, times: 100 }, { times: Infinity }])
    await outcomes(Array.from({ length: 100 }, () => fetch(TARGET)))
    const back = server.times.slice(100)
    expect(back).toHaveLength(100)
    // 10 from the start and 20 for a hundred calls; the 40 of the next four seconds, and so on.
    expect(back.filter((at) => at <= 1000)).toHaveLength(40)
    for (let s = 1; s <= 8; s++) expect(back.filter((at) => at <= s * 1000).length).toBeLessThanOrEqual(30 + s * 10)
    expect(Math.max(...back)).toBe(7000)
  })

  test('refusals cost the server little: their retries need no budget, and take nothing from it', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { server, fetch } = setup([{ status: 429, times: 100 }, { times: 100 }, 500, 200])
    await outcomes(Array.from({ length: 100 }, () => fetch(TARGET)))
    expect(server.times.slice(100)).toEqual(Array(100).fill(1000))
    await settled(fetch(TARGET))
    expect(server.times.slice(200)).toEqual([1000, 1050])
  })

  test('what only prose calls a passing conflict lines up like any failure', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const busy = { status: 409, body: 'The record is locked, please try again', times: 100 }
    const { server, fetch } = setup([busy, { times: Infinity }])
    await outcomes(Array.from({ length: 100 }, () => fetch(TARGET)))
    expect(server.times.slice(100).filter((at) => at <= 1000)).toHaveLength(40)
  })

  test('another key has a budget of its own', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { server, fetch } = setup([{ status: 500, times: 101 }, { times: Infinity }])
    const calls = Array.from({ length: 100 }, () => fetch(TARGET))
    const other = fetch('https://other.test/')
    await outcomes([...calls, other])
    expect(server.inner.requests.slice(101).findIndex(({ url }) => url === 'https://other.test/')).toBeLessThan(41)
  })

  test('a retry that does not fit into the deadline takes nothing from the budget', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const server = timed(respond({ status: 500, times: 201 }, 200))
    const backoff = backoffJitter()
    const hasty = createFetch([backoff], { fetch: server, timeoutMs: 500 })
    await outcomes(Array.from({ length: 200 }, () => hasty(TARGET)))
    expect(server.times).toHaveLength(200)
    const patient = createFetch([backoff], { fetch: server, timeoutMs: 5000 })
    expect(await statusOf(patient(TARGET))).toBe(200)
    expect(server.times.slice(200)).toEqual([0, 1000])
  })
})

describe('9. an attempt that exceeds attemptTimeoutMs is aborted and counts as a time-out', () => {
  test('and is sent again', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { server, fetch } = setup([{ delayMs: 10_000 }, { delayMs: 400 }], { attemptTimeoutMs: 500 })
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 1500])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a POST is not: it may have been carried out', async () => {
    const { server, fetch } = setup([{ delayMs: 10_000 }], { attemptTimeoutMs: 500 })
    const [outcome] = await outcomes([fetch(TARGET, post())])
    expect(outcome).toHaveProperty('error.name', 'TimeoutError')
    expect(server.times).toHaveLength(1)
  })

  test('when attempts end, the TimeoutError is thrown', async () => {
    const { server, fetch } = setup([{ delayMs: 10_000, times: Infinity }], { attemptTimeoutMs: 500, maxAttempts: 2 })
    const [outcome] = await outcomes([fetch(TARGET)])
    expect(outcome).toHaveProperty('error.name', 'TimeoutError')
    expect(server.times).toHaveLength(2)
  })
})

/** Where a call is in line, or on hold, for as long as it may be: at first it is sent, then it has waited in vain. */
const waitsInVain = (): Middleware => {
  const sent = new Set<string>()
  return middleware('in-vain', async (request, next, call) => {
    if (sent.has(call.id)) throw new DOMException('The call has waited for too long', 'TimeoutError')
    sent.add(call.id)
    return next(request)
  })
}

describe("10. a wait that does not fit into the call's deadline, or into what its waits may add up to, is not begun", () => {
  test('the last answer comes at once', async () => {
    const { server, fetch } = setup([500, 503], { jitter: 'none' }, { timeoutMs: 2500 })
    const call = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(1000)
    expect(call.outcome).toHaveProperty('value.status', 503)
    expect(call.outcome).toHaveProperty('value.bodyUsed', false)
    expect(server.times).toEqual([0, 1000])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('or the last error', async () => {
    const error = reset()
    const { fetch } = setup([error], { jitter: 'none' }, { timeoutMs: 500 })
    const call = watch(fetch(TARGET))
    await flush()
    expect(call.outcome).toEqual({ error })
  })

  test('a wait that the server names, likewise', async () => {
    const { fetch } = setup([{ status: 503, headers: { 'retry-after': '10' } }], {}, { timeoutMs: 5000 })
    const call = watch(fetch(TARGET))
    await flush()
    expect(call.outcome).toHaveProperty('value.status', 503)
  })

  test('its waits add up: the last answer comes at once, the same object, its body unread', async () => {
    const events: CallEvent[] = []
    const onEvent = (event: CallEvent): void => void events.push(event)
    const script = [500, { status: 503, body: 'busy' }]
    const { server, fetch } = setup(script, { jitter: 'none' }, { maxTotalWaitMs: 3000, onEvent })
    const call = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(1000)
    expect(call.outcome).toEqual({ value: server.inner.responses[1]?.response })
    expect(server.inner.responses[1]?.response.bodyUsed).toBe(false)
    expect(await server.inner.responses[1]?.response.text()).toBe('busy')
    expect(server.times).toEqual([0, 1000])
    const reason = 'a wait of 2000 ms is more than maxTotalWaitMs leaves'
    expect(events.at(-1)).toMatchObject({ type: 'give-up', by: 'backoff-jitter', reason })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('one that is just less is begun', async () => {
    const { server, fetch } = setup([500, 503, 200], { jitter: 'none' }, { maxTotalWaitMs: 3001 })
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 1000, 3000])
  })

  test('or the last error, as it was', async () => {
    const errors = [reset(), reset()]
    const { fetch } = setup(errors, { jitter: 'none' }, { maxTotalWaitMs: 3000 })
    const call = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(1000)
    expect(call.outcome).toHaveProperty('error')
    expect(call.outcome && 'error' in call.outcome && call.outcome.error).toBe(errors[1])
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([500, { status: 503, headers: { 'retry-after': '1' } }, 429])(
    'with maxTotalWaitMs 0 nothing is: %j',
    async (answer) => {
      const { server, fetch } = setup([answer], { baseMs: 0 }, { maxTotalWaitMs: 0 })
      const call = watch(fetch(TARGET))
      await flush()
      expect(call.outcome).toEqual({ value: server.inner.responses[0]?.response })
    },
  )

  describe('what another middleware has waited for in vain, after our wait, is not sent: what came before stands', () => {
    const setupInVain = (first: ScriptEntry) => {
      const server = respond(first)
      return { server, fetch: createFetch([backoffJitter(), waitsInVain(), classify()], { fetch: server }) }
    }

    test('the answer, its body unread', async () => {
      const { server, fetch } = setupInVain({ status: 500, body: 'broken' })
      const response = await settled(fetch(TARGET))
      expect(response).toBe(server.responses[0]?.response)
      expect(response.bodyUsed).toBe(false)
      expect(await response.text()).toBe('broken')
    })

    test('the error, as it was', async () => {
      const error = reset()
      const { fetch } = setupInVain(error)
      const [outcome] = await outcomes([fetch(TARGET)])
      expect(outcome && 'error' in outcome && outcome.error).toBe(error)
    })

    test('the time-out, if the answer could not be kept', async () => {
      const { server, fetch } = setupInVain({ status: 500, body: 'x'.repeat(70_000) })
      const [outcome] = await outcomes([fetch(TARGET)])
      expect(outcome).toHaveProperty('error.message', 'The call has waited for too long')
      expect(server.responses[0]?.response.bodyUsed).toBe(true)
    })

    test('an attempt that was sent and timed out is a failure of its own', async () => {
      const hangs: ScriptEntry = { delayMs: 10_000, times: Infinity }
      const options = { attemptTimeoutMs: 100, maxAttempts: 2 }
      const { fetch } = setup([{ status: 500, body: 'broken' }, hangs], options)
      const [outcome] = await outcomes([fetch(TARGET)])
      expect(outcome).toHaveProperty('error.name', 'TimeoutError')
    })
  })
})

describe('11. a body that cannot be sent again is not retried', () => {
  test.each([500, 429, reset()] as ScriptEntry[])('a stream, after %s', async (answer) => {
    const { server, fetch } = setup([answer])
    const init = { method: 'PUT', body: new Blob(['once']).stream(), duplex: 'half' } as RequestInit
    await outcomes([fetch(TARGET, init)])
    expect(server.times).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a Request with a body is sent again byte for byte', async () => {
    const { server, fetch } = setup([500, 200])
    expect(await statusOf(fetch(new Request(TARGET, { method: 'PUT', body: 'bytes' })))).toBe(200)
    expect(await Promise.all(server.inner.requests.map((request) => request.text()))).toEqual(['bytes', 'bytes'])
  })
})

describe('12. the body of an answer that is not returned is cancelled', () => {
  test('before the wait where it keeps a connection, else when the call ends', async () => {
    const binary = { status: 500, headers: { 'content-type': 'application/octet-stream' }, body: 'x' }
    const { server, fetch } = setup([binary, 500, 200])
    const call = fetch(TARGET)
    await flush()
    expect(server.inner.responses[0]?.bodyState).toBe('cancelled')
    await vi.advanceTimersByTimeAsync(1500)
    expect(server.inner.responses[1]?.response.bodyUsed).toBe(false)
    await settled(call)
    expect(server.inner.responses.map(({ response }) => response.bodyUsed)).toEqual([true, true, false])
  })
})

describe("13. an abort ends the wait at once, with the signal's reason, and leaves no timer", () => {
  test('while backing off', async () => {
    const { fetch } = setup([500])
    expect(await abortAfter(500, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
  })

  test('while backing off again, with its last answer kept', async () => {
    const { server, fetch } = setup([500, 500])
    expect(await abortAfter(2000, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
    expect(server.inner.responses.map(({ response }) => response.bodyUsed)).toEqual([true, true])
  })

  test('while lined up for a retry', async () => {
    const { server, fetch } = setup([{ status: 500, times: Infinity }], { baseMs: 0, maxAttempts: 2 })
    const controller = new AbortController()
    const calls = Array.from({ length: 60 }, () => watch(fetch(TARGET, { signal: controller.signal })))
    await vi.advanceTimersByTimeAsync(50)
    // 10 from the start and one for every five calls.
    expect(server.times).toHaveLength(60 + 22)
    controller.abort('enough')
    await flush()
    expect(calls.filter(({ outcome }) => outcome && 'error' in outcome && outcome.error === 'enough')).toHaveLength(38)
    expect(vi.getTimerCount()).toBe(0)
    expect(listeners(controller.signal)).toBe(0)
  })

  test('in flight', async () => {
    const { fetch } = setup([{ delayMs: 1000 }], { attemptTimeoutMs: 5000 })
    expect(await abortAfter(500, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
  })

  test('a time-out of the caller is an abort, not a failure to retry', async () => {
    const events: string[] = []
    const { fetch } = setup([{ delayMs: 1000 }], {}, { onEvent: ({ type }) => events.push(type) })
    const controller = new AbortController()
    const call = watch(fetch(TARGET, { signal: controller.signal }))
    await flush()
    const reason = new DOMException('The operation was aborted due to timeout', 'TimeoutError')
    controller.abort(reason)
    await flush()
    expect(call.outcome).toEqual({ error: reason })
    expect(events).toEqual(['attempt'])
  })

  test('a call that ends well leaves no listener of ours', async () => {
    const { fetch } = setup([500, reset(), 200], { attemptTimeoutMs: 5000 })
    const { signal } = new AbortController()
    await settled(fetch(TARGET, { signal }))
    expect(listeners(signal)).toBeLessThanOrEqual(await platformListeners())
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('14. each backoffJitter() has a state of its own', () => {
  test('the retries of one are not taken from the other', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { fetch } = setup([{ status: 500, times: Infinity }], { maxAttempts: 2 })
    const busy = Array.from({ length: 100 }, () => fetch(TARGET))
    const other = setup([500, 200])
    expect(await statusOf(other.fetch(TARGET))).toBe(200)
    expect(other.server.times).toEqual([0, 1000])
    await outcomes(busy)
  })
})

describe('15. what only prose says is good for one repetition', () => {
  const locked: ScriptedAnswer = { status: 409, body: { message: 'This object is locked by another request.' } }

  test('which counts', async () => {
    const { server, fetch } = setup([{ ...locked, times: Infinity }])
    expect(await statusOf(fetch(TARGET))).toBe(409)
    expect(server.times).toHaveLength(2)
  })

  test('whatever comes between', async () => {
    const { server, fetch } = setup([locked, 500, locked, 200])
    expect(await statusOf(fetch(TARGET))).toBe(409)
    expect(server.times).toHaveLength(3)
  })

  test('after the wait that it names', async () => {
    const limited = { status: 403, body: { message: 'Rate limit exceeded, try again in 7 seconds.' } }
    const { server, fetch } = setup([limited, 200], { jitter: 'none' })
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 7000])
  })

  test("unless the server's explicit word stands beside it", async () => {
    const headers = { 'x-should-retry': 'true' }
    const { server, fetch } = setup([{ ...locked, headers, times: Infinity }])
    expect(await statusOf(fetch(TARGET))).toBe(409)
    expect(server.times).toHaveLength(4)
  })

  test('a code says more than prose', async () => {
    const coded = { status: 409, body: { code: 'lock_timeout', message: 'This object is locked.' }, times: Infinity }
    const { server, fetch } = setup([coded])
    expect(await statusOf(fetch(TARGET))).toBe(409)
    expect(server.times).toHaveLength(4)
  })
})

describe('what another middleware throws before it sends again', () => {
  /** Sends once, and throws from then on. */
  const onceThen = (error: Error): Middleware => {
    let first = true
    return async (request, next) => {
      if (!first) throw error
      first = false
      return next(request)
    }
  }
  const statusAfter = (error: Error): Promise<number> =>
    statusOf(createFetch([backoffJitter(), onceThen(error), classify()], { fetch: respond(503) })(TARGET))

  test.each([
    new QueueFullError('key', 1),
    new QueueTimeoutError('key', 1),
    new BreakerOpenError('key', 1),
    new WeightExceedsLimitError('key', { unit: 'tokens', weight: 2, limit: 1 }),
    new DOMException('no slot in time', 'TimeoutError'),
  ])('$name: it may not wait, and the answer before stands', async (error) => {
    expect(await statusAfter(error)).toBe(503)
  })

  test.each([new Error('a bug'), new DOMException('a bug', 'DataError')])('%s: it is thrown', async (error) => {
    await expect(statusAfter(error)).rejects.toBe(error)
  })
})

describe('of two in each other, or one in another fetch', () => {
  test('the outer one sends again, and the inner one does not', async () => {
    vi.spyOn(console, 'warn').mockReturnValue()
    const server = timed(respond({ status: 503, times: 16 }))
    const outer = createFetch([backoffJitter()], { fetch: createFetch([backoffJitter()], { fetch: server }) })
    expect(await statusOf(outer(TARGET))).toBe(503)
    expect(server.times).toHaveLength(4)
  })

  test('but one that sends once leaves it to the inner one', async () => {
    const server = timed(respond(503, 200))
    const inner = createFetch([backoffJitter()], { fetch: server })
    expect(await statusOf(createFetch([backoffJitter({ maxAttempts: 1 })], { fetch: inner })(TARGET))).toBe(200)
    expect(server.times).toHaveLength(2)
  })

  test("an inner one without an attemptTimeoutMs keeps the outer one's", async () => {
    const server: Fetch = () => new Promise(() => undefined)
    const once = { maxAttempts: 1 }
    const fetch = createFetch([backoffJitter({ ...once, attemptTimeoutMs: 100 }), backoffJitter(once)], {
      fetch: server,
    })
    const startedAt = performance.now()
    await expect(settled(fetch(TARGET))).rejects.toHaveProperty('name', 'TimeoutError')
    expect(performance.now() - startedAt).toBe(100)
  })
})

describe('bare, without a pipeline', () => {
  test('it waits and sends again', async () => {
    const next = timed(respond(500, reset(), 200))
    const response = await settled(backoffJitter({ jitter: 'none' })(new Request(TARGET), next))
    expect(response.status).toBe(200)
    expect(next.times).toEqual([0, 1000, 3000])
  })

  test('an abort ends its wait', async () => {
    const bare = backoffJitter()
    const next = respond(500)
    expect(await abortAfter(500, (signal) => bare(new Request(TARGET, { signal }), next))).toEqual(CLEAN)
  })

  test('a POST is sent again byte for byte', async () => {
    const next = respond(429, 200)
    await settled(backoffJitter()(new Request(TARGET, post()), next))
    expect(await Promise.all(next.requests.map((request) => request.text()))).toEqual(['one', 'one'])
  })
})

describe('options that make no sense', () => {
  test.each([
    [
      { maxAttempts: 0 },
      /^backoffJitter: maxAttempts must be a whole number of attempts, the first included, 1 or more, got 0$/,
    ],
    [{ maxAttempts: 2.5 }, /^backoffJitter: maxAttempts must be .*, got 2.5$/],
    [{ maxAttempts: Infinity }, /^backoffJitter: maxAttempts must be .*, got Infinity$/],
    [{ baseMs: -1 }, /^backoffJitter: baseMs must be .*, got -1$/],
    [{ baseMs: NaN }, /^backoffJitter: baseMs must be .*, got NaN$/],
    [{ maxMs: -1 }, /^backoffJitter: maxMs must be .*, got -1$/],
    [{ maxMs: NaN }, /^backoffJitter: maxMs must be .*, got NaN$/],
    [{ attemptTimeoutMs: -1 }, /^backoffJitter: attemptTimeoutMs must be .*, got -1$/],
    // A timer takes 2^31-1 at most; beyond, it fires at once, and so would every attempt's.
    [{ attemptTimeoutMs: 2 ** 31 }, /^backoffJitter: attemptTimeoutMs must be .*, got 2147483648$/],
  ])('%o', (options, message) => {
    expect(() => backoffJitter(options)).toThrow(RangeError)
    expect(() => backoffJitter(options)).toThrow(message)
  })

  test('what is accepted does not include what was given', () => {
    expect(() => backoffJitter({ maxMs: Infinity })).toThrow(
      /must be a finite number of milliseconds, 0 or more, got Infinity/,
    )
  })

  test('a jitter nobody knows', () => {
    expect(() => backoffJitter({ jitter: 'fulll' as Jitter })).toThrow(
      new RangeError(
        "backoffJitter: jitter must be one of 'additive', 'full', 'equal', 'decorrelated', 'none' or a function, got 'fulll'",
      ),
    )
  })

  test('undefined is the default, 0 is 0', () => {
    const unset = {
      maxAttempts: undefined,
      baseMs: undefined,
      maxMs: undefined,
      jitter: undefined,
      attemptTimeoutMs: undefined,
      methods: undefined,
    }
    expect(() => backoffJitter(unset)).not.toThrow()
    expect(() => backoffJitter({ baseMs: 0, maxMs: 0 })).not.toThrow()
  })
})

describe('whatever the answers', () => {
  const answer = fc.oneof(
    fc.record({
      status: fc.constantFrom(200, 204, 400, 402, 404, 429, 429, 500, 502, 503, 503, 504, 529),
      waitMs: fc.option(fc.nat(3000), { nil: undefined }),
      hint: fc.constantFrom(undefined, undefined, undefined, 'true', 'false'),
    }),
    fc.constantFrom('reset' as const, 'timeout' as const, 'bug' as const),
  )
  const call = fc.record({
    method: fc.constantFrom('GET', 'PUT', 'POST', 'PATCH'),
    safe: fc.boolean(),
    answers: fc.array(fc.tuple(answer, fc.nat(700)), { minLength: 1, maxLength: 6 }),
    abortMs: fc.option(fc.nat(5000), { nil: undefined, freq: 5 }),
  })

  /** The rules of the house, said once more and otherwise: may a POST be sent again after this? */
  const refusedFirst = (one: typeof answer extends fc.Arbitrary<infer T> ? T : never): boolean => {
    if (typeof one === 'string' || one.hint === 'false') return false
    if (one.hint === 'true' || one.status === 429) return true
    return (one.status === 503 || one.status === 529) && one.waitMs !== undefined
  }

  test('attempts stay within bounds, a POST goes twice only where the rules allow, and all settle', async () => {
    const inputs = [
      fc.integer({ min: 1, max: 5 }),
      fc.nat(2000),
      fc.constantFrom<Jitter>('additive', 'full', 'equal', 'decorrelated', 'none'),
      fc.array(call, { minLength: 1, maxLength: 6 }),
    ] as const
    await fc.assert(
      fc.asyncProperty(...inputs, async (maxAttempts, baseMs, jitter, calls) => {
        const sent = calls.map(() => 0)
        const server: Fetch = async (input, init) => {
          const i = Number(new URL(urlOf(input)).pathname.slice(1))
          const { answers, method, safe } = calls[i]!
          const n = sent[i]!++
          const before = n > 0 ? answers[(n - 1) % answers.length]![0] : undefined
          if (before !== undefined && !safe && (method === 'POST' || method === 'PATCH') && !refusedFirst(before))
            throw new Error(`a ${method} was sent again after ${JSON.stringify(before)}`)
          const [one, delayMs] = answers[n % answers.length]!
          await respond({ delayMs })(TARGET, { signal: init?.signal ?? null })
          if (one === 'reset') throw reset()
          if (one === 'timeout') throw new DOMException('too slow', 'TimeoutError')
          if (one === 'bug') throw new RangeError('a bug')
          const { status, waitMs, hint } = one
          const headers = new Headers()
          if (waitMs !== undefined) headers.set('retry-after-ms', String(waitMs))
          if (hint !== undefined) headers.set('x-should-retry', hint)
          return new Response(status === 204 ? null : 'x', { status, headers })
        }
        const fetch = createFetch([backoffJitter({ maxAttempts, baseMs, jitter })], { fetch: server })
        const started = calls.map(({ method, safe, abortMs }, i) => {
          const controller = new AbortController()
          if (abortMs !== undefined) setTimeout(() => controller.abort(new DOMException('mine', 'AbortError')), abortMs)
          const headers: Record<string, string> = safe ? { 'idempotency-key': 'k' } : {}
          return fetch(`https://api.test/${i}`, { method, headers, signal: controller.signal })
        })
        for (const outcome of await outcomes(started)) {
          if ('error' in outcome)
            expect(String(outcome.error)).toMatch(
              /^(TypeError: fetch failed|TimeoutError: too slow|RangeError: a bug|AbortError: mine)$/,
            )
        }
        for (const count of sent) expect(count).toBeLessThanOrEqual(maxAttempts)
        await vi.runAllTimersAsync()
        expect(vi.getTimerCount()).toBe(0)
      }),
      { seed: 8, numRuns: 100 },
    )
  })
})
