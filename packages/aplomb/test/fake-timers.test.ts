import type { Fetch } from '@aplomb/pipeline'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { aplomb, type AplombOptions } from '../src/index.ts'
import { watch } from './support/time.ts'

/** What jest and vitest may be told to fake: never `performance`. */
const WORLDS = [
  ['setTimeout', 'clearTimeout'],
  ['setTimeout', 'clearTimeout', 'Date'],
  ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'Date'],
] as const

const URL_A = 'https://api.test/v1/x'
const MINUTE_MS = 60_000

beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.useRealTimers()
})

/** Time passes by the timers alone: what the machine takes is no part of it. */
const fake = (toFake: (typeof WORLDS)[number]): void => {
  vi.useFakeTimers({ toFake: [...toFake] })
  vi.spyOn(performance, 'now').mockReturnValue(1000)
}

type Answer = number | { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: string }

/** One answer after the other, the last one for good. */
const script = (...answers: readonly Answer[]): Fetch & { readonly sent: () => number } => {
  let sent = 0
  const fetch: Fetch = async () => {
    const answer = answers[Math.min(sent++, answers.length - 1)] as Answer
    const { status = 200, headers = {}, body = '{}' } = typeof answer === 'number' ? { status: answer } : answer
    return new Response(body, { status, headers })
  }
  return Object.assign(fetch, { sent: () => sent })
}

const waits = (ms: number): Answer => ({ status: 429, headers: { 'retry-after': String(ms / 1000) } })
const window = (remaining: number, resetMs: number): Answer => ({
  headers: {
    'x-ratelimit-limit': '10',
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(resetMs / 1000),
  },
})
const full: Answer = { status: 429, headers: { 'x-concurrent-limit': '1', 'x-concurrent-current': '1' } }

interface Wait {
  readonly options?: AplombOptions
  readonly answers: readonly Answer[]
  /** How many calls are made, one after the other has been sent. */
  readonly calls?: number
  /** So many are sent by then, and no more. */
  readonly before: readonly [ms: number, sent: number]
  /** By then all have settled, and so many were sent. */
  readonly after: readonly [ms: number, sent: number]
}

const cases: Readonly<Record<string, Wait>> = {
  'a backoff': { answers: [500, 500, 200], before: [999, 1], after: [10_000, 3] },
  'a hold': { answers: [waits(30_000), 200], before: [29_999, 1], after: [33_000, 2] },
  'a hold, for all': { answers: [waits(30_000), 200], calls: 8, before: [29_999, 1], after: [33_100, 9] },
  'one hold after the other': {
    answers: [waits(20_000), waits(20_000), waits(20_000), 200],
    before: [59_999, 3],
    after: [66_000, 4],
  },
  'a window that is used up': { answers: [window(0, 20_000), 200], calls: 2, before: [19_999, 1], after: [22_100, 2] },
  'a refusal without a word': { answers: [200, 429, 429, 429, 200], calls: 2, before: [0, 3], after: [10_000, 5] },
  'a full server': { answers: [200, full, full, 200], calls: 3, before: [100, 2], after: [10_000, 5] },
  'an outage': { answers: [...Array<number>(7).fill(503), 200], calls: 5, before: [999, 5], after: [MINUTE_MS, 12] },
  'a place in line': {
    options: { concurrencyGate: { limit: 1 } },
    answers: [waits(10_000), 200],
    calls: 3,
    before: [9999, 1],
    after: [11_100, 4],
  },
}

const never: Fetch = (_, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
  })

