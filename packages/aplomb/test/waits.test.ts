import type { Fetch } from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { aplomb, type AplombOptions } from '../src/index.ts'
import { type Outcome, outcomes, urlOf, useFakeTime } from './support/time.ts'

useFakeTime()

const ORIGIN = 'https://api.test'
const MAX_ATTEMPTS = 4
const MAX_TOTAL_WAIT_MS = 300_000

interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const seconds = fc.integer({ min: 0, max: 59 })
const optional = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> =>
  fc.record(shape, { requiredKeys: [] })

const waits = optional({
  'retry-after': fc.oneof(
    seconds.map(String),
    fc.constantFrom('Wed, 31 Dec 2025 23:59:59 GMT', 'Thu, 01 Jan 2026 00:00:30 GMT', '0.2', 'soon'),
  ),
  'retry-after-ms': fc.integer({ min: 0, max: 59_999 }).map(String),
  'x-should-retry': fc.constantFrom('true', 'false'),
})
const concurrency = fc.record({
  'x-concurrent-limit': fc.constant('3'),
  'x-concurrent-current': fc.integer({ min: 0, max: 3 }).map(String),
})
const window = fc.record({
  'x-ratelimit-limit': fc.constant('10'),
  'x-ratelimit-remaining': fc.constantFrom('0', '1', '7'),
  'x-ratelimit-reset': seconds.map(String),
})
const draft = fc
  .tuple(fc.constantFrom(0, 1, 7), seconds)
  .map(([remaining, reset]) => ({ 'ratelimit-policy': '"a";q=10;w=60', ratelimit: `"a";r=${remaining};t=${reset}` }))
const nothing = fc.constant({})

const message = fc.constantFrom(
  '',
  'no',
  'Too many concurrent requests',
  'Rate limit exceeded, retry in 2 seconds',
  'Please try again',
  'The resource is locked by another request',
)
const codes = fc.constantFrom(
  ...'lock_timeout ThrottlingException rate_limit_exceeded SlowDown RESOURCE_EXHAUSTED TooManyConcurrentRequests insufficient_quota'.split(
    ' ',
  ),
)
const body = fc.oneof(
  message,
  optional({ message, code: codes, retryable: fc.boolean(), retry_after: seconds }).map((json) => JSON.stringify(json)),
)
const refusal: fc.Arbitrary<Refusal> = fc.record({
  status: fc.constantFrom(403, 408, 409, 421, 425, 429, 429, 429, 500, 502, 503, 503, 504, 529),
  headers: fc
    .tuple(waits, fc.oneof(nothing, concurrency), fc.oneof(nothing, window, draft))
    .map((parts) => Object.assign({}, ...parts) as Record<string, string>),
  body,
})

/** What a server made of one call. */
interface Course {
  /** When each of its requests came in. */
  readonly sentAt: number[]
  readonly answers: Response[]
  /** How long its answers took in all. */
  answerMs: number
  settledAt: number
}

const answerOf = ({ status, headers, body: text }: Refusal): Response => new Response(text, { status, headers })

/** Calls through one `aplomb()`, to paths of their own, and what became of them. */
const run = async (
  count: number,
  refusing: (call: number) => Refusal,
  latencyMs: number,
  options: AplombOptions = {},
): Promise<{ courses: Course[]; ends: Outcome<Response>[] }> => {
  const courses = Array.from({ length: count }, (): Course => {
    return { sentAt: [], answers: [], answerMs: 0, settledAt: NaN }
  })
  const server: Fetch = async (input) => {
    const call = Number(urlOf(input).split('/').at(-1))
    const { sentAt, answers } = courses[call]!
    sentAt.push(performance.now())
    courses[call]!.answerMs += latencyMs
    if (latencyMs > 0) await new Promise((resolve) => void setTimeout(resolve, latencyMs))
    return answers[answers.push(answerOf(refusing(call))) - 1]!
  }
  const fetch = aplomb({ ...options, fetch: server })
  const ends = await outcomes(
    courses.map((course, call) =>
      fetch(`${ORIGIN}/v1/x/${call}`).finally(() => {
        course.settledAt = performance.now()
      }),
    ),
  )
  return { courses, ends }
}

/** The call came to its end as it should: with its last answer, body intact, after few attempts and bounded waits. */
const expectSettled = async (
  { sentAt, answers, answerMs, settledAt }: Course,
  end: Outcome<Response> | undefined,
  { body: text }: Refusal,
  maxTotalWaitMs = MAX_TOTAL_WAIT_MS,
): Promise<void> => {
  expect(sentAt.length).toBeGreaterThan(0)
  expect(sentAt.length).toBeLessThanOrEqual(MAX_ATTEMPTS)
  expect(settledAt - sentAt[0]! - answerMs).toBeLessThanOrEqual(maxTotalWaitMs)
  const last = answers.at(-1)!
  if (end && 'error' in end) throw end.error
  expect(end?.value).toBe(last)
  expect(last.bodyUsed).toBe(false)
  expect(await last.text()).toBe(text)
  for (const other of answers.slice(0, -1)) expect(other.bodyUsed || other.body === null).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
}

describe('a call that is refused for ever ends with its last answer, after maxAttempts and maxTotalWaitMs at most', () => {
  const bound = fc.constantFrom(MAX_TOTAL_WAIT_MS, MAX_TOTAL_WAIT_MS, 60_000, 10_000, 1500, 1, 0)
  const latency = fc.constantFrom(0, 0, 30, 3000)

  test.each([
    [0, 400],
    [1, 200],
    [3, 200],
    [20, 60],
  ])('with %i siblings that are refused as well', async (siblings, numRuns) => {
    await fc.assert(
      fc.asyncProperty(refusal, bound, latency, async (one, maxTotalWaitMs, latencyMs) => {
        const { courses, ends } = await run(siblings + 1, () => one, latencyMs, { maxTotalWaitMs })
        for (const [i, course] of courses.entries()) await expectSettled(course, ends[i], one, maxTotalWaitMs)
      }),
      { seed: siblings + 1, numRuns },
    )
  })
})
