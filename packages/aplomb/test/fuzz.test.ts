import { createMockApi, type MockApiOptions } from '@aplomb/mock-api'
import type { CallEvent, Fetch } from '@aplomb/pipeline'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { aplomb } from '../src/index.ts'
import { flush, outcomes, rejections, useFakeTime, watch } from './support/time.ts'

useFakeTime()

const KEY = 'https://api.test'

const window = fc.record({
  limit: fc.integer({ min: 1, max: 30 }),
  windowMs: fc.integer({ min: 200, max: 5000 }),
  kind: fc.constantFrom('fixed' as const, 'sliding' as const, 'bucket' as const),
})
const outage = fc.record({
  fromMs: fc.nat(3000),
  lastsMs: fc.integer({ min: 1, max: 4000 }),
  status: fc.constantFrom(503, 500, 502, 'reset' as const, 'hang' as const),
  retryAfter: fc.boolean(),
})
const server = fc.record({
  seed: fc.nat(1e6),
  windows: fc.array(window, { maxLength: 2 }),
  concurrency: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
  announceConcurrency: fc.constantFrom(true, false, 'ietf' as const, 'message' as const),
  headers: fc.constantFrom(
    'ietf' as const,
    'draft-7' as const,
    'x-ratelimit' as const,
    'github' as const,
    'openai' as const,
    false as const,
  ),
  retryAfter: fc.constantFrom('seconds' as const, 'decimal' as const, 'ms' as const, 'date' as const, false as const),
  latencyMs: fc.tuple(fc.nat(50), fc.nat(400)).map(([from, more]): readonly [number, number] => [from, from + more]),
  rejectionLatencyMs: fc.nat(30),
  outages: fc.array(outage, { maxLength: 2 }),
  flakyRate: fc.constantFrom(0, 0.05, 0.3),
  balance: fc.constantFrom(20, 10_000),
  cost: fc.constantFrom(1, 2.5),
  empty: fc.constantFrom(0, 0.2),
})
const client = fc.record({
  limit: fc.constantFrom('auto' as const, 'auto' as const, 2, 5),
  maxQueue: fc.constantFrom(Infinity, Infinity, 5),
  queueTimeoutMs: fc.constantFrom(undefined, 2000),
  timeoutMs: fc.constantFrom(undefined, 1500, 20_000),
  maxAttempts: fc.integer({ min: 1, max: 5 }),
})
const call = fc.record({
  to: fc.constantFrom('lookup', 'lookup', 'echo', 'stream'),
  method: fc.constantFrom('GET', 'GET', 'POST', 'PUT'),
  gapMs: fc.constantFrom(0, 0, 0, 0, 30, 500),
  abortMs: fc.option(fc.nat(3000), { nil: undefined, freq: 5 }),
  read: fc.constantFrom('text', 'text', 'cancel', 'leave'),
})

type Given<A> = A extends fc.Arbitrary<infer T> ? T : never

const mock = ({ outages, flakyRate, balance, cost, ...rest }: Given<typeof server>) => {
  const options: MockApiOptions = {
    ...rest,
    outages: outages.map(({ fromMs, lastsMs, status, retryAfter }) => ({
      fromMs,
      toMs: fromMs + lastsMs,
      status,
      retryAfter,
    })),
    flaky: { rate: flakyRate, kinds: ['500', '503', '429', '408', 'reset', 'truncate', 'hang'] },
    credits: { balance, cost },
  }
  return createMockApi(options)
}

const FAILURES =
  /^(TimeoutError: .*|mine|TypeError: (fetch failed|terminated)|QueueFullError: .*|QueueTimeoutError: .*)$/

test('whatever the API does: every call settles, nothing is left, and every credit is accounted for', async () => {
  const unhandled = rejections()
  await fc.assert(
    fc.asyncProperty(server, client, fc.array(call, { minLength: 1, maxLength: 25 }), async (api, options, calls) => {
      const given = mock(api)
      let inFlight = 0
      let most = 0
      const inner: Fetch = async (input, init) => {
        most = Math.max(most, ++inFlight)
        try {
          return await given.fetch(input, init)
        } finally {
          inFlight--
        }
      }
      const { maxAttempts, timeoutMs, ...gate } = options
      const retries = new Map<string, number>()
      let lost = 0
      const onEvent = (event: CallEvent): void => {
        if (event.type === 'attempt' && event.response === undefined) lost++
        if (event.type === 'retry' && event.by !== 'concurrency-gate')
          retries.set(event.call, (retries.get(event.call) ?? 0) + 1)
      }
      const fetch = aplomb({
        fetch: inner,
        timeoutMs,
        onEvent,
        concurrencyGate: gate,
        backoffJitter: { maxAttempts, attemptTimeoutMs: 1000 },
        retryAfter: { maxAttempts },
        classify: { lookups: '/v1/lookup/:ip' },
      })

      const ends: Promise<unknown>[] = []
      for (const [i, { to, method, gapMs, abortMs, read }] of calls.entries()) {
        const controller = new AbortController()
        if (abortMs !== undefined) setTimeout(() => controller.abort('mine'), abortMs)
        const init: RequestInit = { signal: controller.signal }
        const path =
          to === 'lookup' ? `lookup/192.0.2.${i}` : to === 'stream' ? 'stream?chunks=3&intervalMs=20' : 'echo'
        if (to === 'echo' && method !== 'GET') Object.assign(init, { method, body: `body ${i}` })
        const use = async (): Promise<void> => {
          const response = await fetch(`${KEY}/v1/${path}`, init)
          if (response.bodyUsed) throw new Error('the body was used already')
          if (read === 'text') await response.text()
          if (read === 'cancel') await response.body?.cancel()
        }
        const end = use()
        watch(end)
        ends.push(end)
        if (gapMs > 0) await vi.advanceTimersByTimeAsync(gapMs)
      }
      for (const outcome of await outcomes(ends)) {
        if ('error' in outcome) expect(String(outcome.error)).toMatch(FAILURES)
      }
      // What is left to fire: aborts of calls that have ended, and unread streams that give their slots back.
      await vi.runAllTimersAsync()
      await flush(2)
      expect(vi.getTimerCount()).toBe(0)
      expect(inFlight).toBe(0)
      expect(fetch.stats()).toMatchObject({ active: 0, queued: 0 })
      expect(most).toBeLessThanOrEqual(options.limit === 'auto' ? 256 : options.limit)
      for (const count of retries.values()) expect(count).toBeLessThan(maxAttempts)
      // What was answered counts to the credit, what was lost as much as that, once it is known.
      const expected = ((fetch.usage()?.spent ?? 0) - given.stats().creditsSpent) / api.cost
      expect(Number.isInteger(expected)).toBe(true)
      expect(expected).toBeGreaterThanOrEqual(0)
      expect(expected).toBeLessThanOrEqual(lost)
    }),
    { seed: 10, numRuns: 200 },
  )
  expect(await unhandled()).toEqual([])
}, 30_000)
