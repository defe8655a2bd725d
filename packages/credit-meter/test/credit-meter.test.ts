import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { classify } from '@aplomb/classify'
import { compose, createFetch } from '@aplomb/pipeline'
import { respond } from '@aplomb/mock-api'
import { BudgetExceededError, creditMeter, type CreditAlert } from '../src/index.ts'
import { costs, KEY, pipelineOf, URL_A } from './helpers.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12) })
})
afterEach(() => {
  if (vi.getTimerCount() > 0) throw new Error('a timer is left')
  vi.useRealTimers()
})

describe('1. every attempt that was answered is charged once', () => {
  test('by the cost header, whatever the status', async () => {
    const meter = creditMeter()
    const { fetch } = pipelineOf(meter, respond(costs(3), { status: 404, ...costs(1) }, { status: 500, ...costs(2) }))
    for (let i = 0; i < 3; i++) await fetch(URL_A)
    expect(meter.usage().spent).toBe(6)
    expect(meter.usage().attempts).toBe(3)
  })

  test('each attempt of a retried call', async () => {
    const meter = creditMeter()
    const again = compose(async (request, next) => {
      await next(request)
      return next(request)
    })
    const fetch = createFetch([again, meter, classify()], { fetch: respond({ status: 503, ...costs(1) }, costs(5)) })
    await fetch(URL_A)
    expect(meter.usage()).toMatchObject({ spent: 6, attempts: 2 })
  })

  test('by cost() if no header tells, at 0 without one, and never by nonsense', async () => {
    const meter = creditMeter({ cost: (response) => (response.headers.has('x-free') ? NaN : 7) })
    const { fetch } = pipelineOf(meter, respond(200, costs(2), { headers: { 'x-free': '1' } }))
    for (let i = 0; i < 3; i++) await fetch(URL_A)
    expect(meter.usage().spent).toBe(9)

    const silent = creditMeter()
    await pipelineOf(silent, respond(200)).fetch(URL_A)
    expect(silent.usage()).toMatchObject({ spent: 0, attempts: 1 })
    expect(silent.usage().endpoints).toEqual([{ endpoint: '/v1/lookup/:id', spent: 0, attempts: 1 }])
  })

  test('a fixed cost is a number', async () => {
    const meter = creditMeter({ cost: 0.1 })
    const { fetch } = pipelineOf(meter, respond({ times: 3 }))
    for (let i = 0; i < 3; i++) await fetch(URL_A)
    expect(meter.usage().spent).toBe(0.3)
  })

  test('a promised cost is charged when it is known, and nobody waits for it', async () => {
    const meter = creditMeter({
      cost: async (response) => {
        const text = await response.clone().text()
        await new Promise((resolve) => setTimeout(resolve, 1000))
        return (JSON.parse(text) as { used: number }).used
      },
    })
    const { fetch } = pipelineOf(meter, respond({ body: { used: 4 } }))
    const response = await fetch(URL_A)
    expect(meter.usage().spent).toBe(0)
    await vi.advanceTimersByTimeAsync(1000)
    expect(meter.usage().spent).toBe(4)
    expect(await response.json()).toEqual({ used: 4 })
  })

  test('a cost function that fails changes nothing', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    for (const cost of [
      () => {
        throw new Error('no')
      },
      () => Promise.reject(new Error('no')),
    ]) {
      const meter = creditMeter({ cost })
      const response = await pipelineOf(meter, respond(200)).fetch(URL_A)
      expect(response.status).toBe(200)
      await vi.advanceTimersByTimeAsync(0)
      expect(meter.usage()).toMatchObject({ spent: 0, attempts: 1 })
    }
  })

  test('not a failure before sending, nor an answer that came from below without being sent', async () => {
    const meter = creditMeter({ cost: 1 })
    const refused = new TypeError('fetch failed', {
      cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED', syscall: 'connect' }),
    })
    await expect(pipelineOf(meter, respond(refused)).fetch(URL_A)).rejects.toBe(refused)
    const slow = new TypeError('fetch failed', {
      cause: Object.assign(new Error('slow'), { code: 'ETIMEDOUT', syscall: 'connect' }),
    })
    await expect(pipelineOf(meter, respond(slow)).fetch(URL_A)).rejects.toBe(slow)
    const bad = new TypeError('bad argument')
    await expect(pipelineOf(meter, respond(bad)).fetch(URL_A)).rejects.toBe(bad)
    const cached = createFetch([meter, async () => new Response('cached', costs(9))], { fetch: respond() })
    await cached(URL_A)
    expect(meter.usage()).toMatchObject({ spent: 0, attempts: 0, reserved: 0 })
  })

  test.each([
    [
      'reset',
      () => new TypeError('fetch failed', { cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) }),
    ],
    ['timed out', () => new DOMException('too late', 'TimeoutError')],
  ])('one whose answer was lost (%s) keeps what its endpoint is expected to cost', async (_, lost) => {
    const meter = creditMeter({ budget: 20, stopAt: 100 })
    const { fetch, events } = pipelineOf(meter, respond(lost(), costs(2), costs(5), lost()))
    await expect(fetch(URL_A)).rejects.toMatchObject({ name: lost().name })
    expect(meter.usage()).toMatchObject({ spent: 0, attempts: 1, reserved: 0 })
    expect(events.filter(({ type }) => type === 'credits')).toEqual([])
    await fetch(URL_A)
    await fetch(URL_A)
    await expect(fetch(URL_A)).rejects.toMatchObject({ name: lost().name })
    expect(meter.usage()).toMatchObject({ spent: 12, attempts: 4, reserved: 0, left: 8 })
    expect(events.filter(({ type }) => type === 'credits').map((event) => 'cost' in event && event.cost)).toEqual([
      2, 5, 5,
    ])
  })

  test('one that the caller aborts once it was sent, too; the abort waits for nothing', async () => {
    const meter = creditMeter({ cost: 3 })
    const { fetch } = pipelineOf(meter, respond({ delayMs: 1000 }))
    const controller = new AbortController()
    const call = fetch(URL_A, { signal: controller.signal })
    await vi.advanceTimersByTimeAsync(10)
    controller.abort()
    await expect(call).rejects.toBe(controller.signal.reason)
    await vi.advanceTimersByTimeAsync(0)
    expect(meter.usage()).toMatchObject({ spent: 3, attempts: 1, reserved: 0 })
    await expect(fetch(URL_A, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    expect(meter.usage()).toMatchObject({ spent: 3, attempts: 1 })
  })

  test('and what it cost is told, also if nothing; but nothing is told where neither cost nor balance is known', async () => {
    const told = async (meter: ReturnType<typeof creditMeter>, headers: Record<string, string> = {}) => {
      const { fetch, events } = pipelineOf(meter, respond({ headers }))
      await fetch(URL_A)
      return events.filter(({ type }) => type === 'credits')
    }
    expect(await told(creditMeter(), { 'x-credits-charged': '3' })).toMatchObject([{ cost: 3, spent: 3 }])
    expect(await told(creditMeter(), { 'x-credits-charged': '0' })).toMatchObject([{ cost: 0, spent: 0 }])
    expect(await told(creditMeter(), { 'x-credits-remaining': '9' })).toMatchObject([{ left: 9 }])
    expect(await told(creditMeter({ cost: 0 }))).toMatchObject([{ cost: 0 }])
    expect(await told(creditMeter())).toEqual([])
    expect(await told(creditMeter({ budget: 10, cost: () => undefined }))).toEqual([])
  })

  test('bare, without a pipeline', async () => {
    const meter = creditMeter({ cost: 2 })
    await meter(new Request(URL_A), respond(200))
    expect(meter.usage(KEY).spent).toBe(2)
  })
})

