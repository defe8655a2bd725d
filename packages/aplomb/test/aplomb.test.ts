import { createMockApi, respond, type ScriptedAnswer, type ScriptEntry } from '@aplomb/mock-api'
import type { CallEvent, Fetch, Middleware } from '@aplomb/pipeline'
import { describe, expect, test, vi } from 'vitest'
import { aplomb, type AplombOptions, unwrap, verdictOf } from '../src/index.ts'
import {
  abortAfter,
  CLEAN,
  flush,
  listeners,
  outcomes,
  platformListeners,
  settled,
  timed,
  useFakeTime,
  watch,
} from './support/time.ts'

useFakeTime()

const KEY = 'https://api.test'
const TARGET = `${KEY}/v1/x`
const TOO_MANY: ScriptedAnswer = { status: 429, body: { message: 'Too many concurrent requests.' } }

const setup = (script: readonly ScriptEntry[], options: AplombOptions = {}) => {
  const server = timed(respond(...script))
  return { server, fetch: aplomb({ ...options, fetch: server }) }
}

const statusOf = async (call: Promise<Response>): Promise<number> => (await settled(call)).status
const reset = (): TypeError =>
  new TypeError('fetch failed', { cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) })

describe('the order', () => {
  const PARTS = ['log', 'backoffJitter', 'concurrencyGate', 'retryAfter', 'creditMeter', 'classify'] as const

  test('log > backoff-jitter > concurrency-gate > retry-after > credit-meter > classify > use > fetch', async () => {
    const order: string[] = []
    const probe =
      (name: string): Middleware =>
      (request, next) => {
        order.push(name)
        return next(request)
      }
    const parts = Object.fromEntries(PARTS.map((name) => [name, probe(name)]))
    const use = [probe('first'), probe('second')]
    const inner: Fetch = async () => {
      order.push('fetch')
      return new Response()
    }
    await aplomb({ ...parts, use, fetch: inner })(TARGET)
    expect(order).toEqual([...PARTS, 'first', 'second', 'fetch'])
  })

  test('backoff outside the gate: a sleeping call holds no slot', async () => {
    const { fetch } = setup([500, 200], { concurrencyGate: { limit: 1 } })
    const call = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(500)
    expect(call.outcome).toBeUndefined()
    expect(fetch.stats(KEY)).toEqual({ limit: 1, active: 0, queued: 0 })
    await vi.advanceTimersByTimeAsync(1000)
    expect(call.outcome).toHaveProperty('value.status', 200)
  })

  test('gate outside the hold: nothing slips through after a queue wait', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const refused = { status: 429, headers: { 'retry-after': '5' }, delayMs: 100 }
    const { server, fetch } = setup([{ delayMs: 200 }, refused, { times: Infinity }], { concurrencyGate: { limit: 2 } })
    await outcomes(Array.from({ length: 6 }, () => fetch(TARGET)))
    expect(server.times.slice(0, 2)).toEqual([0, 0])
    expect(server.times.slice(2).every((at) => at >= 5100)).toBe(true)
    expect(server.times).toHaveLength(7)
  })

  test('meter inside every loop: each attempt is charged once', async () => {
    const cost = { 'x-credits-charged': '2' }
    const { fetch } = setup([
      { status: 500, headers: cost },
      { status: 429, headers: { ...cost, 'retry-after': '1' } },
      { ...TOO_MANY, headers: cost },
      { headers: cost },
    ])
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(fetch.usage(KEY)).toMatchObject({ spent: 8, attempts: 4 })
  })

  test('use innermost: it sees every attempt, and classify judges its answers', async () => {
    const seen: number[] = []
    const spy: Middleware = async (request, next) => {
      const response = await next(request)
      seen.push(response.status)
      return response
    }
    const { fetch } = setup([500, 503, 200], { use: [spy] })
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(seen).toEqual([500, 503, 200])
    const own = aplomb({ use: [async () => new Response(null, { status: 404 })], classify: { lookups: '/v1/x' } })
    expect(verdictOf(await own(TARGET)).kind).toBe('empty')
  })
})

