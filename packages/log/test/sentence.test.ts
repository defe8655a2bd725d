import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { middleware, type CallEvent, type Fetch, type Middleware } from '@aplomb/pipeline'
import { respond } from '@aplomb/mock-api'
import { sentence } from '../src/sentence.ts'
import { logged } from './helpers.ts'

const KEY = 'https://api.example.com'
const URL_A = `${KEY}/v1/lookup/8.8.8.8`

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12) })
})
afterEach(() => {
  vi.useRealTimers()
})

const waiting = (queue: number, hold = 0, backoff = 0, place?: number): Middleware =>
  middleware('waiting', async (request, next, call) => {
    if (place !== undefined)
      call.emit({ type: 'queue', call: call.id, key: call.key, queued: place, active: 3, limit: 3 })
    call.waited('queue', queue)
    call.waited('hold', hold)
    call.waited('backoff', backoff)
    return next(request)
  })

const said = async (inner: Fetch, below: readonly Middleware[] = []): Promise<string[]> => {
  const { fetch, records } = logged(inner, {}, below)
  const pending = fetch(URL_A).catch(() => undefined)
  await vi.advanceTimersByTimeAsync(60_000)
  await pending
  return records.map(sentence)
}

describe('13. the sentence of a record', () => {
  test('tells the time of the server from the time before', async () => {
    const quota = { status: 429, delayMs: 16, body: { error: { code: 'insufficient_quota', message: 'All gone' } } }
    expect(await said(respond(quota), [waiting(3104, 0, 0, 14)])).toEqual([
      'GET /v1/lookup/:id: 429 in 16 ms, after 3104 ms in the queue (place 14, 3 at once): ' +
        'quota-exhausted (code "insufficient_quota"), returned: "All gone"',
      'GET /v1/lookup/:id: ended with 429 after 16 ms (3104 ms in the queue and 16 ms for the answer): ' +
        'quota-exhausted (code "insufficient_quota"): "All gone"; to do: pay, or wait for the next period',
    ])
  })

  test('names each wait that there was, and no other', async () => {
    const [attempt] = await said(respond({ delayMs: 150 }), [waiting(0.4, 12_345, 180_000)])
    expect(attempt).toBe('GET /v1/lookup/:id: 200 in 150 ms, after 12.3 s on hold and 3 min backing off')
    expect(await said(respond({ delayMs: 150 }))).toEqual([
      'GET /v1/lookup/:id: 200 in 150 ms',
      'GET /v1/lookup/:id: ended with 200 after 150 ms',
    ])
  })

  test('says what is next, which attempt it was, and who gave up why', async () => {
    const twice = middleware('twice', async (request, next, call) => {
      await next(request)
      const { id, key } = call
      call.emit({ type: 'retry', call: id, key, by: 'twice', attempt: 1, reason: 'overloaded: 503', waitMs: 1500 })
      call.waited('backoff', 1500)
      const response = await next(request)
      call.giveUp('twice', 'twice is enough')
      return response
    })
    expect(await said(respond(503, 503), [twice])).toEqual([
      'GET /v1/lookup/:id: 503 in 0 ms: overloaded, to be sent again',
      'GET /v1/lookup/:id: sent again in 1500 ms at the earliest (twice: overloaded: 503)',
      'GET /v1/lookup/:id: attempt 2: 503 in 0 ms, after 1500 ms backing off: overloaded, returned',
      'GET /v1/lookup/:id: ended with 503 after 2 attempts and 0 ms (1500 ms backing off and 0 ms for the answers): ' +
        'overloaded; given up by twice: twice is enough; to do: try later',
    ])
  })

  test('has the error and its cause where there is no answer', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const [attempt, call] = await said(respond(new TypeError('fetch failed', { cause: refused })))
    expect(attempt).toBe(
      'GET /v1/lookup/:id: TypeError in 0 ms: network ("ECONNREFUSED"), thrown: "fetch failed", because of connect ECONNREFUSED',
    )
    expect(call).toContain('; to do: look at the network and the host')
  })

  test('of a call that left the line unsent says how long it stood there', async () => {
    const full = middleware('full', async (_request, _next, call) => {
      call.emit({ type: 'queue', call: call.id, key: call.key, queued: 2, active: 1, limit: 1 })
      await new Promise((resolve) => setTimeout(resolve, 3000))
      throw new Error('waited in line for 3 s')
    })
    expect(await said(respond(), [full])).toEqual([
      'GET /v1/lookup/:id: ended with Error without being sent, after 3000 ms (3000 ms in the queue): unknown (that is no network failure): "waited in line for 3 s"',
    ])
  })

  test.each([
    [400, 'fix the request'],
    [401, 'fix the key'],
    [402, 'pay'],
    [403, 'fix the plan, what the key may do, or what a firewall lets through'],
    [404, 'fix the URL'],
    [422, 'fix the data'],
    [500, 'try later, or tell who runs it'],
  ])('says what to do after a %i: %s', async (status, advice) => {
    expect((await said(respond(status))).at(-1)).toMatch(new RegExp(`; to do: ${advice}$`))
  })
})

