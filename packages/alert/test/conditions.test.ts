import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { creditMeter } from '@aplomb/credit-meter'
import { backoffJitter } from '@aplomb/backoff-jitter'
import { middleware, type CallEvent, type Middleware } from '@aplomb/pipeline'
import { retryAfter } from '@aplomb/retry-after'
import { respond } from '@aplomb/mock-api'
import { API, URL_A, alerted, changing, short } from './helpers.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12) })
})
afterEach(() => {
  if (vi.getTimerCount() > 0) throw new Error('a timer is left')
  vi.useRealTimers()
})

const MINUTE = 60_000
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const status =
  (code: number, headers: Record<string, string> = {}) =>
  () =>
    new Response(null, { status: code, headers })
const quota = () => Response.json({ error: { code: 'insufficient_quota', message: 'Ask Bob' } }, { status: 429 })

const emitting = (...events: readonly object[]): Middleware =>
  middleware('emitting', async (request, next, call) => {
    for (const event of events) call.emit({ call: call.id, key: call.key, ...event } as CallEvent)
    return next(request)
  })

describe('1. a refusal for want of money', () => {
  test('alerts at once, with all that there is to know, and is over with a good answer', async () => {
    const inner = changing()
    const { fetch, told } = alerted(inner)
    inner.answer = status(402)
    await fetch(URL_A)
    const known = {
      sequence: 1,
      api: API,
      key: API,
      condition: 'billing',
      since: '2026-11-22T12:00:00.000Z',
      id: told[0]?.id,
    }
    expect(told[0]).toEqual({
      ...known,
      id: expect.stringMatching(/^[a-z\d]+-[a-z\d]+$/) as string,
      state: 'firing',
      at: '2026-11-22T12:00:00.000Z',
      endpoint: 'GET /v1/lookup/:id',
      evidence: '402',
      message: 'https://api.example.com wants to be paid: GET /v1/lookup/:id was refused (402).',
    })
    await pass(3 * MINUTE)
    inner.answer = status(200)
    await fetch(URL_A)
    expect(told[1]).toEqual({
      ...known,
      sequence: 2,
      state: 'resolved',
      at: '2026-11-22T12:03:00.000Z',
      message: 'https://api.example.com serves calls again, after 3 min.',
    })
    await pass(3 * MINUTE)
    await fetch(URL_A)
    expect(told).toHaveLength(2)
  })

  test('a 429 whose body says that the account is empty, too', async () => {
    const inner = changing()
    inner.answer = quota
    const { fetch, told } = alerted(inner)
    await fetch(URL_A)
    expect(told).toMatchObject([{ condition: 'quota-exhausted', state: 'firing' }])
    expect(told[0]?.message).toMatch(
      /^The allowance of https:\/\/api.example.com is used up: GET \/v1\/lookup\/:id was/,
    )
    expect(told[0]?.message).not.toContain('Bob')
  })

  test.each([
    ['above', (meter: Middleware) => [meter, backoffJitter()]],
    ['below', (meter: Middleware) => [backoffJitter(), meter]],
  ])('once, if a credit meter %s the backoff alerts of it as well', async (_, below) => {
    const onAlert = vi.fn()
    const { fetch, told } = alerted(respond({ status: 402, times: 3 }), {}, below(creditMeter({ onAlert })))
    for (let i = 0; i < 3; i++) await fetch(URL_A)
    expect(onAlert).toHaveBeenCalledTimes(1)
    expect(short(told)).toEqual(['billing firing'])
    expect(told[0]).toMatchObject({ endpoint: 'GET /v1/lookup/:id', evidence: '402' })
  })

  test('is not over while calls under way, or sent within a minute, still succeed', async () => {
    const inner = changing()
    const { fetch, told } = alerted(inner)
    inner.answer = () => new Promise((resolve) => setTimeout(() => resolve(new Response()), 2 * MINUTE))
    const slow = fetch(URL_A)
    inner.answer = status(402)
    await fetch(URL_A)
    await pass(30_000)
    inner.answer = status(200)
    await fetch(URL_A)
    await pass(2 * MINUTE)
    await slow
    expect(short(told)).toEqual(['billing firing'])
    await fetch(URL_A)
    expect(short(told)).toEqual(['billing firing', 'billing resolved'])
  })

  test('is not over with an answer that is free, or from an endpoint that may be', async () => {
    const inner = changing()
    const { fetch, told } = alerted(inner)
    inner.answer = status(402)
    await fetch(URL_A)
    await pass(MINUTE)
    inner.answer = status(200, { 'x-credits-charged': '0' })
    await fetch(URL_A)
    inner.answer = status(200)
    await fetch(`${API}/v1/status`)
    inner.answer = status(404)
    await fetch(URL_A)
    expect(short(told)).toEqual(['billing firing'])
    inner.answer = status(200, { 'x-credits-charged': '2' })
    await fetch(`${API}/v1/other`)
    expect(short(told)).toEqual(['billing firing', 'billing resolved'])
  })
})

