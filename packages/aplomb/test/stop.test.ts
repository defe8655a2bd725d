import { createMockApi, type MockApi } from '@aplomb/mock-api'
import { serve } from '@aplomb/mock-api/server'
import type { Fetch, Middleware } from '@aplomb/pipeline'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { aplomb } from '../src/index.ts'
import { outcomes, watch } from './support/time.ts'

const IN_FLIGHT = 200

interface Ends {
  readonly served: number
  readonly refused: number
  readonly others: readonly unknown[]
}

const endsOf = async (calls: readonly Promise<Response>[]): Promise<Ends> => {
  const settled = await Promise.allSettled(calls)
  const names = settled.map((end) => (end.status === 'rejected' ? (end.reason as Error).name : end.value.status))
  const count = (what: unknown): number => names.filter((one) => one === what).length
  const others = names.filter((one) => one !== 200 && one !== 'BudgetExceededError')
  return { served: count(200), refused: count('BudgetExceededError'), others }
}

/** 200 at once whatever comes: ours would let fewer pass while the server fails. */
const simpleGate = () => {
  let active = 0
  const waiting: (() => void)[] = []
  const middleware: Middleware = async (request, next) => {
    if (active >= IN_FLIGHT) await new Promise<void>((resolve) => waiting.push(resolve))
    active++
    try {
      return await next(request)
    } finally {
      active--
      waiting.shift()?.()
    }
  }
  return { middleware, active: () => active }
}

describe('no call reaches the server after stopAt', () => {
  test('over HTTP, 200 at once: as many as the budget pays for, and not one more', async () => {
    const api = createMockApi({ credits: { balance: 1e6, cost: 2 }, latencyMs: [5, 50] })
    // The first goes alone, to learn the price. The next are answered when as many as may are out.
    const together = Promise.withResolvers<void>()
    const open: MockApi['open'] = (request) => {
      const { answer, leave } = api.open(request)
      const isFirst = api.stats().requests === 1
      if (api.stats().requests === IN_FLIGHT + 1) together.resolve()
      return { leave, answer: isFirst ? answer : together.promise.then(() => answer) }
    }
    await using server = await serve({ ...api, open })
    const alerts: (number | undefined)[] = []
    const fetch = aplomb({
      concurrencyGate: { limit: IN_FLIGHT },
      creditMeter: { budget: 2000, stopAt: 90, onAlert: ({ threshold }) => alerts.push(threshold) },
    })
    const call = async (i: number): Promise<Response> => {
      const response = await fetch(`${server.url}/v1/lookup/10.0.0.${i % 250}`)
      await response.text()
      return response
    }
    const ends = await endsOf(Array.from({ length: 1500 }, (_, i) => call(i)))
    expect(ends).toEqual({ served: 900, refused: 600, others: [] })
    expect(api.stats()).toMatchObject({ requests: 900, creditsSpent: 1800 })
    expect(api.stats().mostInFlight).toBeGreaterThanOrEqual(IN_FLIGHT)
    expect(alerts).toEqual([80])
    expect(fetch.usage()).toMatchObject({ spent: 1800, reserved: 0 })
  }, 60_000)

  describe('when answers turn out to be dearer than any before', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    test.each([
      ['all at the same moment', 50],
      ['one after the other', [20, 80] as const],
    ])('%s: none is sent once they are known, be it new, queued, held or backing off', async (_, latencyMs) => {
      const STOP = 1000
      let charged = 0
      const api = createMockApi({
        credits: {
          balance: 1e6,
          // The price rises by far, while 200 calls are out that expected the old one.
          cost: () => (++charged > 500 ? STOP : 1),
        },
        latencyMs,
        flaky: { rate: 0.2, kinds: ['500', '503'] },
      })
      let sentAfter = 0
      const inner: Fetch = (input, init) => {
        if ((fetch.usage()?.spent ?? 0) >= STOP) sentAfter++
        return api.fetch(input, init)
      }
      const alerts: (number | undefined)[] = []
      let outWhenCrossed: number | undefined
      const gate = simpleGate()
      const fetch = aplomb({
        fetch: inner,
        concurrencyGate: gate.middleware,
        creditMeter: { budget: STOP, stopAt: 100, onAlert: ({ threshold }) => alerts.push(threshold) },
        onEvent: (event) => {
          if (event.type === 'credits' && event.spent >= STOP) outWhenCrossed ??= gate.active()
        },
      })
      const calls: Promise<Response>[] = []
      const more = (count: number): void => {
        for (let i = 0; i < count; i++) {
          const call = fetch(`https://api.test/v1/lookup/10.0.0.${i % 250}`)
          watch(call)
          calls.push(call)
        }
      }
      more(2000)
      for (const ms of [40, 40, 40, 300]) setTimeout(() => more(100), ms)
      await vi.advanceTimersByTimeAsync(400)
      await outcomes(calls)
      const { served, refused, others } = await endsOf(calls)
      expect(outWhenCrossed).toBeGreaterThan(IN_FLIGHT - 5)
      expect(sentAfter).toBe(0)
      expect(refused).toBeGreaterThan(1500)
      expect(served + refused + others.length).toBe(2400)
      expect(alerts).toEqual([100])
      expect(fetch.usage()).toMatchObject({ spent: api.stats().creditsSpent, reserved: 0 })
      // And whoever comes later is refused as well.
      const { requests } = api.stats()
      await expect(fetch('https://api.test/v1/lookup/10.0.0.1')).rejects.toMatchObject({ name: 'BudgetExceededError' })
      expect(api.stats().requests).toBe(requests)
    })
  })
})