describe('2. by key and by endpoint', () => {
  test('ids do not make rows', async () => {
    const meter = creditMeter({ cost: 1 })
    const { fetch } = pipelineOf(meter, respond({ times: Infinity }))
    for (const path of ['/v1/lookup/8.8.8.8', '/v1/lookup/1.1.1.1?x=1', '/v1/usage']) await fetch(KEY + path)
    await fetch('https://other.example.com/v1/usage')
    expect(meter.usage().endpoints).toEqual([
      { endpoint: '/v1/lookup/:id', spent: 2, attempts: 2 },
      { endpoint: '/v1/usage', spent: 2, attempts: 2 },
    ])
    expect(meter.usage(KEY).spent).toBe(3)
    expect(Object.keys(meter.usage().keys)).toEqual([KEY, 'https://other.example.com'])
  })

  test('an endpoint function of the user decides', async () => {
    const meter = creditMeter({ cost: 1, endpoint: ({ method }) => method })
    await pipelineOf(meter, respond(200)).fetch(URL_A, { method: 'POST' })
    expect(meter.usage().endpoints[0]?.endpoint).toBe('POST')
  })

  test('one that fails changes nothing: the path is the row', async () => {
    const report = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const endpoint = (): string => {
      throw new Error('no')
    }
    const meter = creditMeter({ cost: 1, endpoint })
    expect((await pipelineOf(meter, respond(200)).fetch(URL_A)).status).toBe(200)
    expect(meter.usage().endpoints).toEqual([{ endpoint: '/v1/lookup/:id', spent: 1, attempts: 1 }])
    expect(report).toHaveBeenCalledOnce()
  })

  test('no more than 200 rows and one for the others', async () => {
    const meter = creditMeter({ cost: 1, endpoint: ({ url }) => url })
    const { fetch } = pipelineOf(meter, respond({ times: Infinity }))
    for (let i = 0; i < 250; i++) await fetch(`${KEY}/${i}`)
    const { endpoints, spent } = meter.usage()
    expect(endpoints).toHaveLength(201)
    expect(endpoints[0]).toEqual({ endpoint: '(other)', spent: 50, attempts: 50 })
    expect(spent).toBe(250)
  })

  test('two meters share nothing', async () => {
    const [one, other] = [creditMeter({ cost: 1 }), creditMeter({ cost: 1 })]
    await pipelineOf(one, respond(200)).fetch(URL_A)
    expect([one.usage().spent, other.usage().spent]).toEqual([1, 0])
  })
})

