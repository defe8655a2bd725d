import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { classify } from '@aplomb/classify'
import { createFetch, type Fetch } from '@aplomb/pipeline'
import { createMockApi, respond } from '@aplomb/mock-api'
import { BudgetExceededError, creditMeter } from '../src/index.ts'
import { again } from './fixtures/again.ts'
import { meteredApi, pathOf } from './fixtures/api.ts'
import { costs } from './helpers.ts'

const CALLS = process.env['DEEP'] ? 30_000 : 10_000

describe('the meter and the server agree', () => {
  test.each([
    [true, ['500', '503', '404', 'truncate']],
    [false, ['500', '503', '404', 'truncate']],
  ] as const)(
    `${CALLS} calls with random costs, failures and retries, to the credit and by endpoint; failures charged: %s`,
    async (chargeErrors, kinds) => {
      const { api, books } = meteredApi(chargeErrors, kinds)
      const meter = creditMeter()
      const fetch = createFetch([again(), meter, classify()], { fetch: api.fetch })
      let next = 0
      const lane = async (): Promise<void> => {
        while (next++ < CALLS) {
          const response = await fetch(`https://api.test${pathOf(next)}`).catch(() => undefined)
          await response?.body?.cancel().catch(() => undefined)
        }
      }
      await Promise.all(Array.from({ length: 50 }, lane))
      const { spent, attempts, endpoints, reserved } = meter.usage()
      expect(api.stats().requests).toBeGreaterThan(CALLS * 1.05)
      expect(spent).toBe(api.stats().creditsSpent)
      expect(attempts).toBe(api.stats().requests)
      expect(Object.fromEntries(endpoints.map((one) => [one.endpoint, one.spent]))).toEqual(books())
      expect(reserved).toBe(0)
    },
    120_000,
  )

  test('answers lost to reset connections included, where every call costs the same and all are charged', async () => {
    const credits = { balance: 1e7, cost: 2, chargeErrors: true }
    const api = createMockApi({ credits, flaky: { rate: 0.3, kinds: ['500', 'reset'] } })
    const meter = creditMeter({ cost: 2 })
    const fetch = createFetch([again(), meter, classify()], { fetch: api.fetch })
    await Promise.allSettled(Array.from({ length: 500 }, (_, i) => fetch(`https://api.test${pathOf(i)}`)))
    const { requests, creditsSpent, rejections } = api.stats()
    expect(rejections.flaky['reset']).toBeGreaterThan(0)
    expect(meter.usage()).toMatchObject({ spent: creditsSpent, attempts: requests, reserved: 0 })
  })

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