describe('each part', () => {
  test('takes its own options', async () => {
    const { server, fetch } = setup([{ status: 500, times: Infinity }], {
      backoffJitter: { maxAttempts: 2, baseMs: 10, jitter: 'none' },
    })
    // The gate spreads those that come back: nobody by chance.
    vi.spyOn(Math, 'random').mockReturnValue(0)
    await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 10])
    const held = setup([{ status: 429, headers: { 'retry-after': '2' } }], { retryAfter: { maxWaitMs: 1000 } })
    expect((await held.fetch(TARGET)).status).toBe(429)
    const metered = setup([200], { creditMeter: { budget: 100, cost: 3 } })
    await metered.fetch(TARGET)
    expect(metered.fetch.usage()).toMatchObject({ spent: 3, left: 97 })
    const records: unknown[] = []
    const note = (record: unknown): void => void records.push(record)
    const logged = setup([200], { log: { sink: { info: note, warn: note, error: note } } })
    await logged.fetch(TARGET)
    expect(records.length).toBeGreaterThan(0)
  })

  test('can be a middleware of your own', async () => {
    const failing: Middleware = async (request, next) => {
      const response = await next(request)
      return response.status === 500 ? next(request) : response
    }
    const { server, fetch } = setup([500, 200], { backoffJitter: failing })
    expect((await fetch(TARGET)).status).toBe(200)
    expect(server.times).toEqual([0, 0])
  })

  test('can be left out: backoffJitter', async () => {
    const { fetch } = setup([500], { backoffJitter: false })
    expect((await fetch(TARGET)).status).toBe(500)
  })

  test('can be left out: retryAfter; then backoff takes what is its', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { server, fetch } = setup([{ status: 429, headers: { 'retry-after': '2' } }, 200], { retryAfter: false })
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 2000])
  })

  test('can be left out: concurrencyGate; then backoff takes what is its', async () => {
    const { server, fetch } = setup([TOO_MANY, 200], { concurrencyGate: false })
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toHaveLength(2)
    expect(fetch.stats()).toBeUndefined()
    expect(fetch.stats(KEY)).toBeUndefined()
  })

  test('can be left out: creditMeter, log, classify', async () => {
    const { fetch } = setup([500, { status: 429, headers: { 'retry-after': '1' } }, 200], {
      creditMeter: false,
      log: false,
      classify: false,
    })
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(fetch.usage()).toBeUndefined()
  })

  test('all of them: only fetch is left', async () => {
    const { server, fetch } = setup([500], {
      log: false,
      backoffJitter: false,
      concurrencyGate: false,
      retryAfter: false,
      creditMeter: false,
      classify: false,
    })
    const response = await fetch(TARGET, { method: 'POST', body: 'x' })
    expect(server.inner.responses[0]?.response).toBe(response)
    expect(server.inner.requests[0]).toMatchObject({ input: TARGET, init: { method: 'POST', body: 'x' } })
  })

  test('replaced by a middleware without a view: there is none', () => {
    const pass: Middleware = (request, next) => next(request)
    const fetch = aplomb({ concurrencyGate: pass, creditMeter: pass })
    expect([fetch.stats(), fetch.usage()]).toEqual([undefined, undefined])
  })
})

