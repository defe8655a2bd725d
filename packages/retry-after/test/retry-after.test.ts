import { classify } from '@aplomb/classify'
import { createMockApi, respond, type ScriptedAnswer, type ScriptEntry, type SentResponse } from '@aplomb/mock-api'
import {
  type CallEvent,
  createFetch,
  type CreateFetchOptions,
  type Fetch,
  middleware,
  verdictOf,
} from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  abortAfter,
  CLEAN,
  flush,
  listeners,
  type Outcome,
  outcomes,
  platformListeners,
  settled,
  timed,
  urlOf,
  useFakeTime,
  watch,
} from '../../aplomb/test/support/time.ts'
import { retryAfter, type RetryAfterOptions, WeightExceedsLimitError } from '../src/index.ts'

useFakeTime()

const TARGET = 'https://api.test/x'
const OTHER = 'https://other.test/x'

const noChance = (): void => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
}

const asks = (ms: number, more: ScriptedAnswer = {}): ScriptedAnswer => ({
  status: 429,
  headers: { 'retry-after-ms': String(ms) },
  ...more,
})

type Announced = readonly [name: string, limit: number, remaining: number, resetS: number, windowS?: number]

/** What the IETF draft's headers say of windows: seconds to the reset, and of the whole if that is not the same. */
const limitsOf = (...windows: readonly Announced[]): Record<string, string> => ({
  'ratelimit-policy': windows.map(([name, limit, , t, w = t]) => `"${name}";q=${limit};w=${w}`).join(', '),
  ratelimit: windows.map(([name, , remaining, t]) => `"${name}";r=${remaining};t=${t}`).join(', '),
})

const announces = (...windows: readonly Announced[]): ScriptedAnswer => ({ headers: limitsOf(...windows) })

const setup = (script: readonly ScriptEntry[], options?: RetryAfterOptions, pipeline: CreateFetchOptions = {}) => {
  const server = timed(respond(...script))
  return { server, fetch: createFetch([retryAfter(options), classify()], { ...pipeline, fetch: server }) }
}

const statusOf = async (call: Promise<Response>): Promise<number> => (await settled(call)).status

/** The very answer that the server gave, its body there to be read. */
const expectUnread = async (
  outcome: Outcome<Response> | undefined,
  sent: SentResponse | undefined,
  body: string,
): Promise<void> => {
  const response = outcome && 'value' in outcome ? outcome.value : undefined
  expect(response).toBe(sent?.response)
  expect(response?.bodyUsed).toBe(false)
  expect(await response?.text()).toBe(body)
}

describe('1. an answer that names a wait is sent again after that wait, never before', () => {
  test.each([
    ['429', { status: 429, headers: { 'retry-after': '2' } }],
    ['503', { status: 503, headers: { 'retry-after': '2' } }],
    ['529', { status: 529, headers: { 'retry-after': '2' } }],
    ['413', { status: 413, headers: { 'retry-after': '2' } }],
    ['a date', { status: 429, headers: { 'retry-after': 'Thu, 01 Jan 2026 00:00:02 GMT' } }],
    [
      'a date by a clock that is an hour off',
      {
        status: 429,
        headers: { 'retry-after': 'Thu, 01 Jan 2026 01:00:02 GMT', date: 'Thu, 01 Jan 2026 01:00:00 GMT' },
      },
    ],
    ['retry-after-ms', { status: 429, headers: { 'retry-after-ms': '2000' } }],
    ['a window that has run out', { ...announces(['default', 9, 0, 2]), status: 429 }],
    ['a sentence in the body', { status: 429, body: { message: 'Rate limit reached. Please try again in 2s.' } }],
  ] as [string, ScriptedAnswer][])('%s', async (_, answer) => {
    noChance()
    const { server, fetch } = setup([answer, 200])
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 2000])
  })

  test.each([
    ['429 that names none', 429],
    ['500, which is not its own', { status: 500, headers: { 'retry-after': '2' } }],
    ['400', { status: 400, headers: { 'retry-after': '2' } }],
    ['402', { status: 402, headers: { 'retry-after': '2' } }],
    ['200', { status: 200, headers: { 'retry-after': '2' } }],
    ['202', { status: 202, headers: { 'retry-after': '2' } }],
    ['429 that asks for no time', { status: 429, headers: { 'retry-after': '0' } }],
    ['429 that asks for a time gone by', { status: 429, headers: { 'retry-after': 'Wed, 31 Dec 2025 23:59:59 GMT' } }],
    ['400 in whose prose alone there is a limit', { status: 400, body: { message: 'Rate limit hit, retry in 2s.' } }],
    ['429 that forbids it', asks(2000, { headers: { 'retry-after': '2', 'x-should-retry': 'false' } })],
  ] as [string, ScriptEntry][])('not so a %s: it is returned at once', async (_, answer) => {
    const { server, fetch } = setup([answer])
    const call = watch(fetch(TARGET))
    await flush()
    expect(call.outcome).toHaveProperty('value')
    expect(server.times).toEqual([0])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('each of several in a row', async () => {
    noChance()
    const { server, fetch } = setup([asks(1000), asks(500), asks(250), 200])
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 1000, 1500, 1750])
  })

  test('a network failure is rethrown as it is', async () => {
    const failure = new TypeError('fetch failed')
    const { fetch } = setup([failure])
    await expect(fetch(TARGET)).rejects.toBe(failure)
  })

  test('a POST is sent again where the server refused it before doing anything', async () => {
    const { server, fetch } = setup([asks(100), asks(100, { status: 503 }), 200])
    expect(await statusOf(fetch(TARGET, { method: 'POST', body: 'one' }))).toBe(200)
    expect(await Promise.all(server.inner.requests.map((request) => request.text()))).toEqual(['one', 'one', 'one'])
  })

  test('a POST is not sent again after a 503 that has a wait in its text only', async () => {
    const { server, fetch } = setup([{ status: 503, body: { message: 'Overloaded, try again in 1s.' } }, 200])
    expect(await statusOf(fetch(TARGET, { method: 'POST', body: 'one' }))).toBe(503)
    expect(server.times).toHaveLength(1)
  })
})