describe('3. thresholds alert once each per period', () => {
  const run = async (meter: ReturnType<typeof creditMeter>, ...spend: readonly number[]) => {
    const { fetch, events } = pipelineOf(meter, respond(...spend.map((one) => costs(one))))
    for (const _ of spend) await fetch(URL_A)
    return events.filter(({ type }) => type === 'alert')
  }

  test('at 80, 95 and 100 %, to onAlert and as events', async () => {
    const alerts: CreditAlert[] = []
    const meter = creditMeter({ budget: 100, onAlert: (alert) => alerts.push(alert) })
    const events = await run(meter, 79, 1, 1, 14, 4, 1, 5)
    expect(alerts.map(({ threshold, spent }) => [threshold, spent])).toEqual([
      [80, 80],
      [95, 95],
      [100, 100],
    ])
    expect(alerts[0]).toMatchObject({
      condition: 'threshold',
      key: KEY,
      endpoint: '/v1/lookup/:id',
      limit: 100,
      left: 20,
    })
    expect(events).toHaveLength(3)
    expect(events[0]).toMatchObject({ by: 'credit-meter', key: KEY, message: alerts[0]?.message })
  })

  test('with what is known: of what was spent here, of what the server says, or that the next may be too much', async () => {
    const said = async (...script: readonly ReturnType<typeof costs>[]): Promise<readonly string[]> => {
      const messages: string[] = []
      const meter = creditMeter({ budget: 100, stopAt: 100, onAlert: ({ message }) => messages.push(message) })
      const { fetch } = pipelineOf(meter, respond(...script))
      for (const _ of script) await fetch(URL_A).catch(() => undefined)
      return messages
    }
    expect(await said(costs(80))).toEqual([expect.stringContaining('used: 80 of 100')])
    expect(await said(costs(1, { 'x-credits-remaining': '15' }))).toEqual([
      expect.stringContaining('15 are left, 1 of 100 were spent here'),
    ])
    expect(await said(costs(60), costs(60))).toEqual([expect.stringContaining('are stopped: 60 of 100')])
  })

  test('the highest that one answer crosses', async () => {
    const alerts: CreditAlert[] = []
    await run(creditMeter({ budget: 10, thresholds: [50, 100], onAlert: (alert) => alerts.push(alert) }), 10)
    expect(alerts.map(({ threshold }) => threshold)).toEqual([100])
  })

  test('again in the next period', async () => {
    const alerts: CreditAlert[] = []
    const meter = creditMeter({ budget: { limit: 10, period: 'day' }, onAlert: (alert) => alerts.push(alert) })
    await run(meter, 8)
    vi.setSystemTime(Date.UTC(2026, 10, 23))
    expect(meter.usage()).toMatchObject({ spent: 0, left: 10 })
    await run(meter, 8)
    expect(alerts.map(({ threshold }) => threshold)).toEqual([80, 80])
  })

  const bad: readonly (readonly [string, number, () => unknown])[] = [
    [
      'throws',
      1,
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', 1, () => Promise.reject(new Error('no'))],
    ['hangs', 0, () => new Promise(() => undefined)],
  ]

  test.each(bad)('a callback that %s changes neither result nor timing', async (_, reports, callback) => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const live = async (onAlert?: () => void) => {
      const meter = creditMeter({ budget: 10, thresholds: [50], stopAt: 100, onAlert })
      const script = [{ ...costs(5), delayMs: 20 }, { status: 402, delayMs: 30 }, costs(5)]
      const { fetch } = pipelineOf(meter, respond(...script))
      const began = performance.now()
      const ends: unknown[] = []
      for (let i = 0; i <= script.length; i++) {
        const end = await fetch(URL_A).then(
          ({ status }) => status,
          ({ name }: Error) => name,
        )
        ends.push([end, performance.now() - began])
      }
      return [ends, meter.usage().spent]
    }
    const [expected] = await Promise.all([live(), vi.advanceTimersByTimeAsync(100)])
    const heard = vi.fn(callback)
    const [seen] = await Promise.all([live(heard as () => void), vi.advanceTimersByTimeAsync(100)])
    expect(expected).toEqual([
      [
        [200, 20],
        [402, 50],
        [200, 50],
        ['BudgetExceededError', 50],
      ],
      10,
    ])
    expect(seen).toEqual(expected)
    expect(heard).toHaveBeenCalledTimes(2)
    expect(report).toHaveBeenCalledTimes(reports)
  })
})

