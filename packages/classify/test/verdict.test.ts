import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  classifyError,
  classifyResponse,
  type ClassifyResponseOptions,
  type Rule,
  rules,
  type Verdict,
  type VerdictKind,
} from '../src/index.ts'
import { noLimits } from './support/no-limits.ts'

const LIMITS: ReadonlySet<VerdictKind> = new Set([
  'rate-limited',
  'concurrency-limited',
  'overloaded',
  'quota-exhausted',
  'billing',
])

const judge = (
  status: number,
  headers: Record<string, string> = {},
  body?: unknown,
  options: ClassifyResponseOptions = {},
): Promise<Verdict> => {
  const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
  return classifyResponse(new Response(text, { status, headers }), options)
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-01-15T12:00:00Z') })
})
afterEach(() => {
  const left = vi.getTimerCount()
  vi.useRealTimers()
  if (left > 0) throw new Error(`${left} timers were left behind`)
})

describe('a status without any other sign has one meaning', () => {
  it.each<[number, string, string, boolean]>([
    [200, 'ok', 'use', false],
    [201, 'ok', 'use', false],
    [204, 'empty', 'use', false],
    [206, 'ok', 'use', false],
    [301, 'ok', 'use', false],
    [304, 'ok', 'use', false],
    [400, 'invalid', 'fix', false],
    [401, 'unauthenticated', 'fix', false],
    [402, 'billing', 'pay', false],
    [403, 'forbidden', 'fix', false],
    [404, 'missing', 'fix', false],
    [405, 'invalid', 'fix', false],
    [406, 'invalid', 'fix', false],
    [408, 'timeout', 'retry', true],
    [409, 'conflict', 'fix', false],
    [410, 'missing', 'fix', false],
    [413, 'invalid', 'fix', false],
    [414, 'invalid', 'fix', false],
    [415, 'invalid', 'fix', false],
    [418, 'unknown', 'stop', false],
    [420, 'rate-limited', 'wait', true],
    [421, 'server-error', 'retry', true],
    [422, 'unprocessable', 'fix', false],
    [423, 'invalid', 'fix', false],
    [425, 'server-error', 'retry', true],
    [429, 'rate-limited', 'wait', true],
    [430, 'rate-limited', 'stop', false],
    [456, 'quota-exhausted', 'pay', false],
    [500, 'server-error', 'retry', true],
    [501, 'server-error', 'stop', false],
    [502, 'server-error', 'retry', true],
    [503, 'overloaded', 'wait', true],
    [504, 'server-error', 'retry', true],
    [505, 'server-error', 'stop', false],
    [520, 'server-error', 'retry', true],
    [524, 'server-error', 'retry', true],
    [529, 'overloaded', 'wait', true],
    [550, 'server-error', 'stop', false],
    [599, 'server-error', 'stop', false],
  ])('%i is %s: %s', async (status, kind, action, retryable) => {
    expect(await judge(status)).toMatchObject({ kind, action, retryable, status })
  })
})