describe('2. the wait holds all calls of the same key, also those that come later', () => {
  test.each([
    ['a code', { status: 403, body: { reason: 'rateLimitExceeded' } }],
    ['overload', { status: 529 }],
  ] as [string, ScriptedAnswer][])('also that of a POST which is not sent again, by %s', async (_, answer) => {
    noChance()
    const { server, fetch } = setup([{ ...answer, headers: { 'retry-after': '1' } }, { times: Infinity }])
    expect(await statusOf(fetch(TARGET, { method: 'POST', body: 'one' }))).toBe(answer.status)
    await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 1000])
  })

  test('but nobody is held by prose, whatever it says is left', async () => {
    const body = { message: 'Rate limit reached. Remaining: 0. Try again in 50 seconds.' }
    const { server, fetch } = setup([{ status: 403, body }, 200])
    expect(await statusOf(fetch(TARGET))).toBe(403)
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 0])
  })

  test('one answer holds them all; another key goes on', async () => {
    noChance()
    const { server, fetch } = setup([asks(1000), { times: Infinity }])
    const calls = [watch(fetch(TARGET))]
    await flush()
    calls.push(watch(fetch(TARGET)))
    await vi.advanceTimersByTimeAsync(500)
    calls.push(watch(fetch(TARGET)))
    expect(await statusOf(fetch(OTHER))).toBe(200)
    await vi.advanceTimersByTimeAsync(499)
    expect(server.times).toEqual([0, 500])
    await vi.advanceTimersByTimeAsync(1)
    expect(server.times).toEqual([0, 500, 1000, 1000, 1000])
    expect(calls.every(({ outcome }) => outcome)).toBe(true)
  })

  test('keys are what the pipeline says they are', async () => {
    noChance()
    const { server, fetch } = setup([asks(1000), 200, 200], {}, { key: 'all of it' })
    const first = watch(fetch(TARGET))
    await flush()
    const second = watch(fetch(OTHER))
    await vi.advanceTimersByTimeAsync(1000)
    expect(server.times).toEqual([0, 1000, 1000])
    expect([first, second].every(({ outcome }) => outcome)).toBe(true)
  })

  test('what is on its way when the hold begins is not recalled', async () => {
    const { fetch } = setup([{ delayMs: 300 }, asks(1000), 200])
    const early = watch(fetch(TARGET))
    const refused = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(300)
    expect(early.outcome).toHaveProperty('value')
    expect(refused.outcome).toBeUndefined()
    await settled(fetch(TARGET, { method: 'HEAD' }).catch(() => undefined))
  })

  test('a hold that begins while another call waits holds that one, too', async () => {
    noChance()
    const { server, fetch } = setup([asks(1000), { ...asks(2000), delayMs: 500 }, { times: Infinity }])
    const calls = [fetch(TARGET), fetch(TARGET)]
    await outcomes(calls)
    expect(server.times).toEqual([0, 0, 2500, 2500])
  })

  test('however many other keys come by while an answer is awaited', async () => {
    noChance()
    const server = timed(respond({ ...asks(1000), delayMs: 10 }, { times: Infinity }))
    const fetch = createFetch([retryAfter(), classify()], { fetch: server })
    const slow = watch(fetch(TARGET))
    for (let i = 0; i < 3000; i++) await fetch(`https://host-${i}.test/`)
    await vi.advanceTimersByTimeAsync(10)
    expect(slow.outcome).toBeUndefined()
    expect(server.times).toHaveLength(3001)
    const sibling = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(999)
    expect(server.times).toHaveLength(3001)
    await vi.advanceTimersByTimeAsync(1)
    expect(server.times.slice(3001)).toEqual([1010, 1010])
    expect(sibling.outcome).toHaveProperty('value')
  })

  test('the event says so', async () => {
    const events: CallEvent[] = []
    const { fetch } = setup([asks(1000), 200], {}, { onEvent: (event) => events.push(event) })
    await settled(fetch(TARGET))
    expect(events.map(({ type }) => type)).toEqual(['attempt', 'hold', 'retry', 'attempt'])
    expect(events[1]).toMatchObject({ key: 'https://api.test', by: 'retry-after', waitMs: 1000 })
    expect(events[2]).toMatchObject({ by: 'retry-after', attempt: 1, waitMs: 1000 })
    expect(events[3]).toMatchObject({ attempt: 2, queueMs: 0, backoffMs: 0 })
    expect((events[3] as { holdMs: number }).holdMs).toBeGreaterThanOrEqual(1000)
  })
})

describe('3. a shorter wait never shortens a longer one', () => {
  test('whichever comes last', async () => {
    noChance()
    const { server, fetch } = setup([asks(2000), { ...asks(500), delayMs: 100 }, { times: Infinity }])
    await outcomes([fetch(TARGET), fetch(TARGET)])
    expect(server.times).toEqual([0, 0, 2000, 2000])
  })
})

describe('4. at its end calls go in turn, spread over up to a tenth of the pause they sat out', () => {
  test('a hundred of them: later, never sooner', async () => {
    const { server, fetch } = setup([asks(10_000), { times: Infinity }])
    const calls = [fetch(TARGET)]
    await flush()
    for (let i = 0; i < 99; i++) calls.push(fetch(TARGET))
    await outcomes(calls)
    const back = server.times.slice(1)
    expect(back).toHaveLength(100)
    expect(Math.min(...back)).toBeGreaterThanOrEqual(10_000)
    expect(Math.max(...back)).toBeLessThanOrEqual(11_000)
    expect(new Set(back).size).toBeGreaterThan(50)
  })

  test('20 ms for each at most: a few need less', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { server, fetch } = setup([asks(10_000), { times: Infinity }])
    const calls = [fetch(TARGET)]
    await flush()
    calls.push(fetch(TARGET), fetch(TARGET))
    await outcomes(calls)
    expect(server.times).toEqual([0, 10_010, 10_020, 10_030])
  })

  test('chance is only ever added', async () => {
    const draw = vi.spyOn(Math, 'random').mockReturnValue(0.999_999)
    const late = setup([asks(1000), 200])
    await settled(late.fetch(TARGET))
    expect(late.server.times[1]).toBe(1020)
    draw.mockReturnValue(0)
    const prompt = setup([asks(1000), 200])
    await settled(prompt.fetch(TARGET))
    expect(prompt.server.times).toEqual([0, 1000])
  })

  test('one that was never sent finds out, then those that were refused come first, first come, first served', async () => {
    const server = respond(
      { ...asks(1000), delayMs: 30 },
      { ...asks(1000), delayMs: 20 },
      { ...asks(1000), delayMs: 10 },
      {
        times: Infinity,
      },
    )
    const fetch = createFetch([retryAfter(), classify()], { fetch: server })
    const calls = ['a', 'b', 'c'].map((name) => fetch(`${TARGET}/${name}`))
    await vi.advanceTimersByTimeAsync(10)
    calls.push(...['d', 'e'].map((name) => fetch(`${TARGET}/${name}`)))
    await outcomes(calls)
    const order = server.requests.map(({ url }) => url.at(-1))
    // In the order in which their refusals came back.
    expect(order).toEqual(['a', 'b', 'c', 'd', 'c', 'b', 'a', 'e'])
  })

  test('one timer for each key waits for all of its calls', async () => {
    const server = respond(asks(1000), asks(1000), { times: Infinity })
    const fetch = createFetch([retryAfter({ maxAttempts: 1 }), classify()], { fetch: server })
    await fetch(TARGET)
    await fetch(OTHER)
    const calls = []
    for (let i = 0; i < 500; i++) calls.push(fetch(TARGET), fetch(OTHER))
    await flush()
    expect(vi.getTimerCount()).toBe(2)
    await outcomes(calls)
    expect(server.calls).toBe(1002)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('whoever would go in the moment in which an answer names a wait, waits', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { server, fetch } = setup([asks(1000), { ...asks(1000), delayMs: 1020 }, { times: Infinity }])
    const calls = [fetch(TARGET), fetch(TARGET)]
    await flush()
    calls.push(fetch(TARGET), fetch(TARGET))
    await vi.advanceTimersByTimeAsync(1020)
    expect(server.times).toEqual([0, 0, 1010])
    await outcomes(calls)
    expect(server.times.slice(3).every((at) => at >= 2020)).toBe(true)
  })
})

