import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { backoffJitter } from '@aplomb/backoff-jitter'
import { concurrencyGate } from '@aplomb/concurrency-gate'
import { creditMeter } from '@aplomb/credit-meter'
import { createMockApi, type MockApiOptions } from '@aplomb/mock-api'
import { retryAfter } from '@aplomb/retry-after'
import type { Alert } from '../src/index.ts'
import { alerted, short } from './helpers.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: began })
})
afterEach(() => {
  if (vi.getTimerCount() > 0) throw new Error('a timer is left')
  vi.useRealTimers()
})

const MINUTE = 60_000
const began = Date.UTC(2026, 10, 22, 12)

/** Two calls a second through everything, for some minutes. */
const run = async (options: MockApiOptions, minutes: number): Promise<Alert[]> => {
  const api = createMockApi(options)
  const below = [backoffJitter(), concurrencyGate(), retryAfter(), creditMeter()]
  const { fetch, told } = alerted(api.fetch, {}, below, { timeoutMs: 30_000 })
  const calls: Promise<unknown>[] = []
  for (let i = 0; i < minutes * 120; i++) {
    calls.push(
      fetch('https://api.test/v1/lookup/8.8.8.8').then(
        (response) => response.body?.cancel(),
        () => undefined,
      ),
    )
    await vi.advanceTimersByTimeAsync(500)
  }
  await vi.advanceTimersByTimeAsync(MINUTE)
  await Promise.all(calls)
  return told
}

describe('4. with all of aplomb below it', () => {
  test.each([503, 'reset'] as const)(
    'an outage (%s) is told of, though the gate sends little while it lasts',
    async (status) => {
      const outages = [{ fromMs: 5 * MINUTE, toMs: 15 * MINUTE, status, retryAfter: false }]
      const told = await run({ outages, latencyMs: 50 }, 25)
      expect(short(told)).toEqual(['error-rate firing', 'error-rate resolved'])
      const [firing, resolved] = told.map(({ at }) => Date.parse(at) - began)
      expect(firing).toBeLessThan(7 * MINUTE)
      expect(resolved).toBeLessThan(17 * MINUTE)
    },
  )

  test('an API that fails now and then, and refuses what is too much, is not', async () => {
    const windows = [{ limit: 60, windowMs: MINUTE }]
    expect(await run({ flaky: { rate: 0.02, kinds: ['500'] }, latencyMs: 50, windows }, 25)).toEqual([])
  })

  test('credits that run out are, once', async () => {
    expect(short(await run({ credits: { balance: 100 }, latencyMs: 50 }, 5))).toEqual(['quota-exhausted firing'])
  })
})