describe('the signs are believed in this order: problem type, header, concurrency, code, words, contradiction, profile', () => {
  const full = { 'x-concurrent-limit': '3', 'x-concurrent-current': '3' }
  const free = { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '9' }
  const concurrency = { kind: 'concurrency-limited' }

  it('a problem type before everything', async () => {
    const type = 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'
    expect(await judge(429, { ...full, 'x-rate-limit-problem': 'minute' }, { type })).toMatchObject({
      kind: 'overloaded',
    })
  })

  it('a problem type with the policy that was violated', async () => {
    const type = 'https://iana.org/assignments/http-problem-types#quota-exceeded'
    const headers = {
      'ratelimit-policy': '"day";q=9;w=86400, "run";q=5;qu="concurrent-requests"',
      ratelimit: '"day";r=0;t=100, "run";r=0',
    }
    expect(await judge(429, headers, { type, 'violated-policies': ['run'] })).toMatchObject(concurrency)
    expect(await judge(429, headers, { type, 'violated-policies': ['day'] })).toMatchObject({ kind: 'quota-exhausted' })
    expect(await judge(429, {}, { type, 'violated-policies': 'run' })).toMatchObject({ kind: 'rate-limited' })
  })

  it('a header that names the limit before concurrency headers', async () => {
    expect(await judge(429, { ...full, 'stripe-rate-limited-reason': 'global-rate' })).toMatchObject({
      kind: 'rate-limited',
      evidence: '429, reason "global-rate"',
    })
    expect(await judge(429, { 'x-rate-limit-problem': 'Day' })).toMatchObject({ kind: 'quota-exhausted' })
  })

  it('concurrency headers before a code', async () => {
    expect(await judge(429, full, { code: 'insufficient_quota' })).toMatchObject({
      ...concurrency,
      evidence: '429, x-concurrent-current 3 of 3',
    })
    expect(await judge(429, { ...full, 'x-concurrent-current': '2' }, { code: 'insufficient_quota' })).toMatchObject({
      kind: 'quota-exhausted',
      evidence: '429, code "insufficient_quota"',
    })
  })

  it('a code before words', async () => {
    const body = { error: { code: 'insufficient_quota', message: 'Too many concurrent requests' } }
    expect(await judge(429, {}, body)).toMatchObject({ kind: 'quota-exhausted', code: 'insufficient_quota' })
  })

  it('words where a code says no more than that there is a limit', async () => {
    const body = { code: 'TOO_MANY_REQUESTS', message: 'Maximum number of Concurrent API Calls reached' }
    expect(await judge(429, {}, body)).toMatchObject({ ...concurrency, code: 'TOO_MANY_REQUESTS' })
  })

  it('words before a contradiction', async () => {
    expect(await judge(429, free, 'Rate limit exceeded')).toMatchObject({ kind: 'rate-limited' })
    expect(await judge(429, free, 'No.')).toMatchObject({
      ...concurrency,
      evidence: '429, x-ratelimit-remaining 9 left and still refused',
    })
  })

  it('a wait in the same answer makes a contradiction a window', async () => {
    const limited = { kind: 'rate-limited', refused: true }
    const reset = { ...free, 'x-ratelimit-reset': '20' }
    expect(await judge(429, reset, 'No.')).toMatchObject({ ...limited, retryAfterMs: 20_000 })
    expect(await judge(429, reset, { retry_after: 5 })).toMatchObject({ ...limited, retryAfterMs: 5000 })
    expect(await judge(429, free, { message: 'Try again in 7 seconds' })).toMatchObject({
      ...limited,
      retryAfterMs: 7000,
    })
    // The ends of a day that has something left, and of a plan's credits, are no waits for this.
    const day = { 'x-ratelimit-limit-day': '10', 'x-ratelimit-remaining-day': '9', 'x-ratelimit-reset-day': '20000' }
    expect(await judge(429, day, 'No.')).toMatchObject({ ...concurrency, retryAfterMs: undefined })
  })

  it('no contradiction where a wait is named, or where tokens are counted', async () => {
    expect(await judge(429, { ...free, 'retry-after': '5' })).toMatchObject({ kind: 'rate-limited' })
    const tokens = { 'x-ratelimit-limit-tokens': '100', 'x-ratelimit-remaining-tokens': '40' }
    expect(await judge(429, tokens)).toMatchObject({ kind: 'rate-limited' })
  })

  it('a limit of 0 is Okta’s way to report concurrency', async () => {
    const headers = { 'x-rate-limit-limit': '0', 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': '1768478460' }
    expect(await judge(429, headers)).toMatchObject({ ...concurrency, retryAfterMs: 60_000 })
  })

  it('a profile last, by the host that was asked', async () => {
    const request = { url: 'https://api.deepgram.com/v1/listen' }
    expect(await judge(429, {}, { err_msg: 'No.' }, { request })).toMatchObject({
      ...concurrency,
      evidence: '429, api.deepgram.com limits nothing but concurrency',
    })
    expect(
      await judge(429, {}, { err_msg: 'No.' }, { request: { url: 'https://deepgram.com.evil.test/' } }),
    ).toMatchObject({
      kind: 'rate-limited',
    })
    expect(await judge(503, {}, '', { request })).toMatchObject({ kind: 'overloaded' })
  })

  it('a 429 that says nothing is a rate limit, and the evidence says so', async () => {
    expect(await judge(429)).toMatchObject({ kind: 'rate-limited', evidence: '429, nothing names the cause' })
  })
})

describe('a limit is found under 400, 401, 402, 403, 409, 413, 418, 423, 456, 503 and 529, and not where there is none', () => {
  it.each<[number, unknown, string]>([
    [400, { errors: [{ message: 'x', extensions: { code: 'RATELIMITED' } }] }, 'rate-limited'],
    [400, { __type: 'com.amazonaws#ThrottlingException' }, 'rate-limited'],
    [400, { error: { code: 17, fbtrace_id: 'A', message: 'User request limit reached' } }, 'rate-limited'],
    [400, { code: 17, message: 'Wrong field' }, 'invalid'],
    [400, { message: 'limit must be a number' }, 'invalid'],
    [400, { message: 'maximum 3 concurrent uploads allowed' }, 'concurrency-limited'],
    [400, { message: 'the field concurrency is unknown' }, 'invalid'],
    [401, { message: 'You have no credits left' }, 'quota-exhausted'],
    [401, { message: 'Not enough API credits' }, 'quota-exhausted'],
    [401, { message: 'Invalid API key' }, 'unauthenticated'],
    [402, { message: 'You can request at most 5 symbols' }, 'invalid'],
    [402, { error: { type: 'card_error', code: 'card_declined', message: 'Insufficient funds' } }, 'invalid'],
    [402, { message: 'Monthly quota exceeded' }, 'quota-exhausted'],
    [402, { message: 'Insufficient credits' }, 'billing'],
    [403, { message: 'You have exceeded a secondary rate limit' }, 'rate-limited'],
    [403, { message: 'Your trial has expired' }, 'billing'],
    [403, { message: 'Upgrade your plan to use this endpoint' }, 'forbidden'],
    [403, { reason: 'quotaExceeded' }, 'quota-exhausted'],
    [404, { message: 'Rate limit exceeded' }, 'missing'],
    [409, { message: 'This object is locked by another request' }, 'concurrency-limited'],
    [409, { message: 'The name already exists' }, 'conflict'],
    [409, { message: 'Concurrent modification of the item' }, 'conflict'],
    [409, { code: 'ConcurrentModificationException' }, 'conflict'],
    [422, { message: 'Too many concurrent requests' }, 'unprocessable'],
    [423, { message: 'Resource is locked, try again' }, 'concurrency-limited'],
    [423, { message: 'Your account is locked' }, 'invalid'],
    [429, { message: 'less than $5.0 in credit: reduced to 6 requests per minute' }, 'rate-limited'],
    [429, { message: 'Daily limit reached' }, 'quota-exhausted'],
    [429, { message: 'Insufficient balance' }, 'billing'],
    [503, '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>', 'rate-limited'],
    [500, { message: 'too many concurrent requests' }, 'server-error'],
  ])('%i %j is %s', async (status, body, kind) => {
    expect(await judge(status, {}, body)).toMatchObject({ kind })
  })

  it('a 413 with Retry-After is for now, a 418 with one is a ban', async () => {
    expect(await judge(413, { 'retry-after': '60' })).toMatchObject({ kind: 'overloaded', retryAfterMs: 60_000 })
    expect(await judge(418, { 'retry-after': '60' })).toMatchObject({ kind: 'rate-limited', retryable: true })
  })

  it('a failure of the server that says when to come back may be retried', async () => {
    expect(await judge(530, { 'retry-after': '120' })).toMatchObject({ kind: 'server-error', retryable: true })
    expect(await judge(530)).toMatchObject({ kind: 'server-error', retryable: false })
  })

  it('a 408 that explains itself is a slow upstream, a bare one a time-out', async () => {
    expect(await judge(408, {}, { message: 'Unable to fetch data' })).toMatchObject({
      kind: 'server-error',
      retryable: true,
    })
    expect(await judge(408)).toMatchObject({ kind: 'timeout', retryable: true })
  })

  it('a window that is used up makes a 403 a limit; a day’s makes it a quota', async () => {
    expect(await judge(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '60' })).toMatchObject({
      kind: 'rate-limited',
    })
    expect(await judge(403, { 'x-ratelimit-remaining': '1' })).toMatchObject({ kind: 'forbidden' })
    expect(await judge(429, { 'x-ratelimit-remaining-day': '0' })).toMatchObject({ kind: 'quota-exhausted' })
    expect(await judge(429, { 'x-ratelimit-remaining-day': '0', 'x-ratelimit-remaining-minute': '0' })).toMatchObject({
      kind: 'rate-limited',
    })
  })

  it('Bright Data’s headers are read whatever the status', async () => {
    const headers = { 'x-brd-err-code': 'client_10100', 'x-brd-err-msg': 'Monthly limit' }
    expect(await judge(200, headers)).toMatchObject({ kind: 'quota-exhausted', message: 'Monthly limit' })
    expect(await judge(402, { 'x-brd-err-code': 'policy_20050' })).toMatchObject({ kind: 'forbidden' })
    expect(await judge(200, { 'x-brd-err-code': 'peer_1' })).toMatchObject({ kind: 'server-error', retryable: true })
  })
})

