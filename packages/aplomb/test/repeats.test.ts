import type { Fetch } from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { noLimits } from '../../classify/test/support/no-limits.ts'
import { aplomb } from '../src/index.ts'
import { casesIn } from './support/cases.ts'
import { outcomes, settled, timed, urlOf, useFakeTime } from './support/time.ts'

useFakeTime()

const URL_A = 'https://api.test/v1/orders'
const CASES = ['limit-responses', 'catalogue'].flatMap(casesIn)
const CODES =
  'lock_timeout ThrottlingException rate_limit_exceeded rateLimitExceeded SlowDown RESOURCE_EXHAUSTED TooManyConcurrentRequests insufficient_quota locked'
const NULL_BODY: ReadonlySet<number> = new Set([204, 205, 304])
/** Those that speak of limits, locks, money or failure somewhere. */
const TELLING = [400, 401, 402, 403, 404, 408, 409, 413, 418, 420, 421, 422, 423, 425, 429, 430, 449, 456, 498] as const
const FAILING = [500, 502, 503, 504, 509, 520, 529, 530] as const

interface Answer {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const message = fc.oneof(
  fc.constantFrom(...noLimits.map(([, text]) => text)),
  fc.constantFrom('Rate limit exceeded, retry in 2 seconds', 'Too many concurrent requests', 'Remaining: 0', ''),
  fc.string(),
)
const body = fc.oneof(
  fc.constantFrom(...CASES.map((one) => (typeof one.body === 'string' ? one.body : JSON.stringify(one.body)))),
  message,
  fc
    .record(
      {
        message,
        code: fc.constantFrom(...CODES.split(' ')),
        retryable: fc.boolean(),
        retry_after: fc.integer({ min: 0, max: 90 }),
        limit: fc.constant({ total: 5, remaining: 0, reset: 9 }),
      },
      { requiredKeys: [] },
    )
    .map((json) => JSON.stringify(json)),
)
const named = fc.record(
  {
    'retry-after': fc.constantFrom('0', '2', '70', 'Wed, 31 Dec 2025 23:59:59 GMT', 'Thu, 01 Jan 2026 00:00:09 GMT'),
    'retry-after-ms': fc.constantFrom('0', '1500'),
    'x-ratelimit-remaining': fc.constantFrom('0', '7'),
    'x-ratelimit-reset': fc.constantFrom('3', '3600'),
    'x-concurrent-limit': fc.constant('3'),
    'x-concurrent-current': fc.constantFrom('2', '3'),
    'x-should-retry': fc.constantFrom('true', 'false'),
    'x-amzn-errortype': fc.constantFrom('ThrottlingException', 'TooManyConcurrentRequests'),
    'stripe-rate-limited-reason': fc.constantFrom('global-concurrency', 'lock_timeout'),
  },
  { requiredKeys: [] },
)
const headers = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...CASES.map((one) => one.headers)) },
  { weight: 1, arbitrary: named },
  { weight: 2, arbitrary: fc.constant({}) },
)
const answer: fc.Arbitrary<Answer> = fc.record({ headers, body })

/** Whether, by its status and headers alone, the server may have refused before processing. */
const mayHaveRefused = (status: number, { headers: said }: Answer): boolean => {
  if (status === 421 || status === 425 || status === 429) return true
  const entries = Object.entries(said)
  if (entries.some(([name, value]) => name.endsWith('should-retry') && value === 'true')) return true
  return status === 503 && entries.some(([name, value]) => /retry-?after|concurren/i.test(`${name} ${value}`))
}

/** How often a call goes out whose first answer is this one, and whose second is a 200. */
const sentFor = async (status: number, { headers: said, body: text }: Answer, init: RequestInit): Promise<number> => {
  const first = (): Response => new Response(NULL_BODY.has(status) ? null : text, { status, headers: said })
  let sent = 0
  const fetch = aplomb({ fetch: async () => (++sent === 1 ? first() : new Response('served')) })
  await outcomes([fetch(URL_A, init)])
  return sent
}

const POST = { method: 'POST', body: 'an order' }