describe('5. a wait longer than maxWaitMs is neither begun nor shortened', () => {
  test('an hour: the answer comes at once, and says when', async () => {
    const { server, fetch } = setup([{ status: 429, headers: { 'retry-after': '3600' } }])
    const began = performance.now()
    const response = await fetch(TARGET)
    expect(performance.now() - began).toBe(0)
    expect(response.status).toBe(429)
    expect(response.bodyUsed).toBe(false)
    expect(verdictOf(response).retryAt).toEqual(new Date(Date.now() + 3_600_000))
    expect(server.times).toEqual([0])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('other calls are not held by it', async () => {
    const { fetch } = setup([asks(60_001), 200])
    await fetch(TARGET)
    const second = watch(fetch(TARGET))
    await flush()
    expect(second.outcome).toHaveProperty('value.status', 200)
  })

  test('one of exactly maxWaitMs is sat out', async () => {
    noChance()
    const { server, fetch } = setup([asks(500), 200], { maxWaitMs: 500 })
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 500])
  })

  test('maxWaitMs 0 waits for nothing', async () => {
    const { fetch } = setup([asks(1)], { maxWaitMs: 0 })
    expect((await fetch(TARGET)).status).toBe(429)
  })

  test('the give-up is told, with its reason', async () => {
    const events: CallEvent[] = []
    const { fetch } = setup([asks(3_600_000)], {}, { onEvent: (event) => events.push(event) })
    await fetch(TARGET)
    expect(events.at(-1)).toMatchObject({
      type: 'give-up',
      by: 'retry-after',
      reason: 'the server asks for 3600 s, maxWaitMs is 60 s',
    })
  })
})