describe('the server’s own word on sending again beats the status', () => {
  it('a veto always', async () => {
    expect(await judge(500, { 'x-should-retry': 'false' })).toMatchObject({
      retryable: false,
      hint: false,
      action: 'stop',
    })
    expect(await judge(429, { 'stripe-should-retry': 'false' })).toMatchObject({
      kind: 'rate-limited',
      retryable: false,
    })
    expect(await judge(429, {}, { result: { error: { retryable: false } } })).toMatchObject({ retryable: false })
  })

  it('an encouragement as well, but not for what must be paid', async () => {
    expect(await judge(409, { 'x-should-retry': 'true' })).toMatchObject({
      kind: 'conflict',
      retryable: true,
      action: 'retry',
      refused: true,
    })
    expect(await judge(422, {}, { result: { error: { retryable: true } } })).toMatchObject({
      retryable: true,
      hint: true,
    })
    expect(await judge(402, { 'x-should-retry': 'true' })).toMatchObject({ kind: 'billing', retryable: false })
    expect(await judge(429, { 'x-should-retry': 'true' }, { code: 'insufficient_quota' })).toMatchObject({
      retryable: false,
    })
  })

  it('the header before the body, and nothing on success', async () => {
    expect(await judge(500, { 'x-should-retry': 'true' }, { retryable: false })).toMatchObject({ hint: true })
    expect(await judge(200, { 'x-should-retry': 'true' })).toHaveProperty('hint', undefined)
    expect(await judge(500, { 'x-should-retry': 'maybe' })).toHaveProperty('hint', undefined)
  })
})

