import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Fetch } from '@aplomb/pipeline'
import { BudgetExceededError, creditMeter, memoryStore, type CreditMeter } from '../src/index.ts'
import { costs, pipelineOf } from './helpers.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NOON = Date.UTC(2026, 10, 22, 12)
const A = 'https://a.example.com'

beforeEach(() => {
  vi.useFakeTimers({ now: NOON })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Each call costs what its query says. */
const fetchOf = (meter: CreditMeter): Fetch =>
  pipelineOf(meter, async (input) => {
    const url = new URL(input instanceof Request ? input.url : input)
    return new Response('{}', costs(Number(url.searchParams.get('cost') ?? 0)))
  }).fetch

const spend = (fetch: Fetch, origin: string, cost: number): Promise<Response> =>
  fetch(`${origin}/v1/items?cost=${cost}`)

let hosts = 0
/** So many other keys are used that any idle one is dropped. */
const flood = async (fetch: Fetch, cost = 0, count = 1050): Promise<void> => {
  for (let i = 0; i < count; i++) await spend(fetch, `https://host-${hosts++}.example.com`, cost)
}

describe('15. of a thousand keys everything is kept; of those that were used before them', () => {
  test('without a budget, what they add to the sum', async () => {
    const meter = creditMeter()
    const fetch = fetchOf(meter)
    await spend(fetch, A, 7)
    await flood(fetch, 2)
    expect(Object.keys(meter.usage().keys)).toHaveLength(1000)
    expect(meter.usage(A)).toMatchObject({ spent: 0, attempts: 0 })
    const { spent, attempts, endpoints, burnRate } = meter.usage()
    expect({ spent, attempts }).toEqual({ spent: 2107, attempts: 1051 })
    expect(endpoints).toEqual([{ endpoint: '/v1/items', spent: 2107, attempts: 1051 }])
    expect(burnRate).toEqual({ perHour: 2107 * 60, overMs: 60_000 })
    // It comes back, and is not counted twice.
    await spend(fetch, A, 1)
    expect(meter.usage(A)).toMatchObject({ spent: 1, attempts: 1 })
    expect(meter.usage()).toMatchObject({ spent: 2108, attempts: 1052 })
    vi.setSystemTime(NOON + 31 * DAY_MS)
    expect(meter.usage()).toMatchObject({ spent: 0, attempts: 0, endpoints: [] })
  })

  test('with a budget, what was spent on each until the period ends', async () => {
    const meter = creditMeter({ budget: 10, stopAt: 100 })
    const fetch = fetchOf(meter)
    await spend(fetch, A, 9)
    await flood(fetch)
    expect(meter.usage(A)).toMatchObject({ spent: 9, limit: 10, left: 1, keys: { [A]: { spent: 9, left: 1 } } })
    await flood(fetch)
    await spend(fetch, A, 1)
    await expect(spend(fetch, A, 1)).rejects.toBeInstanceOf(BudgetExceededError)
    await flood(fetch)
    await expect(spend(fetch, A, 1)).rejects.toBeInstanceOf(BudgetExceededError)
    await flood(fetch)
    vi.setSystemTime(Date.UTC(2026, 11, 1))
    expect(meter.usage(A)).toMatchObject({ spent: 0, left: 10 })
    expect((await spend(fetch, A, 3)).status).toBe(200)
    expect(meter.usage(A)).toMatchObject({ spent: 3, left: 7 })
  })

  test('and what all of them have left together', async () => {
    const meter = creditMeter({ budget: 10 })
    const fetch = fetchOf(meter)
    await spend(fetch, A, 15)
    await flood(fetch, 3)
    // Of one that is beyond its limit nothing is left.
    expect(meter.usage()).toMatchObject({ spent: 3165, limit: 10_510, left: 7 * 1050 })
    await spend(fetch, A, 1)
    expect(meter.usage()).toMatchObject({ spent: 3166, limit: 10_510, left: 7 * 1050, attempts: 1052 })
  })

  test('which thresholds were told, once each per period', async () => {
    const told: string[] = []
    const onAlert = ({ key, threshold }: { key: string; threshold?: number | undefined }): void =>
      void told.push(`${key} ${threshold}`)
    const meter = creditMeter({ budget: 10, onAlert, thresholds: [50, 80, 100] })
    const fetch = fetchOf(meter)
    await spend(fetch, A, 8)
    expect(told).toEqual([`${A} 80`])
    await flood(fetch)
    await spend(fetch, A, 1)
    expect(told).toEqual([`${A} 80`])
    await flood(fetch)
    await spend(fetch, A, 1)
    expect(told).toEqual([`${A} 80`, `${A} 100`])
    await flood(fetch)
    vi.setSystemTime(Date.UTC(2026, 11, 1))
    await spend(fetch, A, 8)
    expect(told.slice(2)).toEqual([`${A} 80`])
  })

  test('of a rolling budget each credit counts as long as it has to, and at most a quarter of the window longer', async () => {
    const spends = fc.array(
      fc.record({ afterMs: fc.integer({ min: 0, max: DAY_MS / 2 }), cost: fc.integer({ min: 1, max: 9 }) }),
      { minLength: 1, maxLength: 8 },
    )
    await fc.assert(
      fc.asyncProperty(spends, fc.integer({ min: 0, max: 1.5 * DAY_MS }), async (all, laterMs) => {
        const meter = creditMeter({ budget: { limit: 1000, period: { rollingMs: DAY_MS } } })
        const fetch = fetchOf(meter)
        let at = NOON
        const spent: (readonly [at: number, cost: number])[] = []
        for (const { afterMs, cost } of all) {
          vi.setSystemTime((at += afterMs))
          await spend(fetch, A, cost)
          spent.push([at, cost])
        }
        await flood(fetch)
        vi.setSystemTime((at += laterMs))
        const within = (ms: number): number =>
          spent.filter(([when]) => when + ms > at).reduce((sum, [, cost]) => sum + cost, 0)
        const total = meter.usage().spent
        const kept = meter.usage(A).spent
        expect(kept).toBeGreaterThanOrEqual(within(DAY_MS))
        expect(kept).toBeLessThanOrEqual(within(DAY_MS + DAY_MS / 4 + DAY_MS / 60))
        // Whether it was put away or not.
        expect(meter.usage().spent).toBe(total)
        expect(total).toBeGreaterThanOrEqual(within(DAY_MS))
        expect(total).toBeLessThanOrEqual(within(DAY_MS + DAY_MS / 60))
      }),
      { numRuns: 30 },
    )
  })

  test('what is in flight, or waits for that, is kept', async () => {
    const answer = Promise.withResolvers<Response>()
    const meter = creditMeter({ budget: 10, stopAt: 100 })
    const { fetch } = pipelineOf(meter, async (input) =>
      new Request(input).url.startsWith(A) ? answer.promise : new Response('{}'),
    )
    const calls = [fetch(`${A}/v1/x`), fetch(`${A}/v1/x`)]
    await flood(fetch)
    expect(meter.usage(A)).toMatchObject({ spent: 0, limit: 10 })
    answer.resolve(new Response('{}', costs(4)))
    for (const call of calls) await call
    expect(meter.usage(A)).toMatchObject({ spent: 4, attempts: 1 })
  })

  test('what a store has is read from there again', async () => {
    const store = memoryStore()
    const meter = creditMeter({ budget: 10, stopAt: 100, store })
    const fetch = fetchOf(meter)
    await spend(fetch, A, 9)
    await flood(fetch)
    expect(Object.keys(meter.usage().keys)).not.toContain(A)
    await spend(fetch, A, 1)
    expect(meter.usage(A)).toMatchObject({ spent: 10 })
    await expect(spend(fetch, A, 1)).rejects.toBeInstanceOf(BudgetExceededError)
  })
})