describe.each(WORLDS.map((toFake) => ({ toFake })))('fake timers without performance: $toFake', ({ toFake }) => {
  test.each(Object.entries(cases))('%s ends', async (_, { options, answers, calls = 1, before, after }) => {
    fake(toFake)
    const inner = script(...answers)
    const fetch = aplomb({ ...options, fetch: inner })
    const watched = []
    for (let i = 0; i < calls; i++) {
      watched.push(watch(fetch(URL_A)))
      await vi.advanceTimersByTimeAsync(0)
    }
    await vi.advanceTimersByTimeAsync(before[0])
    expect(inner.sent()).toBe(before[1])
    await vi.advanceTimersByTimeAsync(after[0] - before[0])
    expect(inner.sent()).toBe(after[1])
    for (const { outcome } of watched) expect(outcome).toMatchObject({ value: { status: 200 } })
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each<[string, AplombOptions, number, string]>([
    ['the whole call', { timeoutMs: 5000 }, 5000, 'The call timed out after 5000 ms'],
    [
      'an attempt',
      { backoffJitter: { attemptTimeoutMs: 5000, maxAttempts: 1 } },
      5000,
      'The attempt timed out after 5000 ms',
    ],
  ])('the time for %s ends', async (_, options, ms, message) => {
    fake(toFake)
    const records: { readonly event: string; readonly verdict?: string }[] = []
    const fetch = aplomb({ ...options, fetch: never, log: { sink: (record) => void records.push(record) } })
    const call = watch(fetch(URL_A))
    await vi.advanceTimersByTimeAsync(ms - 1)
    expect(call.outcome).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(call.outcome).toMatchObject({ error: { name: 'TimeoutError', message } })
    // Not an abort of the caller's.
    expect(records.at(-1)).toMatchObject({ event: 'call', verdict: 'timeout' })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('the time in line ends', async () => {
    fake(toFake)
    const fetch = aplomb({ fetch: never, concurrencyGate: { limit: 1, queueTimeoutMs: 5000 } })
    void fetch(URL_A)
    const call = watch(fetch(URL_A))
    await vi.advanceTimersByTimeAsync(5000)
    expect(call.outcome).toMatchObject({ error: { name: 'QueueTimeoutError' } })
  })

  test('a call that waits for what others will cost goes on', async () => {
    fake(toFake)
    let sent = 0
    const fetch = aplomb({
      fetch: (input, init) => (sent++, never(input, init)),
      creditMeter: { budget: 100, stopAt: 100 },
      concurrencyGate: false,
    })
    for (let i = 0; i < 4; i++) void fetch(URL_A)
    await vi.advanceTimersByTimeAsync(9_999)
    expect(sent).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(sent).toBeGreaterThan(1)
    await vi.advanceTimersByTimeAsync(MINUTE_MS)
    expect(sent).toBe(4)
  })

  test('a stream that nobody reads gives its slot back', async () => {
    fake(toFake)
    const headers = { 'content-type': 'text/event-stream' }
    const fetch = aplomb({
      fetch: async () => new Response(new ReadableStream({}), { headers }),
      concurrencyGate: { limit: 1 },
    })
    const first = watch(fetch(URL_A))
    const second = watch(fetch(URL_A))
    await vi.advanceTimersByTimeAsync(4999)
    expect([first.outcome !== undefined, second.outcome]).toEqual([true, undefined])
    await vi.advanceTimersByTimeAsync(1)
    expect(second.outcome).toMatchObject({ value: { status: 200 } })
  })

  const seconds = fc.integer({ min: 0, max: 40 }).map(String)
  const headers = fc.record(
    {
      'retry-after': fc.oneof(seconds, fc.constantFrom('0.2', 'soon')),
      'retry-after-ms': fc.integer({ min: 0, max: 3000 }).map(String),
      'x-concurrent-limit': fc.constant('3'),
      'x-concurrent-current': fc.constantFrom('0', '3'),
      'x-ratelimit-limit': fc.constant('10'),
      'x-ratelimit-remaining': fc.constantFrom('0', '1', '7'),
      'x-ratelimit-reset': seconds,
    },
    { requiredKeys: [] },
  )
  const answer = fc.record({
    status: fc.constantFrom(200, 200, 429, 429, 429, 500, 503, 503, 408),
    headers,
    body: fc.constantFrom('', 'no', 'Too many concurrent requests', 'Rate limit exceeded, retry in 2 seconds'),
  })

  test('whatever a server answers, every call settles within the time that its waits may take', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(answer, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom(0, 1, 700),
        async (answers, calls, latencyMs) => {
          vi.useFakeTimers({ toFake: [...toFake] })
          const scripted = script(...answers)
          const fetch = aplomb({
            fetch: async (input, init) => {
              if (latencyMs > 0) await new Promise((resolve) => void setTimeout(resolve, latencyMs))
              return scripted(input, init)
            },
            maxTotalWaitMs: 2 * MINUTE_MS,
          })
          const watched = Array.from({ length: calls }, (_, i) => watch(fetch(`${URL_A}/${i}`)))
          await vi.advanceTimersByTimeAsync(10 * MINUTE_MS)
          expect(watched.filter(({ outcome }) => outcome === undefined)).toEqual([])
          expect(vi.getTimerCount()).toBe(0)
          vi.useRealTimers()
        },
      ),
      { numRuns: 40, seed: 1 },
    )
  })
})

describe('timers of the platform, and performance.now() stands still', () => {
  test.each<[string, readonly Answer[], AplombOptions]>([
    ['a backoff', [500, 500, 200], { backoffJitter: { baseMs: 5 } }],
    ['a hold', [{ status: 429, headers: { 'retry-after-ms': '20' } }, 200], {}],
    ['a refusal without a word', [200, 429, 429, 200], { backoffJitter: { baseMs: 5 } }],
    ['a full server', [200, full, full, 200], {}],
  ])('%s ends', async (_, answers, options) => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const fetch = aplomb({ ...options, fetch: script(...answers) })
    const responses = await Promise.all([fetch(URL_A), fetch(URL_A), fetch(URL_A)])
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200])
  })
})