describe('`refused` is true where the server did nothing before it answered', () => {
  it.each<[number, Record<string, string>, unknown, boolean]>([
    [429, {}, '', true],
    [429, {}, { code: 'system_busy' }, true],
    [421, {}, '', true],
    [425, {}, '', true],
    [503, { 'retry-after': '5' }, '', true],
    [503, { 'retry-after-ms': '5' }, { code: 'SlowDown' }, true],
    [503, { 'x-concurrent-limit': '3', 'x-concurrent-current': '3' }, '', true],
    [503, { 'x-concurrent-limit': '3', 'x-concurrent-current': '2' }, '', false],
    [503, { 'retry-after': '0' }, '', false],
    [503, { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }, '', false],
    [503, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '20' }, '', false],
    [503, {}, { message: 'Too many concurrent requests, try again in 5 seconds' }, false],
    [503, {}, { code: 'SlowDown' }, false],
    [503, {}, '', false],
    [400, {}, { __type: 'ThrottlingException' }, false],
    [403, { 'retry-after': '5' }, { reason: 'rateLimitExceeded' }, false],
    [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '20' }, '', false],
    [409, {}, { message: 'Lock timeout.' }, false],
    [409, {}, { retryable: true }, false],
    [413, { 'retry-after': '5' }, '', false],
    [500, {}, { code: 'lock_timeout' }, false],
    [500, { 'x-amzn-errortype': 'TooManyConcurrentRequests' }, '', false],
    [504, {}, { code: 'rate_limit_exceeded' }, false],
    [409, { 'stripe-should-retry': 'true' }, { code: 'lock_timeout' }, true],
    [529, {}, '', false],
    [500, { 'x-should-retry': 'true' }, '', true],
    [500, {}, '', false],
    [502, { 'retry-after': '5' }, '', false],
    [408, {}, '', false],
    [200, {}, '', false],
  ])('%i %j %j: %s', async (status, headers, body, refused) => {
    expect(await judge(status, headers, body)).toMatchObject({ refused })
  })
})