describe('options', () => {
  test('an unknown one is a TypeError that names it and the nearest there is', () => {
    expect(() => aplomb({ retries: 3 } as AplombOptions)).toThrow(
      new TypeError(
        'aplomb: unknown option retries (3); did you mean backoffJitter.maxAttempts? It takes a whole number of attempts, the first included, 1 or more',
      ),
    )
  })

  test.each([
    [{ backoffJitter: { maxAttempts: 0 } }, RangeError, /aplomb: backoffJitter.maxAttempts .* got 0/],
    [{ retryAfter: { maxWaitMs: -1 } }, RangeError, /aplomb: retryAfter.maxWaitMs .* got -1/],
    [{ concurrencyGate: { limit: 0 } }, RangeError, /aplomb: concurrencyGate.limit .* got 0/],
    [{ creditMeter: { stopAt: 100 } }, TypeError, /creditMeter: stopAt/],
    [{ classify: { peekBytes: -1 } }, RangeError, /aplomb: classify.peekBytes .* got -1/],
    [{ timeoutMs: 0 }, RangeError, /timeoutMs .* got 0/],
    [{ maxTotalWaitMs: -1 }, RangeError, /maxTotalWaitMs .* got -1/],
    [{ use: [1] as unknown as Middleware[] }, TypeError, /use\[0\] must be a middleware .* got 1/],
  ] as [AplombOptions, typeof Error, RegExp][])('%o fails at creation', (options, type, message) => {
    expect(() => aplomb(options)).toThrow(type)
    expect(() => aplomb(options)).toThrow(message)
  })

  test('undefined is the default, for every one', async () => {
    const names = [
      'fetch',
      'key',
      'timeoutMs',
      'maxTotalWaitMs',
      'onEvent',
      'replayLimitBytes',
      'log',
      'backoffJitter',
      'concurrencyGate',
      'retryAfter',
      'creditMeter',
      'classify',
      'use',
    ]
    const fetch = aplomb(Object.fromEntries(names.map((name) => [name, undefined])))
    vi.stubGlobal('fetch', respond(200))
    expect((await fetch(TARGET)).status).toBe(200)
    expect(fetch.stats()).toBeDefined()
    expect(fetch.usage()).toBeDefined()
  })

  test('none is needed; the global fetch is looked up at each call', async () => {
    const fetch = aplomb()
    vi.stubGlobal('fetch', respond(201))
    expect((await fetch(TARGET)).status).toBe(201)
    vi.stubGlobal('fetch', respond(202))
    expect((await fetch(TARGET)).status).toBe(202)
  })

  test('key, timeoutMs and onEvent reach the pipeline', async () => {
    const events: CallEvent[] = []
    const { fetch } = setup([{ delayMs: 5000 }], {
      key: 'mine',
      timeoutMs: 1000,
      onEvent: (event) => events.push(event),
    })
    const [outcome] = await outcomes([fetch(TARGET)])
    expect(outcome).toHaveProperty('error.name', 'TimeoutError')
    expect(events.every(({ key }) => key === 'mine')).toBe(true)
    expect(events.length).toBeGreaterThan(0)
    expect(fetch.stats('mine')).toMatchObject({ active: 0, queued: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('replayLimitBytes, too', async () => {
    const { server, fetch } = setup([429], { replayLimitBytes: 2 })
    expect(await statusOf(fetch(new Request(TARGET, { method: 'PUT', body: 'abc' })))).toBe(429)
    expect(server.times).toHaveLength(1)
  })
})

describe('views', () => {
  test('stats: of a key, of all', async () => {
    const { fetch } = setup([{ delayMs: 100, times: Infinity }], { concurrencyGate: { limit: 2 } })
    const calls = [1, 2, 3].map((i) => fetch(`${KEY}/${i}`))
    const other = fetch('https://other.test/')
    expect(fetch.stats(KEY)).toEqual({ limit: 2, active: 2, queued: 1 })
    expect(fetch.stats()).toEqual({ limit: 4, active: 3, queued: 1 })
    expect(fetch.stats('nobody')).toEqual({ limit: 0, active: 0, queued: 0 })
    await outcomes([...calls, other])
  })

  test('usage: of a key, of all', async () => {
    const headers = { 'x-credits-charged': '3', 'x-credits-remaining': '97' }
    const { fetch } = setup([{ headers }, { headers: { 'x-credits-charged': '2' } }])
    await fetch(TARGET)
    await fetch('https://other.test/')
    expect(fetch.usage(KEY)).toMatchObject({ spent: 3, attempts: 1, left: 97 })
    expect(fetch.usage()).toMatchObject({ spent: 5, attempts: 2 })
    expect(fetch.usage('nobody')).toMatchObject({ spent: 0, attempts: 0 })
  })

  test('two of them share nothing', async () => {
    const one = setup([{ status: 429, headers: { 'retry-after': '50', 'x-credits-charged': '1' } }, 200])
    const other = setup([200])
    const held = watch(one.fetch(TARGET))
    await flush()
    expect((await other.fetch(TARGET)).status).toBe(200)
    expect(held.outcome).toBeUndefined()
    expect(other.fetch.usage()).toMatchObject({ spent: 0, attempts: 1 })
    expect(other.fetch.stats()).toMatchObject({ active: 0 })
    vi.advanceTimersByTime(60_000)
    await flush()
    expect(held.outcome).toHaveProperty('value.status', 200)
  })
})

describe('who acts on what', () => {
  test.each([
    ['ok', 200, 1],
    ['empty', 204, 1],
    ['invalid', 400, 1],
    ['unprocessable', 422, 1],
    ['unauthenticated', 401, 1],
    ['forbidden', 403, 1],
    ['missing', 404, 1],
    ['conflict', 409, 1],
    ['billing', 402, 1],
    [
      'quota-exhausted',
      { status: 429, body: { error: { code: 'insufficient_quota', message: 'You exceeded your current quota.' } } },
      1,
    ],
    ['rate-limited', 429, 4],
    ['rate-limited', { status: 429, headers: { 'retry-after': '1' } }, 4],
    ['concurrency-limited', TOO_MANY, 4],
    ['overloaded', 503, 4],
    ['overloaded', { status: 503, headers: { 'retry-after': '1' } }, 4],
    ['server-error', 500, 4],
    ['server-error', 501, 1],
    ['timeout', 408, 4],
    ['unknown', 418, 1],
  ] as [string, number | ScriptedAnswer, number][])('%s: %j is sent %i times', async (kind, answer, times) => {
    const scripted = typeof answer === 'number' ? { status: answer } : answer
    const { server, fetch } = setup([{ ...scripted, times: Infinity }])
    const response = await settled(fetch(TARGET))
    expect(response.status).toBe(scripted.status)
    expect(response.bodyUsed).toBe(false)
    expect(verdictOf(response).kind).toBe(kind)
    expect(server.times).toHaveLength(times)
    expect(server.inner.responses.at(-1)?.response).toBe(response)
    expect(server.inner.responses.slice(0, -1).every((one) => one.response.bodyUsed)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([
    ['500', 500],
    ['503', 503],
    ['408', 408],
    ['a network failure', reset()],
  ] as [string, ScriptEntry][])('a lone call comes back after the backoff, and no later: %s', async (_, failure) => {
    const back: number[] = []
    for (const chance of [0, 1]) {
      vi.spyOn(Math, 'random').mockReturnValue(chance)
      const { server, fetch } = setup([failure, 200])
      await settled(fetch(TARGET))
      back.push(server.times[1]!)
    }
    expect(back).toEqual([1000, 1300])
  })

  test('a network failure: four times, then the very error', async () => {
    const errors = [reset(), reset(), reset(), reset()]
    const { fetch } = setup(errors)
    const [outcome] = await outcomes([fetch(TARGET)])
    expect(outcome && 'error' in outcome && outcome.error).toBe(errors[3])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a lookup that finds nothing is data', async () => {
    const { fetch } = setup([404, { body: { ip: '192.0.2.1' } }], { classify: { lookups: '/v1/lookup/:ip' } })
    expect(await unwrap(await fetch(`${KEY}/v1/lookup/192.0.2.9`))).toBeNull()
    expect(await unwrap(await fetch(`${KEY}/v1/lookup/192.0.2.1`))).toEqual({ ip: '192.0.2.1' })
  })

  test('attempts of all owners add up, they never multiply', async () => {
    const mixed: ScriptEntry[] = [
      500,
      { status: 429, headers: { 'retry-after': '1' } },
      reset(),
      { status: 503, headers: { 'retry-after': '1' } },
      200,
    ]
    const { server, fetch } = setup(mixed)
    expect(await statusOf(fetch(TARGET))).toBe(503)
    expect(server.times).toHaveLength(4)
  })

  test('when an owner gives up, nobody else retries', async () => {
    const refused = { status: 503, headers: { 'retry-after': '100' } }
    const { server, fetch } = setup([refused], { backoffJitter: { maxMs: 200_000 } })
    expect((await fetch(TARGET)).status).toBe(503)
    expect(server.times).toHaveLength(1)
  })

  test('an hour: the call returns its 429 at once', async () => {
    const { fetch } = setup([{ status: 429, headers: { 'retry-after': '3600' } }])
    const call = watch(fetch(TARGET))
    await flush(3)
    expect(call.outcome).toHaveProperty('value.status', 429)
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([
    ['refused', { status: 429, headers: { 'retry-after': '1' } }, 2],
    ['refused without a time', 429, 2],
    ['too many at once', TOO_MANY, 2],
    ['broken', 500, 1],
    ['gone', reset(), 1],
    ['overloaded, no word of when', 503, 1],
  ] as [string, ScriptEntry, number][])('a POST that is %s is sent %s %i times', async (_, answer, times) => {
    const { server, fetch } = setup([answer, 200])
    await outcomes([fetch(TARGET, { method: 'POST', body: 'one' })])
    expect(await Promise.all(server.inner.requests.map((request) => request.text()))).toEqual(Array(times).fill('one'))
  })
})

describe("what the middlewares themselves refuse is no failure of the server's", () => {
  test('a hold beyond the deadline rejects at once: backoff does not wait for it', async () => {
    const { server, fetch } = setup([{ status: 429, headers: { 'retry-after': '30' } }], { timeoutMs: 10_000 })
    await fetch(TARGET)
    const call = watch(fetch(TARGET))
    await flush(3)
    expect(call.outcome).toHaveProperty('error.name', 'TimeoutError')
    expect(server.times).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('and it says nothing about the server: the gate stays open', async () => {
    const { fetch } = setup([{ status: 429, headers: { 'retry-after': '30' } }], {
      timeoutMs: 10_000,
      backoffJitter: false,
    })
    await fetch(TARGET)
    await outcomes(Array.from({ length: 5 }, () => fetch(TARGET)))
    expect(fetch.stats(KEY)).toEqual({ limit: 4, active: 0, queued: 0 })
  })

  test.each(['https://api.test', 'https://socket.test', 'https://timeout.test'])(
    'a full queue is not retried: %s',
    async (origin) => {
      const { server, fetch } = setup([{ delayMs: 100, times: Infinity }], {
        concurrencyGate: { limit: 1, maxQueue: 0 },
      })
      const [first, second] = [watch(fetch(`${origin}/a`)), watch(fetch(`${origin}/b`))]
      await flush(3)
      expect(second.outcome).toHaveProperty('error.name', 'QueueFullError')
      await vi.advanceTimersByTimeAsync(100)
      expect(first.outcome).toHaveProperty('value')
      expect(server.times).toHaveLength(1)
    },
  )

  test('a budget that is used up: nothing is sent, nothing is retried, the gate stays open', async () => {
    const { server, fetch } = setup([{ headers: { 'x-credits-charged': '1' }, times: Infinity }], {
      creditMeter: { budget: 2, stopAt: 100 },
    })
    await fetch(TARGET)
    await fetch(TARGET)
    for (let i = 0; i < 5; i++) await expect(fetch(TARGET)).rejects.toHaveProperty('name', 'BudgetExceededError')
    expect(server.times).toHaveLength(2)
    expect(fetch.stats(KEY)).toEqual({ limit: 4, active: 0, queued: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('an abort rejects at once with its reason, wherever the call is', () => {
  const waits: [string, ScriptEntry[]][] = [
    ['in flight', [{ delayMs: 1000 }]],
    ['held', [{ status: 429, headers: { 'retry-after': '10' } }]],
    ['backing off', [500]],
    ['refused for too many', [TOO_MANY]],
    // The first is asked again at once: was it chance?
    ['probing', [429, 429]],
  ]
  test.each(waits)('%s', async (_, script) => {
    const { fetch } = setup(script)
    expect(await abortAfter(20, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
    expect(fetch.stats(KEY)).toMatchObject({ active: 0, queued: 0 })
  })

  test('in the queue', async () => {
    const { fetch } = setup([{ delayMs: 100 }], { concurrencyGate: { limit: 1 } })
    const first = watch(fetch(TARGET))
    const controller = new AbortController()
    const second = watch(fetch(TARGET, { signal: controller.signal }))
    controller.abort('enough')
    await flush()
    expect(second.outcome).toEqual({ error: 'enough' })
    await vi.advanceTimersByTimeAsync(100)
    expect(first.outcome).toHaveProperty('value')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a call that ends well leaves no timer, and no listener of ours', async () => {
    const { fetch } = setup([500, { status: 429, headers: { 'retry-after': '1' } }, reset(), 200], {
      timeoutMs: 60_000,
    })
    const { signal } = new AbortController()
    expect(await statusOf(fetch(TARGET, { signal }))).toBe(200)
    expect(listeners(signal)).toBeLessThanOrEqual(await platformListeners())
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a drop-in', () => {
  test("the inner fetch gets the caller's own arguments; the caller the server's own Response", async () => {
    const given = new Response('x')
    const init = { method: 'PUT', body: 'x', dispatcher: { mine: true } } as RequestInit
    const { server, fetch } = setup([given])
    expect(await fetch(TARGET, init)).toBe(given)
    expect(server.inner.requests[0]).toMatchObject({ input: TARGET, init })
  })

  test('no header is added', async () => {
    const { server, fetch } = setup([500, 200])
    await settled(fetch(TARGET, { headers: { 'x-mine': '1' } }))
    for (const { headers } of server.inner.requests) expect([...headers]).toEqual([['x-mine', '1']])
  })

  test('against a metered API nobody told it about: every call is answered', async () => {
    const api = createMockApi({
      windows: [{ limit: 10, windowMs: 1000 }],
      concurrency: 3,
      credits: { balance: 1000, cost: 2 },
      latencyMs: 20,
      flaky: { rate: 0.05 },
    })
    const fetch = aplomb({ fetch: api.fetch })
    const calls = Array.from({ length: 60 }, (_, i) => fetch(`${KEY}/v1/lookup/192.0.2.${i}`))
    const results = await outcomes(calls)
    expect(results.filter((one) => 'value' in one && one.value.ok)).toHaveLength(60)
    const { creditsSpent, rejections } = api.stats()
    const { reset: lost = 0 } = rejections.flaky
    expect(creditsSpent).toBe(120)
    expect(lost).toBeGreaterThan(0)
    // What was lost may have been charged, until the server says what is left.
    expect(fetch.usage(KEY)).toMatchObject({ spent: 120 + 2 * lost, left: 880 })
    expect(vi.getTimerCount()).toBe(0)
  })
})