describe('2. alerts of other middlewares', () => {
  test('each threshold of a credit meter is passed on; a new period ends it', async () => {
    const meter = creditMeter({ budget: 10 })
    const { fetch, told } = alerted(
      respond({ headers: { 'x-credits-charged': '1' }, times: 20 }),
      { coolDownMs: Infinity },
      [meter],
    )
    for (let i = 0; i < 10; i++) await fetch(URL_A)
    expect(told).toMatchObject([
      { condition: 'threshold', state: 'firing', left: 2, message: `80 % of the credits for ${API} are used: 8 of 10` },
      {
        condition: 'threshold',
        state: 'firing',
        left: 0,
        message: `100 % of the credits for ${API} are used: 10 of 10`,
      },
    ])
    expect(new Set(told.map(({ id }) => id)).size).toBe(1)
    vi.setSystemTime(Date.UTC(2026, 11, 1))
    await fetch(URL_A)
    expect(told[2]).toMatchObject({
      id: told[0]?.id,
      sequence: 3,
      state: 'resolved',
      left: 9,
      message: 'https://api.example.com: 9 credits are left: some were added, or a new period has begun.',
    })
    expect(told).toHaveLength(3)
  })

  test('a little that comes back does not end a threshold', async () => {
    const inner = changing()
    const { fetch, told } = alerted(inner, {}, [creditMeter()])
    const left = async (remaining: number): Promise<void> => {
      const headers = { 'x-credits-remaining': String(remaining), 'x-credits-limit': '1000' }
      inner.answer = status(200, headers)
      await fetch(URL_A)
    }
    await left(150)
    await left(300)
    expect(short(told)).toEqual(['threshold firing'])
    await left(301)
    expect(short(told)).toEqual(['threshold firing', 'threshold resolved'])
  })

  test('any other condition, once per cool-down', async () => {
    const event = { type: 'alert', by: 'mine', condition: 'odd', message: 'The key sk-abcdefghijklmnop is odd' }
    const { fetch, told } = alerted(respond({ times: 3 }), {}, [emitting(event)])
    await fetch(URL_A)
    await fetch(URL_A)
    expect(told).toMatchObject([{ condition: 'odd', message: 'The key [redacted] is odd', key: API }])
    await pass(60 * MINUTE)
    await fetch(URL_A)
    expect(told).toHaveLength(2)
  })

  test('a condition may be a secret, too', async () => {
    const event = { type: 'alert', by: 'mine', condition: 'sk-abcdefghijklmnop', message: '' }
    const { fetch, told } = alerted(respond(200), {}, [emitting(event)])
    await fetch(URL_A)
    expect(told).toMatchObject([{ condition: '[redacted]' }])
  })

  test('billing that only another middleware has seen is over as any', async () => {
    let isBlocked = true
    const event = { type: 'alert', by: 'mine', condition: 'billing', message: 'The invoice is overdue' }
    const blocked = emitting(event)
    const { fetch, told } = alerted(respond({ times: 2 }), {}, [
      (request, next) => (isBlocked ? blocked(request, next) : next(request)),
    ])
    await fetch(URL_A)
    isBlocked = false
    await pass(MINUTE)
    await fetch(URL_A)
    expect(short(told)).toEqual(['billing firing', 'billing resolved'])
    expect(told[0]?.message).toBe('The invoice is overdue')
  })

  test('of conditions without end, only a few are kept apart', async () => {
    const events = Array.from({ length: 100 }, (_, i) => ({
      type: 'alert',
      by: 'mine',
      condition: `c${i}`,
      message: '',
    }))
    const { fetch, told, alerts } = alerted(respond(200), {}, [emitting(...events)])
    await fetch(URL_A)
    await alerts.flush()
    expect(told.length).toBeLessThan(25)
  })
})