describe('`tentative` is true where bare prose told it, on a status that speaks neither of limits nor of money', () => {
  it.each<[number, Record<string, string>, unknown, VerdictKind]>([
    [400, {}, { message: 'You may send 5 requests at once, the maximum is reached' }, 'concurrency-limited'],
    [401, {}, { message: 'No credits left' }, 'quota-exhausted'],
    [403, {}, { message: 'You have exceeded a secondary rate limit' }, 'rate-limited'],
    [403, { 'retry-after': '0' }, { message: 'You have exceeded a secondary rate limit' }, 'rate-limited'],
    [403, { 'x-ratelimit-remaining': '7' }, { message: 'Monthly limit reached' }, 'quota-exhausted'],
    [409, { 'retry-after': '5' }, { message: 'Your payment is being processed' }, 'concurrency-limited'],
    [409, { 'x-should-retry': 'true' }, { message: 'Lock timeout.' }, 'concurrency-limited'],
    [423, {}, 'The document is locked', 'concurrency-limited'],
  ])('%i %j %j', async (status, headers, body, kind) => {
    expect(await judge(status, headers, body)).toMatchObject({ kind, tentative: true })
  })

  it.each<[number, Record<string, string>, unknown, VerdictKind]>([
    [402, {}, { message: 'Monthly quota exceeded' }, 'quota-exhausted'],
    [429, {}, { message: 'Too many concurrent requests' }, 'concurrency-limited'],
    [503, {}, { message: 'Please reduce your request rate.' }, 'rate-limited'],
    [403, { 'retry-after': '60' }, { message: 'You have exceeded a secondary rate limit' }, 'rate-limited'],
    [403, { 'x-ratelimit-remaining': '0' }, { message: 'API rate limit exceeded' }, 'rate-limited'],
    [403, {}, { reason: 'rateLimitExceeded', message: 'Daily limit exceeded' }, 'quota-exhausted'],
    [409, {}, { code: 'lock_timeout', message: 'Your payment is being processed' }, 'concurrency-limited'],
    [409, {}, { message: 'The name already exists' }, 'conflict'],
    [500, {}, { message: 'Too many concurrent requests' }, 'server-error'],
    [200, {}, { message: 'Too many concurrent requests' }, 'ok'],
  ])('and not for %i %j %j', async (status, headers, body, kind) => {
    expect(await judge(status, headers, body)).toMatchObject({ kind, tentative: false })
  })

  it('nor where a rule of yours has found it', async () => {
    const headers = { 'content-type': 'application/json' }
    const body = { error: { message: 'Too many requests at once, the limit is 3' } }
    const verdict = await judge(200, headers, body, { rules: [rules.errorBody] })
    expect(verdict).toMatchObject({ kind: 'concurrency-limited', tentative: false, refused: true })
    const mine: Rule = { name: 'mine', judge: () => ({ kind: 'rate-limited', sign: 'E7' }) }
    expect(await judge(409, {}, '', { rules: [mine] })).toMatchObject({ tentative: false, refused: false })
  })

  it.each(noLimits)('what is no limit is at most tentative: %i %s', async (status, message) => {
    for (const body of [{ message }, { error: { message } }, message]) {
      const { kind, tentative, refused } = await judge(status, {}, body)
      expect({ refused, isSure: LIMITS.has(kind) && !tentative }).toEqual({ refused: false, isSure: false })
    }
  })
})