describe("6. a wait that does not fit into the call's deadline, or into what its waits may add up to, is not begun", () => {
  test('ten seconds with five left: the answer comes at once', async () => {
    const { server, fetch } = setup([{ ...asks(10_000), delayMs: 1000 }], {}, { timeoutMs: 6000 })
    const call = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(999)
    expect(call.outcome).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(call.outcome).toHaveProperty('value.status', 429)
    expect(call.outcome).toHaveProperty('value.bodyUsed', false)
    expect(server.times).toEqual([0])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a wait that ends at the deadline does not fit, one that ends before it does', async () => {
    noChance()
    const tight = setup([asks(1000)], {}, { timeoutMs: 1000 })
    expect(await statusOf(tight.fetch(TARGET))).toBe(429)
    expect(tight.server.times).toEqual([0])
    const enough = setup([asks(1000), 200], {}, { timeoutMs: 1001 })
    expect(await statusOf(enough.fetch(TARGET))).toBe(200)
    expect(enough.server.times).toEqual([0, 1000])
  })

  test('a call that meets such a hold rejects at once, without being sent', async () => {
    const { server, fetch } = setup([asks(10_000)], {}, { timeoutMs: 5000 })
    await fetch(TARGET)
    const call = watch(fetch(TARGET))
    await flush()
    expect(call.outcome).toHaveProperty('error.name', 'TimeoutError')
    expect(server.times).toEqual([0])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a call whose hold is extended past its deadline hears so in that moment: who was sent gets its last answer', async () => {
    noChance()
    const script = [asks(1000, { body: 'first' }), { ...asks(20_000), delayMs: 500 }]
    const { server, fetch } = setup(script, {}, { timeoutMs: 5000 })
    const refused = watch(fetch(TARGET))
    const second = watch(fetch(TARGET))
    await flush()
    const held = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(499)
    expect([refused, second, held].map(({ outcome }) => outcome)).toEqual([undefined, undefined, undefined])
    await vi.advanceTimersByTimeAsync(1)
    expect(second.outcome).toHaveProperty('value', server.inner.responses[1]?.response)
    await expectUnread(refused.outcome, server.inner.responses[0], 'first')
    expect(held.outcome).toHaveProperty('error.name', 'TimeoutError')
    expect(held.outcome).toHaveProperty('error.message', 'The call was on hold for 20 s more, past the deadline')
    expect(server.times).toEqual([0, 0])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('one with more time stays, and goes', async () => {
    noChance()
    const server = timed(respond(asks(1000), { ...asks(20_000), delayMs: 500 }, { times: Infinity }))
    const shared = retryAfter()
    const hasty = createFetch([shared, classify()], { fetch: server, timeoutMs: 5000 })
    const patient = createFetch([shared, classify()], { fetch: server })
    const calls = [watch(hasty(TARGET)), watch(patient(TARGET))]
    await flush()
    calls.push(watch(patient(TARGET)))
    await vi.advanceTimersByTimeAsync(20_500)
    expect(calls[0]?.outcome).toHaveProperty('value.status', 429)
    expect(calls[1]?.outcome).toHaveProperty('value.status', 200)
    expect(calls[2]?.outcome).toHaveProperty('value.status', 200)
    expect(server.times).toEqual([0, 0, 20_500, 20_500])
  })

  test('waits add up: one that is more than maxTotalWaitMs leaves is not begun', async () => {
    noChance()
    const events: CallEvent[] = []
    const onEvent = (event: CallEvent): void => void events.push(event)
    const { server, fetch } = setup([asks(3000), asks(2000)], {}, { maxTotalWaitMs: 5000, onEvent })
    const call = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(3000)
    await expectUnread(call.outcome, server.inner.responses[1], '{"status":429}')
    expect(server.times).toEqual([0, 3000])
    const reason = 'the server asks for 2 s, more than maxTotalWaitMs leaves'
    expect(events.at(-1)).toMatchObject({ type: 'give-up', by: 'retry-after', reason })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('one that is just less is', async () => {
    noChance()
    const { server, fetch } = setup([asks(3000), asks(2000), 200], {}, { maxTotalWaitMs: 5001 })
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 3000, 5000])
  })

  test('a call whose hold others extend beyond that ends in that moment with its last answer; who was not sent yet waits on', async () => {
    noChance()
    const events: CallEvent[] = []
    const onEvent = (event: CallEvent): void => void events.push(event)
    const script = [asks(1000, { body: 'first' }), { ...asks(20_000), delayMs: 500 }, 200]
    const { server, fetch } = setup(script, {}, { maxTotalWaitMs: 5000, onEvent })
    const refused = watch(fetch(TARGET))
    const second = watch(fetch(TARGET))
    await flush()
    const held = watch(fetch(TARGET))
    await vi.advanceTimersByTimeAsync(499)
    expect([refused, second, held].map(({ outcome }) => outcome)).toEqual([undefined, undefined, undefined])
    await vi.advanceTimersByTimeAsync(1)
    expect(second.outcome).toHaveProperty('value', server.inner.responses[1]?.response)
    await expectUnread(refused.outcome, server.inner.responses[0], 'first')
    const reason = 'on hold for 20 s more, more than maxTotalWaitMs leaves'
    expect(events).toContainEqual(expect.objectContaining({ type: 'give-up', by: 'retry-after', reason }))
    expect(held.outcome).toBeUndefined()
    await vi.advanceTimersByTimeAsync(20_000)
    expect(held.outcome).toHaveProperty('value.status', 200)
    expect(server.times).toEqual([0, 0, 20_500])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('an answer that was too large to be kept is not: a TimeoutError in its place', async () => {
    const large = asks(1000, { body: 'x'.repeat(70_000) })
    const { server, fetch } = setup([large, { ...asks(20_000), delayMs: 500 }], {}, { maxTotalWaitMs: 5000 })
    const refused = watch(fetch(TARGET))
    const second = watch(fetch(TARGET))
    await flush()
    // Its connection is free while it waits.
    expect(server.inner.responses[0]?.response.bodyUsed).toBe(true)
    await vi.advanceTimersByTimeAsync(500)
    expect(refused.outcome).toHaveProperty('error.name', 'TimeoutError')
    expect(second.outcome).toHaveProperty('value.status', 429)
  })

  test('with maxTotalWaitMs 0 nothing is waited for', async () => {
    const { server, fetch } = setup([asks(1)], {}, { maxTotalWaitMs: 0 })
    const call = watch(fetch(TARGET))
    await flush()
    expect(call.outcome).toHaveProperty('value', server.inner.responses[0]?.response)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('7. after maxAttempts, or if the body cannot be sent again, the answer is returned, its body unread', () => {
  test.each([1, 2, 4])('maxAttempts %d', async (maxAttempts) => {
    const { server, fetch } = setup([{ ...asks(100), body: 'slow down', times: Infinity }], { maxAttempts })
    const response = await settled(fetch(TARGET))
    expect(response.status).toBe(429)
    expect(server.times).toHaveLength(maxAttempts)
    expect(await response.text()).toBe('slow down')
  })

  test('four by default', async () => {
    const { server, fetch } = setup([{ ...asks(100), times: Infinity }])
    await settled(fetch(TARGET))
    expect(server.times).toHaveLength(4)
  })

  test('its last answer still holds the others', async () => {
    noChance()
    const { server, fetch } = setup([asks(1000), 200], { maxAttempts: 1 })
    await fetch(TARGET)
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 1000])
  })

  test('a stream is sent once', async () => {
    const { server, fetch } = setup([asks(100)])
    const body = new Blob(['once']).stream()
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    const response = await fetch(TARGET, init)
    expect(response.status).toBe(429)
    expect(response.bodyUsed).toBe(false)
    expect(server.times).toHaveLength(1)
  })

  test('what another middleware gave up is returned', async () => {
    const server = respond(asks(100), 200)
    const giveUp = middleware('other', async (request, next, call) => {
      const response = await next(request)
      call.giveUp('other', 'enough')
      return response
    })
    const fetch = createFetch([retryAfter(), giveUp, classify()], { fetch: server })
    expect((await fetch(TARGET)).status).toBe(429)
    expect(server.calls).toBe(1)
  })
})

describe('8. a 429 of a window does not count where others of the key were served: it lost a race', () => {
  /** An API that serves all but one path, and refuses that with a wait. */
  const server = (refusal: ScriptedAnswer) => {
    const mine: number[] = []
    const began = performance.now()
    const served = respond({ delayMs: 10, times: Infinity })
    const refused = respond({ delayMs: 10, ...refusal, times: Infinity })
    const fetch: Fetch = (input, init) => {
      if (!urlOf(input).endsWith('/mine')) return served(input, init)
      mine.push(performance.now() - began)
      return refused(input, init)
    }
    return { mine, fetch }
  }
  const MINE = 'https://api.test/mine'

  test('sixteen times for each call, beside its four attempts', async () => {
    noChance()
    const { mine, fetch: inner } = server(asks(100))
    const fetch = createFetch([retryAfter(), classify()], { fetch: inner })
    const [response] = await outcomes([fetch(MINE), fetch(TARGET)])
    expect(response).toHaveProperty('value.status', 429)
    expect(mine).toHaveLength(4 + 16)
    expect(mine.at(-1)).toBe(19 * 110)
  })

  test('but never where one attempt is all there is', async () => {
    const { mine, fetch: inner } = server(asks(100))
    const fetch = createFetch([retryAfter({ maxAttempts: 1 }), classify()], { fetch: inner })
    const [response] = await outcomes([fetch(MINE), fetch(TARGET)])
    expect(response).toHaveProperty('value.status', 429)
    expect(mine).toHaveLength(1)
  })

  test('and then it is served', async () => {
    const fetch = createFetch([retryAfter(), classify()], {
      fetch: respond({ ...asks(100), delayMs: 10 }, { delayMs: 5 }, { ...asks(100), times: 15 }, 200),
    })
    const [first, second] = await outcomes([fetch(TARGET), fetch(TARGET)])
    expect(first).toHaveProperty('value.status', 200)
    expect(second).toHaveProperty('value.status', 200)
  })

  test('a lone call has four attempts', async () => {
    const { mine, fetch: inner } = server(asks(100))
    expect(await statusOf(createFetch([retryAfter(), classify()], { fetch: inner })(MINE))).toBe(429)
    expect(mine).toHaveLength(4)
  })

  test('so has one whose like are refused, too', async () => {
    const { mine, fetch: inner } = server(asks(100))
    const fetch = createFetch([retryAfter(), classify()], { fetch: inner })
    for (const outcome of await outcomes([fetch(MINE), fetch(MINE), fetch(MINE)]))
      expect(outcome).toHaveProperty('value.status', 429)
    expect(mine).toHaveLength(12)
  })

  describe('where the answers show that others use the window up', () => {
    const refusal: ScriptedAnswer = {
      ...asks(1000),
      headers: { 'retry-after-ms': '1000', ...limitsOf(['default', 2, 0, 1]) },
    }

    test('nor does one within ten seconds of a call that was served', async () => {
      noChance()
      const { server: api, fetch } = setup([announces(['default', 2, 1, 1]), { ...refusal, times: Infinity }])
      expect(await statusOf(fetch(TARGET))).toBe(200)
      await vi.advanceTimersByTimeAsync(1000)
      expect(await statusOf(fetch(TARGET))).toBe(429)
      // One in a window, a little after its beginning, or in the next one if that is too late: those until the tenth second do not count.
      const early = [1000, 2100, 3200, 4300, 6000, 7100, 8200, 9300]
      expect(api.times.slice(1)).toEqual([...early, 11_000, 12_100, 13_200, 14_300])
    })

    test('nor, however long it takes, one of a call that was sent before that', async () => {
      noChance()
      const { mine, fetch: inner } = server(refusal)
      const fetch = createFetch([retryAfter(), classify()], { fetch: inner })
      const [response] = await outcomes([fetch(MINE), fetch(TARGET)])
      expect(response).toHaveProperty('value.status', 429)
      expect(mine).toHaveLength(4 + 16)
    })

    test('but of a key that never served us, four attempts are all', async () => {
      const { server: api, fetch } = setup([{ ...refusal, times: Infinity }])
      expect(await statusOf(fetch(TARGET))).toBe(429)
      expect(api.times).toHaveLength(4)
    })
  })

  test.each([
    ['a wait of more than ten seconds', asks(10_001)],
    ['an overload', asks(100, { status: 503 })],
  ])('%s is no race', async (_, refusal) => {
    const { mine, fetch: inner } = server(refusal)
    const fetch = createFetch([retryAfter(), classify()], { fetch: inner })
    const [response] = await outcomes([fetch(MINE), fetch(TARGET)])
    expect(response).toHaveProperty('value.status', refusal.status)
    expect(mine).toHaveLength(4)
  })

  test('one of ten seconds is', async () => {
    const { mine, fetch: inner } = server(asks(10_000))
    const fetch = createFetch([retryAfter(), classify()], { fetch: inner })
    await outcomes([fetch(MINE), fetch(TARGET)])
    expect(mine).toHaveLength(20)
  })

  test.each([
    ['one of another key', OTHER, 0],
    ['one that was served before this call was first sent', TARGET, 50],
  ])('%s does not count', async (_, target, gapMs) => {
    const { mine, fetch: inner } = server(asks(100))
    const fetch = createFetch([retryAfter(), classify()], { fetch: inner })
    const other = fetch(target)
    await vi.advanceTimersByTimeAsync(gapMs)
    await outcomes([other, fetch(MINE)])
    expect(mine).toHaveLength(4)
  })
})

describe('9. when the rest of a window is spoken for, the next one waits for the reset', () => {
  test('one after the other', async () => {
    noChance()
    const { server, fetch } = setup([
      announces(['default', 3, 2, 10]),
      announces(['default', 3, 1, 10]),
      announces(['default', 3, 0, 10]),
      200,
    ])
    for (let i = 0; i < 4; i++) await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 0, 0, 10_000])
  })

  test('thrown in at once: what is left is sent, no more', async () => {
    noChance()
    const { server, fetch } = setup([announces(['default', 3, 2, 10]), { times: Infinity }])
    await fetch(TARGET)
    await outcomes(Array.from({ length: 4 }, () => fetch(TARGET)))
    expect(server.times.filter((at) => at < 10_000)).toEqual([0, 0, 0])
    expect(server.times).toHaveLength(5)
  })

  test('those under way count, and the last one waits for one of their answers', async () => {
    noChance()
    const { server, fetch } = setup([announces(['default', 3, 2, 10]), { delayMs: 100, times: Infinity }])
    await fetch(TARGET)
    const calls = []
    for (let i = 0; i < 3; i++) {
      calls.push(fetch(TARGET))
      await flush()
    }
    expect(server.times).toEqual([0, 0])
    await outcomes(calls)
    expect(server.times.slice(2)).toEqual([100, 10_000])
  })

  test('or until an answer says that there is room', async () => {
    noChance()
    const { server, fetch } = setup([
      announces(['default', 9, 2, 60]),
      { ...announces(['default', 9, 8, 60]), delayMs: 300 },
      { delayMs: 500 },
      { times: Infinity },
    ])
    await fetch(TARGET)
    await outcomes([fetch(TARGET), fetch(TARGET), fetch(TARGET)])
    expect(server.times).toEqual([0, 0, 300, 300])
  })

  test('but a hold lasts, whatever an answer says of windows', async () => {
    noChance()
    const { server, fetch } = setup([
      asks(1000),
      { ...announces(['default', 9, 8, 60]), delayMs: 300 },
      { times: Infinity },
    ])
    await outcomes([fetch(TARGET), fetch(TARGET)])
    expect(server.times).toEqual([0, 0, 1000])
  })

  test('an event says so', async () => {
    const events: CallEvent[] = []
    const script = [announces(['default', 1, 0, 10]), 200]
    const { fetch } = setup(script, {}, { onEvent: (event) => events.push(event) })
    await fetch(TARGET)
    await settled(fetch(TARGET))
    expect(events.map(({ type }) => type)).toEqual(['attempt', 'hold', 'attempt'])
    expect(events[1]).toMatchObject({ key: 'https://api.test', by: 'retry-after', waitMs: 10_000, pacing: true })
  })

  test('not with pace: false', async () => {
    const { server, fetch } = setup([announces(['default', 1, 0, 10]), 200], { pace: false })
    await fetch(TARGET)
    await fetch(TARGET)
    expect(server.times).toEqual([0, 0])
  })

  test('a refusal that asks for no time tells of its window all the same', async () => {
    noChance()
    const headers = { ...limitsOf(['default', 1, 0, 10]), 'retry-after': '0' }
    const { server, fetch } = setup([{ status: 429, headers }, 200])
    expect(await statusOf(fetch(TARGET))).toBe(429)
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 10_000])
  })

  test('a reset beyond maxWaitMs is not waited for: the 429 says more', async () => {
    const { server, fetch } = setup([announces(['default', 1, 0, 61]), 200])
    await fetch(TARGET)
    await fetch(TARGET)
    expect(server.times).toEqual([0, 0])
  })

  test('a reset beyond the deadline: a TimeoutError at once', async () => {
    const { fetch } = setup([announces(['default', 1, 0, 10])], {}, { timeoutMs: 5000 })
    await fetch(TARGET)
    await expect(fetch(TARGET)).rejects.toHaveProperty('name', 'TimeoutError')
  })
})

describe('10. windows of up to ten seconds follow each other, until a refusal shows otherwise', () => {
  test('on the grid of the first, whenever a call comes', async () => {
    noChance()
    const { server, fetch } = setup([{ ...announces(['default', 1, 0, 10]), times: Infinity }])
    await fetch(TARGET)
    await vi.advanceTimersByTimeAsync(14_000)
    await settled(fetch(TARGET))
    await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 14_000, 20_000])
  })

  test('longer ones begin with their first request', async () => {
    noChance()
    const { server, fetch } = setup([{ ...announces(['default', 1, 0, 20]), times: Infinity }])
    await fetch(TARGET)
    await vi.advanceTimersByTimeAsync(24_000)
    await settled(fetch(TARGET))
    await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 24_000, 44_000])
  })

  test('where each begins with its first request, that costs one refusal', async () => {
    noChance()
    const began = performance.now()
    const times: number[][] = []
    let openedAt = -Infinity
    const server: Fetch = async () => {
      const now = performance.now() - began
      const lasts = now < openedAt + 10_000
      if (!lasts) openedAt = now
      const status = lasts ? 429 : 200
      times.push([now, status])
      const headers = limitsOf(['default', 1, 0, Math.ceil((openedAt + 10_000 - now) / 1000), 10])
      return new Response('x', { status, headers })
    }
    const fetch = createFetch([retryAfter(), classify()], { fetch: server })
    for (const gapMs of [14_000, 0, 14_000, 0, 14_000, 0]) {
      await settled(fetch(TARGET))
      await vi.advanceTimersByTimeAsync(gapMs)
    }
    await settled(fetch(TARGET))
    expect(times).toEqual([
      [0, 200],
      [14_000, 200],
      // The one that was expected from 10 to 20 s lasts until 24 s.
      [20_000, 429],
      [24_000, 200],
      [38_000, 200],
      [48_000, 200],
      [62_000, 200],
      [72_000, 200],
    ])
  })
})

