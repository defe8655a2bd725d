import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createMockApi, leastTimeMs, type MockApiOptions } from '../src/index.ts'

beforeEach(() => vi.useFakeTimers({ now: 1_700_000_000_000 }))
afterEach(() => vi.useRealTimers())

/** What a client needs that tries again every millisecond, until it is refused: nobody is faster where refusals are free. */
const tirelessClient = async (options: MockApiOptions, count: number) => {
  const api = createMockApi(options)
  let served = 0
  let pending = 0
  let finishedAt = NaN
  const startedAt = performance.now()
  const send = async () => {
    pending++
    const response = await api.fetch('https://api.test/v1/lookup/192.0.2.1').catch(() => undefined)
    const whole = await response?.text().then(
      () => response.ok,
      () => false,
    )
    pending--
    if (whole === true && ++served === count) finishedAt = performance.now() - startedAt
  }
  const refusals = () => {
    const { outage, overload, window, concurrency, credits } = api.stats().rejections
    return outage + overload + window + concurrency + credits
  }
  while (Number.isNaN(finishedAt)) {
    const wanted = () => served + pending < count
    while (wanted()) {
      const before = refusals()
      void send()
      await vi.advanceTimersByTimeAsync(0)
      if (refusals() > before) break
    }
    await vi.advanceTimersByTimeAsync(1)
  }
  return finishedAt
}

describe('leastTimeMs is the time of a client that knows everything in advance', () => {
  const lookups = 400
  test.each<[string, MockApiOptions, number, number]>([
    ['no limit: one latency', { latencyMs: 50 }, lookups, 50],
    [
      'a window: the last of ten begins after nine',
      { windows: [{ limit: 40, windowMs: 1000 }], latencyMs: 50 },
      lookups,
      9050,
    ],
    [
      'a bucket: its burst, then one by one',
      { windows: [{ limit: 10, windowMs: 1000, kind: 'bucket', burst: 5 }] },
      25,
      2000,
    ],
    ['a ceiling: rounds of five', { concurrency: 5, latencyMs: 50 }, lookups, 4000],
    [
      'both: the slower decides',
      { windows: [{ limit: 60, windowMs: 1000 }], concurrency: 5, latencyMs: 50 },
      lookups,
      6400,
    ],
    [
      'an outage in the middle',
      { concurrency: 5, latencyMs: 50, outages: [{ fromMs: 1000, toMs: 3000 }] },
      lookups,
      6000,
    ],
    ['an outage aside', { latencyMs: 50, outages: [{ fromMs: 1000, toMs: 3000 }] }, lookups, 50],
    [
      'a work queue',
      { work: { perSecond: 100, rejectionCost: 1 }, outages: [{ fromMs: 1000, toMs: 3000 }] },
      lookups,
      6000,
    ],
    [
      'an outage, then windows',
      { windows: [{ limit: 20, windowMs: 100 }], outages: [{ fromMs: 0, toMs: 2000 }] },
      500,
      4400,
    ],
    [
      'an outage without end',
      { outages: [{ fromMs: 100, toMs: Infinity }], concurrency: 1, latencyMs: 50 },
      3,
      Infinity,
    ],
    ['enough credits', { credits: { balance: 400 } }, lookups, 0],
    ['not enough credits', { credits: { balance: 399 } }, lookups, Infinity],
    ['nothing but failures', { flaky: { rate: 1 } }, 1, Infinity],
    [
      'slow bodies take their time',
      { flaky: { rate: 1, kinds: ['slow-body'], slowBodyMs: 300 }, latencyMs: 50 },
      3,
      350,
    ],
    ['nothing to do', { outages: [{ fromMs: 0, toMs: Infinity }] }, 0, 0],
  ])('%s', (_, options, count, expected) => {
    expect(leastTimeMs(options, count)).toBe(expected)
  })

  test('failures must be made up for', () => {
    const options = { windows: [{ limit: 10, windowMs: 1000 }], flaky: { rate: 0.1, kinds: ['500'] as const } }
    const api = createMockApi(options)
    // 1000 requests and about 111 more, 10 a second.
    expect(leastTimeMs(options, 1000)).toBeGreaterThan(105_000)
    expect(leastTimeMs(options, 1000)).toBeLessThan(117_000)
    expect(api.stats().requests).toBe(0)
  })

  test('rejects a count that is none', () => {
    expect(() => leastTimeMs({}, -1)).toThrow(RangeError)
    expect(() => leastTimeMs({}, NaN)).toThrow('leastTimeMs: count must be a whole number, 0 or more, got NaN')
  })

  test('nobody can be faster, and a tireless client is as fast', async () => {
    const window = fc.oneof(
      fc.record({
        limit: fc.integer({ min: 1, max: 9 }),
        windowMs: fc.integer({ min: 1, max: 200 }),
        kind: fc.constantFrom('fixed' as const, 'sliding' as const),
      }),
      // A token every whole millisecond, so that the client's millisecond steps meet it.
      fc.record({
        limit: fc.constant(10),
        windowMs: fc.constantFrom(10, 50, 100, 200),
        kind: fc.constant('bucket' as const),
        burst: fc.integer({ min: 1, max: 9 }),
      }),
    )
    const options = fc.record(
      {
        seed: fc.nat(),
        windows: fc.array(window, { maxLength: 2 }),
        concurrency: fc.integer({ min: 1, max: 8 }),
        latencyMs: fc.nat(60).map((most) => (random: () => number) => Math.floor(random() * most)),
        outages: fc.array(
          fc.tuple(fc.nat(300), fc.nat(200)).map(([fromMs, lengthMs]) => ({ fromMs, toMs: fromMs + lengthMs })),
          { maxLength: 2 },
        ),
        work: fc.record({ perSecond: fc.constantFrom(50, 100, 500), maxQueued: fc.constantFrom(0, 3, Infinity) }),
        flaky: fc.record({
          rate: fc.constantFrom(0, 0.1, 0.4),
          kinds: fc.constant(['500', 'reset', 'truncate'] as const),
        }),
        credits: fc.constant({ balance: 100 }),
      },
      { requiredKeys: ['seed'] },
    )
    await fc.assert(
      fc.asyncProperty(options, fc.integer({ min: 1, max: 30 }), async (opts, count) => {
        const least = leastTimeMs(opts, count)
        const took = await tirelessClient(opts, count)
        // It cannot know which of its requests will fail before they have.
        if ((opts.flaky?.rate ?? 0) > 0) expect(took).toBeGreaterThanOrEqual(least)
        else expect(took).toBe(least)
      }),
      { numRuns: 60 },
    )
  }, 30_000)
})