describe('4. a refusal for want of money alerts at once', () => {
  test.each([
    ['billing', 402, 'Please update your card'],
    ['quota-exhausted', 429, 'You have used up your monthly quota'],
  ] as const)('%s: once per period, and nobody retries', async (condition, status, message) => {
    const alerts: CreditAlert[] = []
    const meter = creditMeter({ onAlert: (alert) => alerts.push(alert) })
    const broke = { status, body: { error: { message } }, times: 4 }
    const { fetch, events } = pipelineOf(meter, respond(broke))
    await fetch(URL_A)
    expect(alerts).toHaveLength(1)
    for (let i = 0; i < 2; i++) await fetch(URL_A)
    expect(alerts).toHaveLength(1)
    expect(alerts[0]).toMatchObject({ condition, key: KEY, endpoint: '/v1/lookup/:id', verdict: { message, status } })
    expect(alerts[0]?.message).toBe(`${condition} on ${KEY}: ${alerts[0]?.verdict?.evidence}`)
    expect(events.filter(({ type }) => type === 'give-up')).toHaveLength(3)
    expect(events.filter(({ type }) => type === 'alert')).toHaveLength(1)
    vi.setSystemTime(Date.UTC(2026, 11, 1))
    await fetch(URL_A)
    expect(alerts).toHaveLength(2)
  })

  test('with its verdict, whole but for what is secret, also of a request that was made on the way', async () => {
    const alerts: CreditAlert[] = []
    const meter = creditMeter({ onAlert: (alert) => alerts.push(alert) })
    const sign = compose((request, next) => {
      const signed = new Request(request)
      signed.headers.set('x-api-key', 'opensesame')
      return next(signed)
    })
    const headers = { 'x-request-id': 'req-1', 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '3' }
    const broke = { status: 402, headers, body: { error: { message: 'No credits for opensesame' } } }
    const fetch = createFetch([meter, classify(), sign], { fetch: respond(broke, 402) })
    await fetch(URL_A)
    expect(alerts[0]?.verdict).toMatchObject({
      requestId: 'req-1',
      message: 'No credits for [redacted]',
      limits: { windows: [{ limit: 10, remaining: 3 }] },
    })
    await createFetch([meter, classify()], { fetch: respond(402) })('https://a8kd02lqx1.example.com/')
    expect(alerts[1]).toMatchObject({ key: 'https://a8kd02lqx1.example.com', verdict: { requestId: undefined } })
  })

  test('once whatever the server calls it, and however far thresholds are crossed by it', async () => {
    const alerts: CreditAlert[] = []
    const meter = creditMeter({ budget: 30, stopAt: 100, onAlert: (alert) => alerts.push(alert) })
    const headers = { 'x-credits-remaining': '0' }
    const quota = { status: 429, headers, body: { error: { message: 'You have used up your monthly quota' } } }
    const { fetch } = pipelineOf(meter, respond(costs(2), { status: 402, headers }, quota, 402, costs(3)))
    await Promise.allSettled(Array.from({ length: 5 }, () => fetch(URL_A)))
    await expect(fetch(URL_A)).rejects.toBeInstanceOf(BudgetExceededError)
    expect(alerts.map(({ condition }) => condition)).toEqual(['billing'])
  })

  test.each([
    ['the refusal that follows is the alert', 402, [80, 95, 'billing']],
    ['100 % is, if calls are served all the same', 200, [80, 95, 100]],
  ])('of a balance that is used up, %s', async (_, status, expected) => {
    const alerts: CreditAlert[] = []
    const meter = creditMeter({ onAlert: (alert) => alerts.push(alert) })
    const balance = (left: number) => ({ 'x-credits-remaining': `${left}`, 'x-credits-limit': '100' })
    const empty = { status, headers: balance(0), delayMs: 1 }
    const inner = respond(costs(1, balance(20)), ...[0, 0].map(() => ({ ...costs(1, balance(0)), delayMs: 1 })), empty)
    const { fetch } = pipelineOf(meter, inner)
    await fetch(URL_A)
    // Both were sent before anybody knew.
    const both = Promise.all([fetch(URL_A), fetch(URL_A)])
    await vi.advanceTimersByTimeAsync(1)
    await both
    const last = fetch(URL_A)
    await vi.advanceTimersByTimeAsync(1)
    await last
    expect(alerts.map(({ condition, threshold }) => threshold ?? condition)).toEqual(expected)
  })

  test('thresholds alert again when credits were added', async () => {
    const alerts: CreditAlert[] = []
    const meter = creditMeter({ budget: 100, onAlert: (alert) => alerts.push(alert) })
    const balance = (left: number) => ({ 'x-credits-remaining': `${left}` })
    const { fetch } = pipelineOf(
      meter,
      respond({ status: 402, headers: balance(0) }, costs(1, balance(50)), costs(1, balance(15))),
    )
    for (let i = 0; i < 3; i++) await fetch(URL_A)
    expect(alerts.map(({ condition, threshold }) => threshold ?? condition)).toEqual(['billing', 80])
  })
})