describe('11. with several windows, each is counted; the one that has run out decides', () => {
  test('a second and a minute', async () => {
    noChance()
    const { server, fetch } = setup([
      announces(['second', 5, 4, 1], ['minute', 100, 1, 30]),
      announces(['second', 5, 3, 1], ['minute', 100, 0, 30]),
      200,
    ])
    for (let i = 0; i < 3; i++) await settled(fetch(TARGET))
    expect(server.times).toEqual([0, 0, 30_000])
  })

  test("a wait that an answer names wins over its window's reset: some of that may be given back sooner", async () => {
    noChance()
    const headers = { ...limitsOf(['bucket', 5, 0, 30]), 'retry-after': '2' }
    const { server, fetch } = setup([{ status: 429, headers }, 200])
    expect(await statusOf(fetch(TARGET))).toBe(200)
    expect(server.times).toEqual([0, 2000])
  })

  test('a refusal by one of them ends no other: all that both give is used', async () => {
    noChance()
    const windows = [
      { name: 'second', limit: 20, windowMs: 1000 },
      { name: 'minute', limit: 100, windowMs: 60_000 },
    ]
    const server = timed(createMockApi({ windows }).fetch)
    const fetch = createFetch([retryAfter(), classify()], { fetch: server })
    const calls = Array.from({ length: 110 }, (_, i) => fetch(`https://api.test/v1/lookup/1.1.1.${i}`))
    const answers = await outcomes(calls)
    expect(answers.every((answer) => 'value' in answer && answer.value.status === 200)).toBe(true)
    // Twenty in each second, until the minute has no more.
    const after = (ms: number): number => server.times.filter((at) => at === ms).length
    expect([1000, 2000, 3000, 4000].map(after)).toEqual([20, 20, 20, 20])
    expect([after(0), after(60_000), server.times.length]).toEqual([110, 10, 200])
  })
})

