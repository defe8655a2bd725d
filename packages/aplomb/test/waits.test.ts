import { classifyResponse } from '@aplomb/classify'
import type { Fetch } from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { aplomb, type AplombOptions } from '../src/index.ts'
import { flush, listeners, type Outcome, outcomes, urlOf, useFakeTime, watch } from './support/time.ts'

useFakeTime()

const ORIGIN = 'https://api.test'
const MAX_ATTEMPTS = 4
const MAX_TOTAL_WAIT_MS = 300_000
/** However often the gate takes it for no failure of the call's own. */
const MOST_REFUSALS = 40

interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const seconds = fc.integer({ min: 0, max: 59 })
const OPTIONAL = { requiredKeys: [] }

const naming = fc.record(
  {
    'retry-after': fc.oneof(
      seconds.map(String),
      fc.constantFrom('Wed, 31 Dec 2025 23:59:59 GMT', 'Thu, 01 Jan 2026 00:00:30 GMT', '0.2', 'soon'),
    ),
    'retry-after-ms': fc.integer({ min: 0, max: 59_999 }).map(String),
    'x-should-retry': fc.constantFrom('true', 'false'),
  },
  OPTIONAL,
)
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
  fc
    .record({ message, code: codes, retryable: fc.boolean(), retry_after: seconds }, OPTIONAL)
    .map((json) => JSON.stringify(json)),
)
const refusal: fc.Arbitrary<Refusal> = fc.record({
  status: fc.constantFrom(403, 408, 409, 421, 425, 429, 429, 429, 500, 502, 503, 503, 504, 529),
  headers: fc
    .tuple(naming, fc.oneof(nothing, concurrency), fc.oneof(nothing, window, draft))
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

/** What is wrong with the end of a call, which should have come with its last answer, after few attempts and bounded waits. */
const faultsOf = async (
  { sentAt, answers, answerMs, settledAt }: Course,
  end: Outcome<Response> | undefined,
  { body: text }: Refusal,
  maxTotalWaitMs = MAX_TOTAL_WAIT_MS,
  mostAttempts = MAX_ATTEMPTS,
): Promise<string[]> => {
  const last = answers.at(-1)
  const waitedMs = settledAt - sentAt[0]! - answerMs
  const checks: [boolean, string][] = [
    [sentAt.length <= mostAttempts, `it was sent ${sentAt.length} times`],
    [waitedMs <= maxTotalWaitMs, `it has waited ${waitedMs} ms`],
    [
      end !== undefined && 'value' in end && end.value === last,
      `it ended otherwise: ${String(end && 'error' in end ? end.error : 'with another answer')}`,
    ],
    [last?.bodyUsed === false && (await last.text()) === text, 'the body is not intact'],
    [answers.slice(0, -1).every((one) => one.bodyUsed || one.body === null), 'an answer was kept'],
    [vi.getTimerCount() === 0, 'a timer is left'],
  ]
  return checks.flatMap(([holds, fault]) => (holds ? [] : [fault]))
}

describe('a call that is refused for ever ends with its last answer, after maxAttempts and maxTotalWaitMs at most', () => {
  const bound = fc.constantFrom(MAX_TOTAL_WAIT_MS, MAX_TOTAL_WAIT_MS, 60_000, 10_000, 1500, 1, 0)
  const latency = fc.constantFrom(0, 0, 30, 3000)

  test.each([
    [0, 300],
    [1, 150],
    [3, 150],
    [20, 60],
  ])('with %i siblings that are refused as well', async (siblings, numRuns) => {
    await fc.assert(
      fc.asyncProperty(refusal, bound, latency, async (one, maxTotalWaitMs, latencyMs) => {
        const { courses, ends } = await run(siblings + 1, () => one, latencyMs, { maxTotalWaitMs })
        for (const [i, course] of courses.entries())
          expect(await faultsOf(course, ends[i], one, maxTotalWaitMs)).toEqual([])
      }),
      { seed: siblings + 1, numRuns },
    )
  })

  const PLAIN: Refusal = { status: 429, headers: {}, body: 'no' }
  /** Such as would say that the server works, and so be no refusal to those beside it, become a plain one. */
  const refusing = async (one: Refusal): Promise<Refusal> => {
    const { kind } = await classifyResponse(answerOf(one))
    return ['forbidden', 'conflict', 'quota-exhausted'].includes(kind) ? PLAIN : one
  }

  test.each([
    [1, 150],
    [3, 150],
    [20, 60],
  ])('with %i siblings that are refused otherwise: the waits are bounded, too', async (siblings, numRuns) => {
    const each = fc.array(refusal, { minLength: siblings + 1, maxLength: siblings + 1 })
    await fc.assert(
      fc.asyncProperty(each, bound, latency, async (drawn, maxTotalWaitMs, latencyMs) => {
        const all = await Promise.all(drawn.map(refusing))
        const { courses, ends } = await run(siblings + 1, (call) => all[call]!, latencyMs, { maxTotalWaitMs })
        // A plain 403 or 409 is an answer of a server that serves.
        const served = all.some(({ status }) => status === 403 || status === 409)
        const mostSent = served ? MOST_REFUSALS : MAX_ATTEMPTS
        for (const [i, course] of courses.entries())
          expect(await faultsOf(course, ends[i], all[i]!, maxTotalWaitMs, mostSent)).toEqual([])
      }),
      { seed: siblings + 1, numRuns },
    )
  })

  test('with maxTotalWaitMs 0 nothing is waited for: the first refusal is returned', async () => {
    await fc.assert(
      fc.asyncProperty(refusal, fc.constantFrom(1, 2, 4), latency, async (one, count, latencyMs) => {
        const began = performance.now()
        const { courses, ends } = await run(count, () => one, latencyMs, { maxTotalWaitMs: 0 })
        for (const [i, course] of courses.entries()) {
          expect(await faultsOf(course, ends[i], one, 0, 1)).toEqual([])
          expect(course.settledAt).toBe(began + latencyMs)
        }
      }),
      { seed: 9, numRuns: 200 },
    )
  })

  test('an abort while it waits rejects with its reason, and leaves no timer', async () => {
    let aborted = 0
    await fc.assert(
      fc.asyncProperty(refusal, fc.integer({ min: 1, max: 3000 }), async (one, ms) => {
        const fetch = aplomb({ fetch: async () => answerOf(one) })
        const controller = new AbortController()
        const call = watch(fetch(`${ORIGIN}/v1/x`, { signal: controller.signal }))
        await vi.advanceTimersByTimeAsync(ms)
        const before = call.outcome
        const reason = Symbol('mine')
        controller.abort(reason)
        await flush()
        if (before === undefined) aborted++
        expect(call.outcome).toEqual(before ?? { error: reason })
        expect(vi.getTimerCount()).toBe(0)
        expect(listeners(controller.signal)).toBe(0)
        expect(fetch.stats()).toMatchObject({ active: 0, queued: 0 })
      }),
      { seed: 10, numRuns: 300 },
    )
    expect(aborted).toBeGreaterThan(100)
  })
})

describe('a call that is refused while others are served every second ends, too', () => {
  const FULL = { 'x-concurrent-limit': '3', 'x-concurrent-current': '3' }
  const refusals: [string, Refusal][] = [
    ['words', { status: 429, headers: {}, body: 'Too many concurrent requests' }],
    ['a full server', { status: 429, headers: FULL, body: 'no' }],
    ['a full server that names a wait', { status: 429, headers: { ...FULL, 'retry-after': '59' }, body: 'no' }],
    ['a wait', { status: 429, headers: { 'retry-after': '9' }, body: 'no' }],
    ['nothing', { status: 429, headers: {}, body: 'no' }],
  ]

  /** What becomes of it within two hours, with each sibling under way for most of its second, or for none of it. */
  const withOthersServed = async (one: Refusal, latencyMs: number, maxTotalWaitMs?: number) => {
    const answers: Response[] = []
    let firstSentAt: number | undefined
    let settledAt = Infinity
    let served = 0
    const server: Fetch = async (input) => {
      const refused = urlOf(input).endsWith('/refused')
      if (refused) firstSentAt ??= performance.now()
      if (latencyMs > 0) await new Promise((resolve) => void setTimeout(resolve, latencyMs))
      if (refused) return answers[answers.push(answerOf(one)) - 1]!
      served++
      return new Response('served')
    }
    const fetch = aplomb({ fetch: server, maxTotalWaitMs })
    // Some are served before: that they work is known.
    for (let i = 0; i < 5; i++) {
      void fetch(`${ORIGIN}/v1/x`)
      await vi.advanceTimersByTimeAsync(1000)
    }
    const call = watch(fetch(`${ORIGIN}/v1/refused`).finally(() => (settledAt = performance.now())))
    for (let second = 0; second < 7200 && call.outcome === undefined; second++) {
      void fetch(`${ORIGIN}/v1/x`)
      await vi.advanceTimersByTimeAsync(1000)
    }
    const waitedMs = settledAt - firstSentAt! - answers.length * latencyMs
    return { outcome: call.outcome, answers, served, waitedMs }
  }

  test.each(refusals.flatMap(([name, one]) => [0, 900].map((ms) => [name, ms, one] as const)))(
    'refused with %s, answers take %i ms',
    async (_, latencyMs, one) => {
      const { outcome, answers, served, waitedMs } = await withOthersServed(one, latencyMs)
      expect(waitedMs).toBeLessThanOrEqual(MAX_TOTAL_WAIT_MS)
      expect(answers.length).toBeLessThanOrEqual(MOST_REFUSALS)
      expect(served).toBeGreaterThan(1)
      if (outcome && 'error' in outcome) throw outcome.error
      expect(outcome?.value).toBe(answers.at(-1))
      expect(await outcome?.value.text()).toBe(one.body)
    },
  )

  test('a smaller bound ends it sooner, Infinity leaves it to the number of its refusals', async () => {
    const one = { status: 429, headers: { ...FULL, 'retry-after': '20' }, body: 'no' }
    const waited = []
    for (const maxTotalWaitMs of [60_000, MAX_TOTAL_WAIT_MS, Infinity])
      waited.push((await withOthersServed(one, 900, maxTotalWaitMs)).waitedMs)
    expect(waited[0]).toBeLessThanOrEqual(60_000)
    expect(waited[1]).toBeGreaterThan(60_000)
    expect(waited[1]).toBeLessThanOrEqual(MAX_TOTAL_WAIT_MS)
    expect(waited[2]).toBeGreaterThan(MAX_TOTAL_WAIT_MS)
    expect(waited[2]).toBeLessThan(Infinity)
  })
})

describe('when a wait has come to nothing, what was there before it stands', () => {
  /** This is the answer to the only request of a call; another one hears half a second later that nobody may come for a minute. */
  const heldBy = async (first: () => Promise<Response>): Promise<Outcome<Response>> => {
    let sent = 0
    const fetch = aplomb({
      fetch: async (input) => {
        if (urlOf(input).endsWith('/first')) {
          sent++
          return first()
        }
        await new Promise((resolve) => void setTimeout(resolve, 500))
        return new Response('', { status: 429, headers: { 'retry-after': '59' } })
      },
      maxTotalWaitMs: 10_000,
    })
    void fetch(`${ORIGIN}/second`)
    const call = watch(fetch(`${ORIGIN}/first`))
    await vi.advanceTimersByTimeAsync(499)
    expect(call.outcome).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1500)
    expect(sent).toBe(1)
    return call.outcome!
  }

  test.each([
    ['backing off', { status: 500, headers: {} }],
    ['on hold', { status: 429, headers: { 'retry-after': '1' } }],
    ['overloaded', { status: 503, headers: { 'retry-after': '1' } }],
  ])('the very answer, its body unread: %s', async (_, init) => {
    const answer = new Response('the first', init)
    const end = await heldBy(async () => answer)
    expect('value' in end && end.value).toBe(answer)
    expect(answer.bodyUsed).toBe(false)
    expect(await answer.text()).toBe('the first')
  })

  test('the very error', async () => {
    const cause = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    const error = new TypeError('fetch failed', { cause })
    const end = await heldBy(() => Promise.reject(error))
    expect('error' in end && end.error).toBe(error)
  })

  test('refused and sent back in line by the gate, it may then be on hold for too long: the answer, too', async () => {
    // Nothing is left of the window, and the answer names no wait of its own.
    const headers = {
      'retry-after': '0',
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '2',
    }
    const one = { status: 403, headers, body: 'rate limit exceeded' }
    const { courses, ends } = await run(1, () => one, 0, { maxTotalWaitMs: 1500 })
    expect(await faultsOf(courses[0]!, ends[0], one, 1500)).toEqual([])
  })
})

test('calls that have waited for as long as they may behind refusals are sent, and not sent back in line', async () => {
  const headers = { 'retry-after': '0.2', 'retry-after-ms': '59985', 'x-should-retry': 'true' }
  const windows = { 'ratelimit-policy': '"a";q=10;w=60', ratelimit: '"a";r=7;t=47' }
  const full = { 'x-concurrent-limit': '3', 'x-concurrent-current': '3' }
  const one = { status: 503, headers: { ...headers, ...windows, ...full }, body: 'no' }
  const { courses, ends } = await run(21, () => one, 0, { maxTotalWaitMs: 1 })
  for (const [i, course] of courses.entries()) expect(await faultsOf(course, ends[i], one, 1)).toEqual([])
})