describe('the wait is the header’s, else that of a window that is used up, else the body’s, else the message’s', () => {
  const empty = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '20' }
  const body = { retry_after: 30, message: 'try again in 40 seconds' }

  it('in that order', async () => {
    expect((await judge(429, { ...empty, 'retry-after': '10' }, body)).retryAfterMs).toBe(10_000)
    expect((await judge(429, empty, { retry_after: 10 })).retryAfterMs).toBe(20_000)
    expect((await judge(429, { ...empty, 'x-ratelimit-remaining': '1' }, body)).retryAfterMs).toBe(30_000)
    expect((await judge(429, {}, { message: body.message })).retryAfterMs).toBe(40_000)
    expect((await judge(429, {}, { message: 'No.' })).retryAfterMs).toBeUndefined()
  })

  it('but a reset never shortens a wait that the body names', async () => {
    expect((await judge(429, empty, body)).retryAfterMs).toBe(30_000)
  })

  it('a body’s milliseconds are believed where `Retry-After` is what comes of rounding them', async () => {
    const named = { 'retry-after': '2' }
    expect((await judge(429, named, { retry_after_ms: 1234 })).retryAfterMs).toBe(1234)
    expect((await judge(429, named, { retry_after_ms: 1000 })).retryAfterMs).toBe(2000)
    expect((await judge(429, named, { retry_after: 1.5 })).retryAfterMs).toBe(2000)
    expect((await judge(429, { 'retry-after-ms': '1900' }, { retry_after_ms: 1234 })).retryAfterMs).toBe(1900)
  })

  it('of several windows that are used up, the last to reset; a window with something left asks nothing', async () => {
    const headers = { ratelimit: '"a";r=0;t=5, "b";r=0;t=50, "c";r=3;t=500' }
    expect((await judge(429, headers)).retryAfterMs).toBe(50_000)
  })

  it('a reset on its own counts', async () => {
    expect((await judge(429, { 'x-ratelimit-reset': '20' })).retryAfterMs).toBe(20_000)
  })

  it('only limits wait for windows; other failures only for Retry-After; successes not at all', async () => {
    expect((await judge(404, empty)).retryAfterMs).toBeUndefined()
    expect((await judge(500, empty)).retryAfterMs).toBeUndefined()
    expect((await judge(500, { 'retry-after': '7' })).retryAfterMs).toBe(7000)
    expect((await judge(200, { ...empty, 'retry-after': '7' })).retryAfterMs).toBeUndefined()
    expect((await judge(202, { 'retry-after': '7' })).retryAfterMs).toBe(7000)
    expect((await judge(301, { 'retry-after': '7' })).retryAfterMs).toBe(7000)
  })

  it('`retryAt` is the same on the local clock', async () => {
    expect((await judge(429, { 'retry-after': '30' })).retryAt).toEqual(new Date('2026-01-15T12:00:30Z'))
    expect((await judge(429)).retryAt).toBeUndefined()
  })

  it('dates in bodies are measured against the server’s clock', async () => {
    const headers = { date: 'Thu, 15 Jan 2026 11:00:00 GMT' }
    expect((await judge(429, headers, { retryAfter: '2026-01-15T11:00:10Z' })).retryAfterMs).toBe(10_000)
  })
})