describe('12. where others use a window, too, each keeps what it had, and gets its portion of the rest', () => {
  test('and try what is open to all one after the other, 5 % of the window apart', async () => {
    noChance()
    const { server, fetch } = setup([
      announces(['default', 10, 9, 1]),
      announces(['default', 10, 2, 1]),
      announces(['default', 10, 1, 1]),
      announces(['default', 10, 0, 1]),
      { times: Infinity },
    ])
    await fetch(TARGET)
    await vi.advanceTimersByTimeAsync(1000)
    // Of the eight that are used then, one is ours.
    await fetch(TARGET)
    await outcomes(Array.from({ length: 3 }, () => fetch(TARGET)))
    expect(server.times).toEqual([0, 1000, 1000, 1025, 2000])
  })

  test('clients that know nothing of each other share it: all of their calls are served, few are refused', async () => {
    const server = timed(createMockApi({ windows: [{ limit: 20, windowMs: 1000 }], latencyMs: [30, 70] }).fetch)
    const clients = Array.from({ length: 4 }, () => createFetch([retryAfter(), classify()], { fetch: server }))
    const url = 'https://api.test/v1/lookup/1.1.1.1'
    for (const fetch of clients) await settled(fetch(url))
    await vi.advanceTimersByTimeAsync(1000)
    const calls = clients.flatMap((fetch) => Array.from({ length: 100 }, () => fetch(url)))
    const answers = await outcomes(calls)
    const served = answers.filter((answer) => 'value' in answer && answer.value.status === 200).length
    expect(served).toBe(400)
    // It takes 20 s at least; a window or two may be lost. Without pace, each answer costs a refusal and more.
    expect(server.times.at(-1)).toBeLessThan(22_500)
    expect(server.times.length).toBeLessThan(600)
  })
})