describe('a POST without an idempotency key goes out twice only where the server refused before processing', () => {
  /** An answer with this status that makes it go out too often, if one is found. */
  const counterexample = async (status: number, numRuns: number): Promise<unknown> => {
    const isSafe = async (given: Answer): Promise<boolean> =>
      (await sentFor(status, given, POST)) <= (mayHaveRefused(status, given) ? 2 : 1)
    return (await fc.check(fc.asyncProperty(answer, isSafe), { seed: status, numRuns })).counterexample
  }

  test.each([200, 300, 400, 500])('any status from %i on, whatever stands in the answer', async (from) => {
    for (let status = from; status < from + 100; status++) {
      expect({ status, answer: await counterexample(status, 3) }).toEqual({ status, answer: null })
    }
  })

  test.each([...TELLING, ...FAILING])('%i, whatever stands in the answer', async (status) => {
    expect(await counterexample(status, 16)).toBeNull()
  })

  test.each<[number, Record<string, string>]>([
    [421, {}],
    [425, {}],
    [429, {}],
    [503, { 'retry-after': '1' }],
    [503, { 'x-concurrent-limit': '3', 'x-concurrent-current': '3' }],
    [409, { 'x-should-retry': 'true' }],
    [500, { 'stripe-should-retry': 'true' }],
  ])('there it does: %i %j', async (status, said) => {
    expect(await sentFor(status, { headers: said, body: '' }, POST)).toBe(2)
  })

  test.each<[number, Record<string, string>, object]>([
    [500, {}, { code: 'lock_timeout' }],
    [500, {}, { code: 'ThrottlingException' }],
    [504, {}, { code: 'rate_limit_exceeded' }],
    [403, {}, { reason: 'rateLimitExceeded' }],
    [409, {}, { code: 'lock_timeout' }],
    [409, {}, { retryable: true }],
    [503, { 'retry-after': '0' }, {}],
    [503, { 'x-concurrent-limit': '3', 'x-concurrent-current': '2' }, { code: 'too_many_concurrent_requests' }],
  ])('not there: %i %j %j', async (status, said, json) => {
    const given = { headers: said, body: JSON.stringify(json) }
    expect(await sentFor(status, given, POST)).toBe(1)
    const keyed = { ...POST, headers: { 'idempotency-key': 'k' } }
    expect(await sentFor(status, given, keyed)).toBe(2)
  })
})

describe('prose on a status that does not speak of limits concerns one call', () => {
  const processing = { headers: {}, body: JSON.stringify({ message: 'Your payment is being processed' }) }

  test('a POST goes out once, a GET twice at most', async () => {
    expect(await sentFor(409, processing, POST)).toBe(1)
    let gets = 0
    const fetch = aplomb({ fetch: async () => (gets++, new Response(processing.body, { status: 409 })) })
    expect((await settled(fetch(URL_A))).status).toBe(409)
    expect(gets).toBe(2)
  })

  test.each(['POST', 'GET'])('other calls of the key go when they would have gone without that %s', async (method) => {
    const course = async (first: () => Response): Promise<readonly number[]> => {
      const began = performance.now()
      const others: number[] = []
      const fetch = aplomb({
        fetch: async (input) => {
          const isFirst = urlOf(input) === URL_A
          if (!isFirst) others.push(performance.now() - began)
          return isFirst ? first() : new Response('served')
        },
      })
      const calls = [fetch(URL_A, { method })]
      for (let i = 0; i < 10; i++) calls.push(fetch(`${URL_A}/${i}`))
      await outcomes(calls)
      return others
    }
    const alone = await course(() => new Response('served'))
    expect(alone).toHaveLength(10)
    for (const [, text] of [
      ...noLimits,
      [400, 'Rate limit reached. Remaining: 0. Try again in 50 seconds.'] as const,
    ]) {
      const said = JSON.stringify({ message: text, limit: { total: 5, remaining: 0, reset: 50 } })
      for (const status of [400, 403, 409, 423]) {
        expect(await course(() => new Response(said, { status }))).toEqual(alone)
      }
    }
  })
})

describe('a wait of nothing is no wait', () => {
  test.each(['0', 'Wed, 31 Dec 2025 23:59:59 GMT'])('429 with Retry-After %s, again and again', async (value) => {
    const refusing: Fetch = async () => new Response('no', { status: 429, headers: { 'retry-after': value } })
    const server = timed(refusing)
    await outcomes([aplomb({ fetch: server })(URL_A)])
    expect(server.times).toHaveLength(4)
    const gaps = server.times.slice(1).map((at, i) => at - server.times[i]!)
    // The first may have been refused by chance: the gate asks again at once, and only once.
    expect(gaps.shift()).toBe(0)
    for (const [i, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(1000 * 2 ** i)
  })
})