describe('message, code and request id are found wherever APIs put them', () => {
  it.each<[unknown, string]>([
    [{ error: { message: 'a' } }, 'a'],
    [{ message: 'a', error: 'Category' }, 'a'],
    [{ error: 'a b' }, 'a b'],
    [{ errors: [{ message: 'a' }] }, 'a'],
    [{ errors: 'a b' }, 'a b'],
    [{ errors: { base: ['a b'] } }, 'a b'],
    [[{ message: 'a', errorCode: 'X' }], 'a'],
    [{ detail: 'a', title: 'T' }, 'a'],
    [{ title: 'T' }, 'T'],
    [{ title: 'T', errors: [{ detail: 'd' }] }, 'T'],
    [{ detail: { status: 's', message: 'a' } }, 'a'],
    [{ detail: [{ loc: [], msg: 'a' }] }, 'a'],
    [{ description: 'a', error: 'Code' }, 'a'],
    [{ error: 'invalid_grant', error_description: 'a' }, 'a'],
    [{ errorSummary: 'a' }, 'a'],
    [{ s: 'error', errmsg: 'a' }, 'a'],
    [{ err_msg: 'a' }, 'a'],
    [{ code: -1003, msg: 'a' }, 'a'],
    [{ error: { code: 'x', info: 'a' } }, 'a'],
    [{ error_message: 'a', status: 'X' }, 'a'],
    [{ status: { message: 'a' } }, 'a'],
    [{ status: { error_message: 'a' } }, 'a'],
    [{ result: { error: { message: 'a' } } }, 'a'],
    [{ error_summary: 'a/..', error: { '.tag': 'a' } }, 'a/..'],
    [{ error: true, message: 'a' }, 'a'],
    [{ fault: { faultstring: 'a' } }, 'a'],
    [{ 'o:errorDetails': [{ detail: 'a' }], title: 'T' }, 'a'],
    ['"a"', 'a'],
    ['plain text\n', 'plain text'],
    ['<Error><Code>X</Code><Message>a &amp; b</Message></Error>', 'a & b'],
    ['<!DOCTYPE html><html><head><title>502 Bad\n Gateway</title></head><body>x</body></html>', '502 Bad Gateway'],
    ['<h1>Developer Over Rate</h1>', 'Developer Over Rate'],
    ['{"error":{"message":"cut off \\"here\\"","more":"', 'cut off "here"'],
  ])('message of %j', async (body, message) => {
    expect((await judge(400, {}, body)).message).toBe(message)
  })

  it.each([
    [{}],
    [[]],
    ['null'],
    ['17'],
    ['{"error":{}}'],
    ['<html><body></body></html>'],
    [{ message: 5 }],
    [{ message: '  ' }],
    ['{"mess'],
  ])('none in %j', async (body) => {
    expect((await judge(400, {}, body)).message).toBeUndefined()
  })

  it.each<[Record<string, string>, unknown, string | undefined]>([
    [{ 'x-request-id': 'a', 'cf-ray': 'b' }, { request_id: 'c' }, 'a'],
    [{ 'request-id': 'a' }, {}, 'a'],
    [{ 'x-amzn-RequestId': 'a' }, {}, 'a'],
    [{ 'Twilio-Request-Id': 'a' }, {}, 'a'],
    [{ 'cf-ray': 'b' }, { request_id: 'c' }, 'c'],
    [{ 'cf-ray': 'b' }, {}, 'b'],
    [{}, { requestId: 'r', correlationId: 'c' }, 'r'],
    [{}, { error: { fbtrace_id: 'f' } }, 'f'],
    [{}, { errorId: 'e' }, 'e'],
    [{}, { result: { error: { error_id: 'e' } } }, 'e'],
    [{}, '<Error><RequestId>x</RequestId></Error>', 'x'],
    [{ 'x-request-id': '' }, {}, undefined],
    [{ 'x-request-id': 'x'.repeat(500) }, {}, undefined],
  ])('request id of %j %j', async (headers, body, id) => {
    expect((await judge(400, headers, body)).requestId).toBe(id)
  })

  it('the request id of a success is found in the walk through its headers, and costs one look-up', async () => {
    const get = vi.spyOn(Headers.prototype, 'get')
    const verdict = await judge(200, { 'x-request-id': 'a', 'x-other': 'b' })
    expect(get.mock.calls).toEqual([['x-request-id']])
    expect(verdict.requestId).toBe('a')
  })

  it('every verdict has one shape, whatever is known: no getter, the same fields in the same order', async () => {
    const all = await Promise.all([
      judge(200),
      judge(429, { 'retry-after': '3' }, { message: 'Slow down' }),
      judge(503),
    ])
    const shapes = [...all, classifyError(new TypeError('fetch failed'))].map((verdict) =>
      Object.entries(Object.getOwnPropertyDescriptors(verdict)).map(([name, { get }]) => [name, get]),
    )
    for (const shape of shapes) expect(shape).toEqual(shapes[0])
  })

  it('what the body says of limits joins what the headers say', async () => {
    const headers = { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '9', 'x-credits-cost': '2' }
    const { limits } = await judge(402, headers, { error: { limit: { total: 5, remaining: 0 } }, credits_remaining: 7 })
    expect(limits.windows).toMatchObject([
      { limit: 5, remaining: 0, source: 'body' },
      { limit: 10, remaining: 9 },
    ])
    expect(limits.credits).toMatchObject({ cost: 2, remaining: 7 })
  })

  it('but only its cost does where the answer is about something else, or bare prose makes it a limit', async () => {
    const echo = { balance: 0, credits_used: 3, limit: { total: 5, remaining: 0, reset: 50 } }
    for (const message of ['No such field', 'Rate limit reached. Remaining: 0. Try again in 50 seconds.']) {
      const { limits } = await judge(400, { 'x-ratelimit-remaining': '9' }, { message, ...echo })
      expect(limits).toEqual({
        windows: [{ remaining: 9, source: 'x-ratelimit-remaining' }],
        credits: { cost: 3, source: 'body' },
      })
    }
  })
})