describe('13. the body of an answer that is not returned is cancelled', () => {
  test('before the wait', async () => {
    const binary = { 'content-type': 'application/octet-stream', 'retry-after-ms': '1000' }
    const { server, fetch } = setup([{ status: 429, headers: binary, body: 'x' }, 200])
    const call = watch(fetch(TARGET))
    await flush()
    expect(server.inner.responses.map(({ bodyState }) => bodyState)).toEqual(['cancelled'])
    await vi.advanceTimersByTimeAsync(1100)
    expect(call.outcome).toHaveProperty('value.bodyUsed', false)
    expect(server.inner.responses.map(({ bodyState }) => bodyState)).toEqual(['cancelled', 'unread'])
  })

  test('one whose beginning was read, too', async () => {
    const { server, fetch } = setup([asks(10), asks(10), 200])
    await settled(fetch(TARGET))
    expect(server.inner.responses.map(({ response }) => response.bodyUsed)).toEqual([true, true, false])
  })
})

describe("14. an abort ends the wait at once, with the signal's reason, and leaves no timer", () => {
  test('of the call that was refused', async () => {
    const { fetch } = setup([asks(1000)])
    expect(await abortAfter(500, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
  })

  test('of one that was refused again, with its last answer kept', async () => {
    const { server, fetch } = setup([asks(1000), asks(1000)])
    expect(await abortAfter(1500, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
    expect(server.inner.responses.map(({ response }) => response.bodyUsed)).toEqual([true, true])
  })

  test('of a call that is held', async () => {
    const { fetch } = setup([asks(1000)], { maxAttempts: 1 })
    await fetch(TARGET)
    expect(await abortAfter(500, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
  })

  test('of a call that waits for a reset', async () => {
    const { fetch } = setup([announces(['default', 1, 0, 10])])
    await fetch(TARGET)
    expect(await abortAfter(500, (signal) => fetch(TARGET, { signal }))).toEqual(CLEAN)
  })

  test('the others still go when it is time', async () => {
    noChance()
    const { server, fetch } = setup([asks(1000), 200], { maxAttempts: 1 })
    await fetch(TARGET)
    const controller = new AbortController()
    const gone = watch(fetch(TARGET, { signal: controller.signal }))
    const stays = watch(fetch(TARGET))
    controller.abort()
    await vi.advanceTimersByTimeAsync(1000)
    expect(gone.outcome).toHaveProperty('error.name', 'AbortError')
    expect(stays.outcome).toHaveProperty('value.status', 200)
    expect(server.times).toEqual([0, 1000])
  })

  test('a call that ends well leaves no listener of ours', async () => {
    const { fetch } = setup([asks(100), asks(100), 200])
    const { signal } = new AbortController()
    await settled(fetch(TARGET, { signal }))
    expect(listeners(signal)).toBe(await platformListeners())
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('15. each retryAfter() has a state of its own', () => {
  test('a hold of one does not hold the other', async () => {
    const server = respond(asks(1000), 200)
    const [one, other] = [
      createFetch([retryAfter({ maxAttempts: 1 }), classify()], { fetch: server }),
      createFetch([retryAfter(), classify()], { fetch: server }),
    ]
    await one(TARGET)
    const call = watch(other(TARGET))
    await flush()
    expect(call.outcome).toHaveProperty('value.status', 200)
  })

  test('one in two pipelines has one state', async () => {
    noChance()
    const server = timed(respond(asks(1000), 200))
    const shared = retryAfter({ maxAttempts: 1 })
    await createFetch([shared, classify()], { fetch: server })(TARGET)
    await settled(createFetch([shared, classify()], { fetch: server })(TARGET))
    expect(server.times).toEqual([0, 1000])
  })
})

describe('bare, without a pipeline', () => {
  test('it waits and sends again', async () => {
    noChance()
    const next = timed(respond({ status: 429, headers: { 'retry-after': '1' } }, 200))
    const response = await settled(retryAfter()(new Request(TARGET), next))
    expect(response.status).toBe(200)
    expect(next.times).toEqual([0, 1000])
  })

  test('an abort ends its wait', async () => {
    const next = respond({ status: 429, headers: { 'retry-after': '1' } })
    const bare = retryAfter()
    expect(await abortAfter(500, (signal) => bare(new Request(TARGET, { signal }), next))).toEqual(CLEAN)
  })

  test('calls share the hold', async () => {
    noChance()
    const next = timed(respond({ status: 429, headers: { 'retry-after': '1' } }, 200, 200))
    const bare = retryAfter()
    const first = bare(new Request(TARGET), next)
    await flush()
    await outcomes([first, bare(new Request(TARGET), next)])
    expect(next.times).toEqual([0, 1000, 1000])
  })
})

describe('options that make no sense', () => {
  test.each([
    [
      { maxAttempts: 0 },
      'retryAfter: maxAttempts must be a whole number of attempts, the first included, 1 or more, got 0',
    ],
    [
      { maxAttempts: 1.5 },
      'retryAfter: maxAttempts must be a whole number of attempts, the first included, 1 or more, got 1.5',
    ],
    [
      { maxAttempts: NaN },
      'retryAfter: maxAttempts must be a whole number of attempts, the first included, 1 or more, got NaN',
    ],
    [{ maxWaitMs: -1 }, 'retryAfter: maxWaitMs must be a number of milliseconds, 0 or more, got -1'],
    [{ maxWaitMs: NaN }, 'retryAfter: maxWaitMs must be a number of milliseconds, 0 or more, got NaN'],
  ])('%o', (options, message) => {
    expect(() => retryAfter(options)).toThrow(new RangeError(message))
  })

  test('undefined is the default, 0 is 0', () => {
    expect(() => retryAfter({ maxAttempts: undefined, maxWaitMs: undefined, pace: undefined })).not.toThrow()
    expect(() => retryAfter({ maxWaitMs: 0 })).not.toThrow()
  })
})

test('whatever the answers, no call is sent during a hold, none is sent too often, and all settle', async () => {
  const answer = fc.record({
    status: fc.constantFrom(200, 200, 429, 503, 500, 404),
    waitMs: fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined }),
    delayMs: fc.nat(400),
    fails: fc.boolean(),
  })
  const call = fc.record({ gapMs: fc.nat(1500), abortMs: fc.option(fc.nat(4000), { nil: undefined, freq: 4 }) })
  const inputs = [
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 0, max: 4000 }),
    fc.array(call, { minLength: 1, maxLength: 8 }),
    fc.array(answer, { minLength: 1, maxLength: 12 }),
  ] as const
  await fc.assert(
    fc.asyncProperty(...inputs, async (maxAttempts, maxWaitMs, calls, answers) => {
      let heldUntil = 0
      let index = 0
      const attempts = new Map<string, number>()
      const server: Fetch = async (input, init) => {
        const url = urlOf(input)
        attempts.set(url, (attempts.get(url) ?? 0) + 1)
        if (performance.now() < heldUntil) throw new Error(`sent ${heldUntil - performance.now()} ms too early`)
        const { status, waitMs, delayMs, fails } = answers[index++ % answers.length]!
        await respond({ delayMs })(TARGET, init)
        if (fails && status === 200) throw new TypeError('fetch failed')
        if (waitMs !== undefined && (status === 429 || status === 503) && waitMs <= maxWaitMs)
          heldUntil = Math.max(heldUntil, performance.now() + waitMs)
        const headers: Record<string, string> = waitMs === undefined ? {} : { 'retry-after-ms': String(waitMs) }
        return new Response('x', { status, headers })
      }
      const fetch = createFetch([retryAfter({ maxAttempts, maxWaitMs }), classify()], { fetch: server })
      const started: Promise<Response>[] = []
      for (const [i, { gapMs, abortMs }] of calls.entries()) {
        const controller = new AbortController()
        const promise = fetch(`${TARGET}/${i}`, { signal: controller.signal })
        started.push(promise)
        watch(promise)
        if (abortMs !== undefined) setTimeout(() => controller.abort(new DOMException('mine', 'AbortError')), abortMs)
        await vi.advanceTimersByTimeAsync(gapMs)
      }
      for (const outcome of await outcomes(started)) {
        if ('error' in outcome) expect(String(outcome.error)).toMatch(/^(TypeError: fetch failed|AbortError: mine)$/)
      }
      for (const count of attempts.values()) expect(count).toBeLessThanOrEqual(maxAttempts)
      await vi.runAllTimersAsync()
      expect(vi.getTimerCount()).toBe(0)
    }),
    { seed: 7, numRuns: 60 },
  )
})

test('requests without an answer leave no limit out: it counts as before', async () => {
  const failed = new TypeError('fetch failed')
  const { server, fetch } = setup([
    announces(['all', 6, 5, 5]),
    failed,
    failed,
    failed,
    announces(['all', 6, 0, 5]),
    200,
  ])
  await statusOf(fetch(TARGET))
  for (let i = 0; i < 3; i++) await expect(fetch(TARGET)).rejects.toBe(failed)
  await statusOf(fetch(TARGET))
  expect(await statusOf(fetch(TARGET))).toBe(200)
  expect(server.times.at(-1)).toBeGreaterThanOrEqual(5000)
})

describe('18. the weight of a call, where it is known', () => {
  const told = (remaining: number): Record<string, string> => ({
    'x-ratelimit-limit-tokens': '100',
    'x-ratelimit-remaining-tokens': String(remaining),
    'x-ratelimit-reset-tokens': '1s',
  })
  const tokens = (remaining: number): ScriptedAnswer => ({ headers: told(remaining) })
  const weight = ({ url }: Request): number | undefined => Number(new URL(url).searchParams.get('weight')) || undefined
  const of = (units: number): string => `${TARGET}?weight=${units}`

  test('is reserved before it is sent: a heavy call waits, a light one does not', async () => {
    const { server, fetch } = setup([tokens(90), tokens(80), tokens(70), tokens(60), 200, 200], {}, { weight })
    for (let i = 0; i < 4; i++) {
      await statusOf(fetch(of(10)))
      await vi.advanceTimersByTimeAsync(10)
    }
    expect(await outcomes([fetch(of(10))])).toHaveLength(1)
    const [, , , , light = NaN] = server.times
    expect(light).toBe(40)
    await statusOf(fetch(of(90)))
    expect(server.times.at(-1)).toBeGreaterThan(40)
  })

  test('one that is heavier than the limit is turned away at once, whoever waits', async () => {
    const events: CallEvent[] = []
    const onEvent = (event: CallEvent): void => void events.push(event)
    const { server, fetch } = setup([tokens(10), asks(5000), 200, 200], {}, { weight, onEvent })
    await statusOf(fetch(of(90)))
    const held = fetch(of(1))
    await vi.advanceTimersByTimeAsync(0)
    const heavy = watch(fetch(of(101)))
    await flush()
    expect(heavy.outcome).toHaveProperty('error', expect.any(WeightExceedsLimitError))
    const { error } = heavy.outcome as { error: WeightExceedsLimitError }
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ unit: 'tokens', weight: 101, limit: 100, key: 'https://api.test' })
    expect(Object.keys(error)).not.toContain('key')
    expect(events).toContainEqual(expect.objectContaining({ type: 'give-up', by: 'retry-after', attempt: 0 }))
    expect(await statusOf(held)).toBe(200)
    expect(server.times).toHaveLength(3)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('of one that was refused before its limit was known, that answer stands', async () => {
    const refused = { status: 429, headers: { 'retry-after-ms': '100', ...told(50) } }
    const { server, fetch } = setup([refused, 200], {}, { weight })
    expect(await statusOf(fetch(of(101)))).toBe(429)
    expect(server.times).toEqual([0])
  })

  test('without pacing, nobody is turned away', async () => {
    const { fetch } = setup([tokens(90), 200], { pace: false }, { weight })
    await statusOf(fetch(of(10)))
    expect(await statusOf(fetch(of(101)))).toBe(200)
  })
})