describe('5. a balance below the rest of the budget wins', () => {
  test('for what is left and for thresholds', async () => {
    const alerts: CreditAlert[] = []
    const meter = creditMeter({ budget: 100, onAlert: (alert) => alerts.push(alert) })
    const { fetch } = pipelineOf(meter, respond(costs(1, { 'x-credits-remaining': '15' }), costs(2)))
    await fetch(URL_A)
    expect(meter.usage()).toMatchObject({ spent: 1, limit: 100, left: 15 })
    expect(alerts.map(({ threshold }) => threshold)).toEqual([80])
    expect(alerts[0]?.message).toBe(
      `80 % of the credits for ${KEY} are used: the server says that 15 are left, 1 of 100 were spent here`,
    )
    await fetch(URL_A)
    expect(meter.usage().left).toBe(13)
  })

  test('without a budget it is all that is known', async () => {
    const meter = creditMeter()
    const { fetch } = pipelineOf(meter, respond(costs(1, { 'x-credits-remaining': '42' })))
    await fetch(URL_A)
    expect(meter.usage().left).toBe(42)
    expect(meter.usage().limit).toBeUndefined()
  })

  test('a larger one does not', async () => {
    const meter = creditMeter({ budget: 100 })
    await pipelineOf(meter, respond(costs(1, { 'x-credits-remaining': '9999' }))).fetch(URL_A)
    expect(meter.usage().left).toBe(99)
  })

  test('refresh forgets it', async () => {
    const meter = creditMeter({ budget: 100 })
    await pipelineOf(meter, respond(costs(1, { 'x-credits-remaining': '5' }))).fetch(URL_A)
    expect((await meter.refresh(KEY)).left).toBe(99)
  })
})

