import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { classify, verdictOf } from '@aplomb/classify'
import { createFetch, middleware, type Fetch } from '@aplomb/pipeline'
import { createMockApi, respond } from '@aplomb/mock-api'
import { BudgetExceededError, creditMeter } from '../src/index.ts'
import { costs } from './helpers.ts'

/** Up to four attempts, at once: what a loop above the meter looks like to it. */
const again = middleware('again', async (request, next, call) => {
  for (;;) {
    try {
      const response = await next(request)
      if (call.attempt === 4 || !verdictOf(response).retryable) return response
    } catch (error) {
      if (call.attempt === 4 || error instanceof BudgetExceededError) throw error
    }
  }
})

describe('the meter and the server agree', () => {
  // What a reset connection has cost, only the server knows: this one gives it back, if it does not charge for errors.
  test.each([
    { chargeErrors: true, kinds: ['500', '503', '404', 'truncate'] },
    { chargeErrors: false, kinds: ['500', '503', 'reset'] },
  ] as const)(
    '5 000 calls with random costs, failures and retries, to the credit: %o',
    async ({ chargeErrors, kinds }) => {
      const costOf = ({ url }: Request): number => (url.length % 7) / 8
      const api = createMockApi({
        credits: { balance: 1e6, cost: costOf, chargeErrors },
        flaky: { rate: 0.1, kinds },
        empty: 0.3,
      })
      const charged = new Map<string, number>()
      const inner: Fetch = async (input, init) => {
        const request = new Request(input, init)
        const response = await api.fetch(request)
        const endpoint = new URL(request.url).pathname.replace(/[\d.]+$/, ':id')
        charged.set(endpoint, (charged.get(endpoint) ?? 0) + Number(response.headers.get('x-credits-charged')))
        return response
      }
      const meter = creditMeter()
      const fetch = createFetch([again, meter, classify()], { fetch: inner })
      let next = 0
      const lane = async (): Promise<void> => {
        while (next++ < 5000) {
          const path = next % 2 ? `/v1/lookup/10.0.${next % 250}.1` : `/v1/echo?n=${next}`
          const response = await fetch(`https://api.test${path}`).catch(() => undefined)
          await response?.body?.cancel().catch(() => undefined)
        }
      }
      await Promise.all(Array.from({ length: 50 }, lane))
      const { spent, endpoints } = meter.usage()
      expect(api.stats().requests).toBeGreaterThan(5200)
      expect(spent).toBe(api.stats().creditsSpent)
      expect(new Map(endpoints.map((one) => [one.endpoint, one.spent]))).toEqual(charged)
    },
    30_000,
  )

  test('any answers, in any order, at any time', async () => {
    const answer = fc.record({
      cost: fc.nat({ max: 1000 }).map((n) => n / 8),
      status: fc.constantFrom(200, 402, 404, 500),
      delayMs: fc.nat({ max: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 30 }), async (answers) => {
        const meter = creditMeter()
        const inner = respond(...answers.map(({ cost, status, delayMs }) => ({ ...costs(cost), status, delayMs })))
        const fetch = createFetch([meter, classify()], { fetch: inner })
        await Promise.all(answers.map(() => fetch('https://api.test/x')))
        expect(meter.usage().spent).toBe(answers.reduce((sum, { cost }) => sum + cost, 0))
        expect(meter.usage().reserved).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})

describe('no call is sent that stopAt does not allow', () => {
  test('however many are in flight, and whatever they turn out to cost', async () => {
    const scenario = fc.record({
      costs: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 200, maxLength: 200 }),
      limit: fc.integer({ min: 50, max: 400 }),
      stopAt: fc.constantFrom(50, 90, 100),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ costs: all, limit, stopAt }) => {
        const stop = (limit * stopAt) / 100
        let spent = 0
        let sentAfter = 0
        let dearest = 0
        const inner: Fetch = async () => {
          if (spent >= stop) sentAfter++
          const cost = all.pop() ?? 0
          await new Promise((resolve) => setTimeout(resolve, cost % 3))
          spent += cost
          dearest = Math.max(dearest, cost)
          return new Response(null, costs(cost))
        }
        const meter = creditMeter({ budget: limit, stopAt })
        const fetch = createFetch([meter, classify()], { fetch: inner })
        const results = await Promise.allSettled(Array.from({ length: 200 }, () => fetch('https://api.test/x')))
        const refused = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
        for (const { reason } of refused) expect(reason).toBeInstanceOf(BudgetExceededError)
        expect(sentAfter).toBe(0)
        expect(meter.usage()).toMatchObject({ spent, reserved: 0 })
        if (refused.length > 0) expect(spent).toBeGreaterThan(stop - dearest)
      }),
      { numRuns: 20 },
    )
  })
})