describe('7. hold', () => {
  const refusing = (seconds: number) => status(429, { 'retry-after': String(seconds) })

  test('a server that asks for more than holdMs alerts at once, whether that is waited for or not', async () => {
    const inner = changing()
    inner.answer = refusing(3600)
    const { fetch, told } = alerted(inner, {}, [retryAfter()])
    await fetch(URL_A)
    expect(told).toMatchObject([
      {
        condition: 'hold',
        state: 'firing',
        heldMs: 3_600_000,
        evidence: '429, retry-after 3600 s',
        message:
          'https://api.example.com lets no call through for 60 min in all, until 2026-11-22T13:00:00.000Z or longer (429, retry-after 3600 s).',
      },
    ])
    await pass(30 * MINUTE)
    inner.answer = status(200)
    await fetch(URL_A)
    expect(told).toHaveLength(1)
    await pass(30 * MINUTE)
    await fetch(URL_A)
    expect(told[1]).toMatchObject({
      state: 'resolved',
      message: 'https://api.example.com serves calls again, after 60 min.',
    })
  })

  test('but not of one that only prose speaks of', async () => {
    const inner = changing()
    inner.answer = () => Response.json({ message: 'Rate limit reached, try again in 50 minutes' }, { status: 400 })
    const { fetch, told } = alerted(inner, {}, [retryAfter()])
    await fetch(URL_A)
    expect(told).toEqual([])
  })

  test('short holds add up while no call goes through', async () => {
    const inner = changing()
    inner.answer = refusing(20)
    const { fetch, told } = alerted(inner, {}, [retryAfter({ maxAttempts: 100 })])
    const pending = fetch(URL_A)
    await pass(55_000)
    expect(told).toEqual([])
    await pass(10_000)
    expect(told).toMatchObject([{ condition: 'hold', heldMs: 80_000 }])
    inner.answer = status(200)
    await pass(MINUTE)
    await pending
    expect(short(told)).toEqual(['hold firing', 'hold resolved'])
  })

  test('but not if calls go through in between, though the last of them return after the next refusal', async () => {
    const inner = changing()
    const { fetch, told } = alerted(inner)
    const slow = () => new Promise<Response>((resolve) => setTimeout(() => resolve(new Response()), 1000))
    for (let i = 0; i < 6; i++) {
      const answers = [slow, refusing(25)]
      inner.answer = () => answers.shift()?.() ?? new Response(null, { status: 400 })
      const calls = Promise.all([fetch(URL_A), fetch(URL_A)])
      await pass(30_000)
      expect((await calls).map((response) => response.status)).toEqual([200, 429])
    }
    expect(told).toEqual([])
  })

  test('nor if the same hold is told of twice, or nobody called in between', async () => {
    const inner = changing()
    const { fetch, told } = alerted(inner)
    for (let i = 0; i < 3; i++) {
      inner.answer = refusing(20)
      await Promise.all([fetch(URL_A), fetch(URL_A), fetch(URL_A)])
      await pass(60 * MINUTE)
    }
    expect(told).toEqual([])
  })

  test('holds that another process began count, too', async () => {
    const { fetch, told } = alerted(respond(200), {}, [
      emitting({ type: 'hold', by: 'redis', reason: '503, retry-after 90', waitMs: 90_000 }),
    ])
    await fetch(URL_A)
    expect(told[0]).toMatchObject({ condition: 'hold', heldMs: 90_000, evidence: '503, retry-after 90' })
  })

  test('it is told of before the wait, not after it', async () => {
    const inner = changing()
    inner.answer = refusing(90)
    const { fetch, told } = alerted(inner, {}, [backoffJitter({ maxMs: 120_000 })])
    const call = fetch(URL_A)
    await pass(0)
    expect(short(told)).toEqual(['hold firing'])
    inner.answer = status(200)
    await pass(100_000)
    await call
    expect(short(told)).toEqual(['hold firing', 'hold resolved'])
  })

  test('holdMs: Infinity alerts of none, 0 of each', async () => {
    for (const [holdMs, count] of [
      [Infinity, 0],
      [0, 1],
    ] as const) {
      const { fetch, told } = alerted(respond({ status: 429, headers: { 'retry-after': '86400' } }), { holdMs })
      await fetch(URL_A)
      expect(told).toHaveLength(count)
    }
  })
})