describe('6. usage() tells how fast credits go and when they run out', () => {
  test('over the last hour', async () => {
    const meter = creditMeter({ budget: 1000 })
    const { fetch } = pipelineOf(meter, respond({ ...costs(10), times: 10 }))
    for (let i = 0; i < 10; i++) {
      await fetch(URL_A)
      vi.setSystemTime(Date.now() + 6 * 60_000)
    }
    const { burnRate, runsOutAt } = meter.usage()
    // The first of the ten was just an hour ago.
    expect(burnRate).toEqual({ perHour: 90, overMs: 3_600_000 })
    expect(runsOutAt).toEqual(new Date(Date.now() + 10 * 3_600_000))
    vi.setSystemTime(Date.now() + 2 * 3_600_000)
    expect(meter.usage().burnRate.perHour).toBe(0)
    expect(meter.usage().runsOutAt).toBeUndefined()
  })

  test('not beyond the period, unless it is the balance that runs out', async () => {
    const meter = creditMeter({ budget: { limit: 1000, period: 'day' } })
    const { fetch } = pipelineOf(meter, respond(costs(1), costs(1, { 'x-credits-remaining': '900' })))
    await fetch(URL_A)
    vi.setSystemTime(Date.now() + 3_600_000 - 60_000)
    expect(meter.usage().runsOutAt).toBeUndefined()
    await fetch(URL_A)
    expect(meter.usage().runsOutAt?.getTime()).toBeGreaterThan(Date.UTC(2026, 10, 24))
  })

  test('of a rolling budget not at a rate that its window gives back', async () => {
    const runsOut = async (credits: number): Promise<boolean> => {
      const meter = creditMeter({ budget: { limit: 40, period: { rollingMs: 4 * 3_600_000 } } })
      const { fetch } = pipelineOf(meter, respond(costs(credits)))
      await fetch(URL_A)
      vi.setSystemTime(Date.now() + 30 * 60_000)
      return meter.usage().runsOutAt !== undefined
    }
    expect([await runsOut(5), await runsOut(15)]).toEqual([false, true])
  })

  test('of several keys over the longest time', async () => {
    const meter = creditMeter()
    const { fetch } = pipelineOf(meter, respond({ ...costs(10), times: 2 }))
    await fetch(URL_A)
    vi.setSystemTime(Date.now() + 30 * 60_000)
    await fetch('https://other.example.com/')
    vi.setSystemTime(Date.now() + 60_000)
    const { burnRate, keys } = meter.usage()
    expect(burnRate.overMs).toBe(keys[KEY]?.burnRate.overMs)
    expect(burnRate.overMs).toBeGreaterThan(keys['https://other.example.com']?.burnRate.overMs ?? Infinity)
  })

  test('before the first call it shows the budget', () => {
    expect(creditMeter({ budget: 10 }).usage()).toMatchObject({
      spent: 0,
      limit: 10,
      left: 10,
      endpoints: [],
      keys: {},
    })
    expect(creditMeter().usage('nobody').left).toBeUndefined()
  })
})