describe('14. what concerns a whole key is told once, and not by each call', () => {
  /** Emits events in some calls, one second apart. */
  const news = async (...calls: readonly (readonly object[])[]): Promise<string[]> => {
    const script = calls.map((events) => [...events])
    const { fetch, records } = logged(
      respond({ times: calls.length }),
      {},
      [
        middleware('telling', async (request, next, call) => {
          for (const event of script.shift() ?? [])
            call.emit({ call: call.id, key: call.key, by: 'some', ...event } as CallEvent)
          return next(request)
        }),
      ],
      {},
    )
    for (const _ of calls) {
      await fetch(URL_A)
      await vi.advanceTimersByTimeAsync(1000)
    }
    const told = records.filter(({ event }) => !['attempt', 'call'].includes(event))
    return told.map((record) => `${record.level} ${record.timestamp.slice(17, 19)} ${sentence(record)}`)
  }
  const limit = (previous: number, now: number, queued = 0) => ({
    type: 'limit',
    limit: now,
    previous,
    queued,
    reason: now < previous ? 'overloaded' : 'all goes well',
  })
  const hold = (waitMs: number) => ({ type: 'hold', waitMs, reason: '429, retry-after' })

  test('a limit that falls, and how it comes back', async () => {
    expect(await news([limit(16, 3, 17)], [], [limit(3, 4)], [limit(4, 8), limit(8, 16)], [limit(16, 32)])).toEqual([
      `warn 00 ${KEY}: 3 calls at once instead of 16, 17 in line (overloaded)`,
      `info 02 ${KEY}: 4 calls at once instead of 3 (all goes well)`,
      `info 03 ${KEY}: 8 calls at once instead of 4 (all goes well)`,
      `info 04 ${KEY}: 32 calls at once instead of 8 (all goes well)`,
    ])
  })

  test('but not one that only grows, as nobody waits for that', async () => {
    expect(await news([limit(4, 8)], [limit(8, 16)])).toEqual([])
  })

  test('at most once a second, and then what holds', async () => {
    const flapping = Array.from({ length: 50 }, () => [limit(2, 1), limit(1, 2)]).flat()
    expect(await news([...flapping, limit(2, 1)], [], [])).toEqual([
      `warn 00 ${KEY}: 1 call at once instead of 2 (overloaded)`,
    ])
  })

  test('also if it is what it was before', async () => {
    const flapping = Array.from({ length: 50 }, () => [limit(2, 1), limit(1, 2)]).flat()
    expect(await news(flapping, [], [])).toEqual([
      `warn 00 ${KEY}: 1 call at once instead of 2 (overloaded)`,
      `info 01 ${KEY}: 2 calls at once instead of 1 (all goes well)`,
    ])
  })

  test('a pause at the same limit', async () => {
    expect(await news([{ ...limit(3, 3, 7), reason: 'the server fails: probing' }])).toEqual([
      `warn 00 ${KEY}: calls wait but for single ones, 7 in line (the server fails: probing)`,
    ])
  })

  test('a hold, though a hundred calls are told so, and again when it gets longer', async () => {
    const many = Array.from({ length: 100 }, (_, i) => hold(2000 + i))
    expect(await news([hold(900)])).toEqual([])
    expect(await news(many, [hold(1900)], [hold(30_000)])).toEqual([
      `warn 01 ${KEY}: all calls wait for 2000 ms (some: 429, retry-after)`,
      `warn 03 ${KEY}: all calls wait for 30 s (some: 429, retry-after)`,
    ])
  })

  test('an alert, once a minute, as an error where it is about money', async () => {
    const alert = (condition: string, message: string) => ({ type: 'alert', condition, message })
    const events = [alert('threshold', `80 % of ${KEY}`), alert('billing', 'Pay'), alert('billing', 'Pay')]
    expect(await news(events, events)).toEqual([
      `warn 00 80 % of ${KEY} (alert of some: threshold)`,
      `error 00 ${KEY}: Pay (alert of some: billing); to do: pay`,
    ])
    const flood = Array.from({ length: 100 }, (_, i) => alert('odd', `${i}`))
    expect(await news(flood)).toHaveLength(20)
  })

  test('each key for itself, also of another that a redirect led to', async () => {
    const elsewhere = { ...hold(2000), key: 'https://other.example.com' }
    expect(await news([hold(2000), elsewhere], [elsewhere])).toEqual([
      `warn 00 ${KEY}: all calls wait for 2000 ms (some: 429, retry-after)`,
      'warn 00 https://other.example.com: all calls wait for 2000 ms (some: 429, retry-after)',
    ])
  })
})