describe('8. each condition of a key', () => {
  test('alerts once, and again when the cool-down is over', async () => {
    const inner = changing()
    inner.answer = status(402)
    const { fetch, told } = alerted(inner, { coolDownMs: 10 * MINUTE })
    for (let minute = 0; minute < 25; minute++) {
      await fetch(URL_A)
      await pass(MINUTE)
    }
    expect(told.map(({ at }) => at.slice(11, 16))).toEqual(['12:00', '12:10', '12:20'])
    expect(new Set(told.map(({ id, since }) => id + since)).size).toBe(1)
  })

  test('alerts anew, as another incident, when it was over', async () => {
    const inner = changing()
    const { fetch, told } = alerted(inner)
    for (const code of [402, 200, 402]) {
      inner.answer = status(code)
      await fetch(URL_A)
      await pass(MINUTE)
    }
    expect(short(told)).toEqual(['billing firing', 'billing resolved', 'billing firing'])
    expect(told[0]?.id).toBe(told[1]?.id)
    expect(told[2]?.id).not.toBe(told[0]?.id)
  })

  test('is apart from other conditions and other keys', async () => {
    const inner = changing()
    const { fetch, told } = alerted(inner)
    for (const url of [URL_A, 'https://other.example.com/v1/x']) {
      inner.answer = status(402)
      await fetch(url)
      inner.answer = status(429, { 'retry-after': '3600' })
      await fetch(url)
    }
    expect(told.map(({ condition, api }) => `${condition} ${api}`)).toEqual([
      'billing https://api.example.com',
      'hold https://api.example.com',
      'billing https://other.example.com',
      'hold https://other.example.com',
    ])
  })

  test('is one for an account that is empty, whatever its refusals are called', async () => {
    const inner = changing()
    const meter = creditMeter({ budget: 30 })
    const { fetch, told } = alerted(inner, {}, [backoffJitter(), retryAfter(), meter])
    const empty = { 'x-credits-remaining': '0', 'x-credits-charged': '0' }
    inner.answer = status(200, { 'x-credits-remaining': '5', 'x-credits-charged': '25' })
    await fetch(URL_A)
    expect(told.map(({ message }) => message)).toEqual([`80 % of the credits for ${API} are used: 25 of 30`])
    for (const refuse of [status(402, empty), quota, status(402, empty), quota]) {
      inner.answer = refuse
      await fetch(URL_A).catch((error: unknown) => error)
      await pass(MINUTE)
    }
    expect(short(told)).toEqual(['threshold firing', 'billing firing'])
  })

  test.each([
    ['money', status(402), 12],
    ['a hold', status(429, { 'retry-after': '61' }), 12],
  ])('that comes and goes each minute for ten hours (%s) is told of a few times', async (_, refuse, count) => {
    const inner = changing()
    const { fetch, told } = alerted(inner)
    for (let minute = 0; minute < 600; minute++) {
      inner.answer = minute % 2 === 0 ? refuse : status(200)
      await fetch(URL_A)
      await pass(MINUTE + 2000)
    }
    expect(told.length).toBeLessThanOrEqual(count)
    expect(told.at(-1)?.state).toBe('firing')
    // And when it stays away, its end is told.
    await pass(60 * MINUTE)
    inner.answer = status(200)
    await fetch(URL_A)
    expect(told.at(-1)?.state).toBe('resolved')
  })

  test('has a number for each alert of an incident: two of one moment are told apart', async () => {
    const events = [80, 95].map((one) => ({ type: 'alert', by: 'mine', condition: 'threshold', message: `${one} %` }))
    const { fetch, told } = alerted(respond(200), {}, [emitting(...events)])
    await fetch(URL_A)
    expect(told.map(({ id, at, sequence }) => [id, at, sequence])).toEqual([
      [told[0]?.id, told[0]?.at, 1],
      [told[0]?.id, told[0]?.at, 2],
    ])
  })

  test('is forgotten for a thousand other keys: memory is bounded', async () => {
    const inner = changing()
    inner.answer = status(402)
    const { fetch, told } = alerted(inner)
    for (let i = 0; i < 1001; i++) await fetch(`https://api${i}.example.com/`)
    await fetch('https://api1000.example.com/')
    expect(told).toHaveLength(1001)
    await fetch('https://api0.example.com/')
    expect(told).toHaveLength(1002)
  })
})