describe('7. stopAt refuses before sending', () => {
  test('with an error that says all, and is no TypeError', async () => {
    const meter = creditMeter({ budget: { limit: 10, period: 'day' }, stopAt: 50 })
    const inner = respond({ ...costs(5), times: 9 })
    const { fetch, events } = pipelineOf(meter, inner)
    await fetch(URL_A)
    const error: unknown = await fetch(URL_A).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(BudgetExceededError)
    expect(error).not.toBeInstanceOf(TypeError)
    expect(error).toMatchObject({
      name: 'BudgetExceededError',
      key: KEY,
      endpoint: '/v1/lookup/:id',
      used: 5,
      expected: 5,
      limit: 10,
      stopAt: 50,
      resetAt: new Date(Date.UTC(2026, 10, 23)),
    })
    expect(inner.calls).toBe(1)
    expect(events.at(-1)).toMatchObject({ type: 'give-up', by: 'credit-meter' })
    vi.setSystemTime(Date.UTC(2026, 10, 23))
    await fetch(URL_A)
    expect(inner.calls).toBe(2)
  })

  test('200 calls at once do not overshoot, and use up what there is', async () => {
    const alerts: CreditAlert[] = []
    const meter = creditMeter({ budget: 100, stopAt: 100, onAlert: (alert) => alerts.push(alert) })
    const inner = respond({ ...costs(3), delayMs: 50, times: Infinity })
    const { fetch } = pipelineOf(meter, inner)
    const settled = Promise.allSettled(Array.from({ length: 200 }, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(1000)
    const results = await settled
    expect(inner.calls).toBe(33)
    expect(meter.usage()).toMatchObject({ spent: 99, reserved: 0 })
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(33)
    expect(alerts.map(({ threshold }) => threshold)).toEqual([80, 95, 100])
  })

  test('10 000 calls that wait do not wake each other all the time', async () => {
    const meter = creditMeter({ budget: 1000, stopAt: 100 })
    const inner = respond({ ...costs(1), delayMs: 1, times: Infinity })
    const { fetch } = pipelineOf(meter, inner)
    const spy = vi.spyOn(Date, 'now')
    const settled = Promise.allSettled(Array.from({ length: 10_000 }, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(10)
    await settled
    expect(inner.calls).toBe(1000)
    expect(spy.mock.calls.length).toBeLessThan(100_000)
  })

  test('a call that waits for others to tell their cost ends with its signal and leaves nothing', async () => {
    const meter = creditMeter({ budget: 100, stopAt: 100 })
    const inner = respond({ ...costs(3), delayMs: 1000, times: Infinity })
    const { fetch } = pipelineOf(meter, inner)
    const first = fetch(URL_A)
    const controller = new AbortController()
    const second = fetch(URL_A, { signal: controller.signal })
    await vi.advanceTimersByTimeAsync(10)
    expect(inner.calls).toBe(1)
    controller.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    await vi.advanceTimersByTimeAsync(1000)
    await first
    expect(inner.calls).toBe(1)
    expect(meter.usage()).toMatchObject({ spent: 3, reserved: 0 })
  })

  test('failures free what they had reserved, and do not make a queue of an outage', async () => {
    const meter = creditMeter({ budget: 100, stopAt: 100 })
    const down = new TypeError('fetch failed')
    const { fetch } = pipelineOf(meter, respond(...Array.from({ length: 20 }, () => down), { ...costs(1), times: 5 }))
    await Promise.allSettled(Array.from({ length: 20 }, () => fetch(URL_A)))
    await Promise.all(Array.from({ length: 5 }, () => fetch(URL_A)))
    expect(meter.usage()).toMatchObject({ spent: 5, reserved: 0 })
  })

  test.each([
    ['503, without a word of its cost', { status: 503 }],
    ['500, which was free', { status: 500, ...costs(0) }],
    ['404, which was free', { status: 404, ...costs(0) }],
  ])('a %s teaches nobody what an answer costs', async (_, failure) => {
    const meter = creditMeter({ budget: 10, stopAt: 100 })
    const inner = respond(failure, { ...costs(1), delayMs: 50, times: Infinity })
    const { fetch } = pipelineOf(meter, inner)
    await fetch(URL_A)
    const settled = Promise.allSettled(Array.from({ length: 100 }, () => fetch(URL_A)))
    await vi.advanceTimersByTimeAsync(1000)
    await settled
    expect(meter.usage()).toMatchObject({ spent: 10, reserved: 0 })
    expect(inner.calls).toBe(11)
  })

  test('stopped by an empty balance, one call a minute looks whether it was filled', async () => {
    const meter = creditMeter({ budget: 100, stopAt: 100 })
    const empty = { status: 402, headers: { 'x-credits-remaining': '0' } }
    const inner = respond(empty, empty, costs(1, { 'x-credits-remaining': '50' }), costs(1))
    const { fetch } = pipelineOf(meter, inner)
    await fetch(URL_A)
    await expect(fetch(URL_A)).rejects.toThrow(BudgetExceededError)
    vi.setSystemTime(Date.now() + 60_000)
    await fetch(URL_A)
    await expect(fetch(URL_A)).rejects.toThrow(BudgetExceededError)
    vi.setSystemTime(Date.now() + 60_000)
    await fetch(URL_A)
    await fetch(URL_A)
    expect(inner.calls).toBe(4)
  })
})

test('nobody looks whether an empty balance was filled for what the budget has no room for', async () => {
  const meter = creditMeter({ budget: 10, stopAt: 100 })
  const inner = respond({ ...costs(3), times: 2 }, costs(3, { 'x-credits-remaining': '0' }))
  const { fetch } = pipelineOf(meter, inner)
  for (let i = 0; i < 3; i++) await fetch(URL_A)
  vi.setSystemTime(Date.now() + 60_000)
  await expect(fetch(URL_A)).rejects.toThrow(BudgetExceededError)
  expect(inner.calls).toBe(3)
})

describe('what only prose says of money', () => {
  test.each([
    ['billing', 403, 'Insufficient funds'],
    ['quota-exhausted', 400, 'You have used all of your credits'],
  ])(
    '%s alerts, and stops nobody: neither do numbers beside it, or of another failure',
    async (condition, status, message) => {
      const alerts: CreditAlert[] = []
      const meter = creditMeter({ budget: 100, stopAt: 100, onAlert: (alert) => alerts.push(alert) })
      const broke = { status, body: { message, balance: 0 } }
      const { fetch } = pipelineOf(meter, respond(broke, { status: 400, body: { balance: 0 } }, 200))
      for (const answer of [status, 400, 200]) expect((await fetch(URL_A)).status).toBe(answer)
      expect(alerts).toMatchObject([{ condition }])
      expect(meter.usage().left).toBe(100)
    },
  )
})

describe('8. bad options fail at creation', () => {
  test.each([
    [
      { budget: -1 },
      RangeError,
      'budget must be a finite number of credits, above 0 or a plain object with limit, period or timeZone, got -1',
    ],
    [{ budget: NaN }, RangeError, 'got NaN'],
    [{ budget: 0 }, RangeError, 'got 0'],
    [{ budget: Infinity }, RangeError, 'got Infinity'],
    [{ budget: { limit: -1 } }, RangeError, 'budget.limit must be'],
    [{ budget: {} }, TypeError, 'budget.limit must be a finite number of credits, above 0, got undefined'],
    [{ budget: '10' }, TypeError, "got '10'"],
    [{ budget: null }, TypeError, 'budget must be'],
    [
      { budget: { limit: 1, period: 'year' } },
      RangeError,
      "budget.period must be one of 'day', 'month' or a plain object with rollingMs, got 'year'",
    ],
    [{ budget: { limit: 1, period: { rollingMs: 0 } } }, RangeError, 'budget.period.rollingMs'],
    [
      { budget: { limit: 1, timeZone: 'Mars/Base' } },
      RangeError,
      "budget.timeZone must be an IANA time zone, got 'Mars/Base'",
    ],
    [
      { thresholds: [80, NaN] },
      RangeError,
      'thresholds[1] must be a percentage of the budget (80 is 80 %), 1 or more, got NaN',
    ],
    [{ thresholds: 80 }, TypeError, 'thresholds'],
    [{ budget: 1, stopAt: 0 }, RangeError, 'stopAt must be a percentage of the budget (80 is 80 %), 1 or more, got 0'],
    [{ stopAt: 90 }, TypeError, 'stopAt needs a budget'],
    [{ cost: -1 }, RangeError, 'cost must be a number of credits, 0 or more and at most'],
    [{ onAlert: 'x' }, TypeError, 'onAlert must be a function, got string'],
    [{ store: {} }, TypeError, 'store must be a CreditStore or a limiter of rate-limiter-flexible, got object'],
  ])('%o', (options, type, message) => {
    const make = () => creditMeter(options as never)
    expect(make).toThrow(type)
    expect(make).toThrow(message)
  })
})
