import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { judgeHead, verdictOf, type VerdictKind } from '../src/index.ts'

const NOW = Date.parse('2026-01-15T12:00:00Z')

beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Statuses below 200 make no Response. */
const answer = (status: number, headers: Record<string, string> = {}): Response =>
  Object.defineProperty(new Response(null, { headers }), 'status', { value: status })
const judge = (status: number, headers?: Record<string, string>) => verdictOf(answer(status, headers))

describe('a status has one meaning', () => {
  it.each<[VerdictKind, readonly number[]]>([
    ['ok', [200, 201, 202, 206, 301, 302, 304, 307]],
    ['empty', [204, 205]],
    ['invalid', [400, 405, 406, 413, 414, 415, 423, 428, 431]],
    ['unprocessable', [422]],
    ['unauthenticated', [401, 407]],
    ['billing', [402]],
    ['forbidden', [403, 451]],
    ['missing', [404, 410]],
    ['timeout', [408]],
    ['conflict', [409, 412]],
    ['rate-limited', [420, 429, 430]],
    ['quota-exhausted', [456, 509]],
    ['server-error', [421, 425, 500, 501, 502, 504, 505, 520, 524, 530]],
    ['overloaded', [503, 529]],
    ['unknown', [0, 418, 444, 499, 600]],
  ])('%s', (kind, statuses) => {
    for (const status of statuses) expect([status, judge(status).kind]).toEqual([status, kind])
  })

  it('what is not known to pass is not sent again', () => {
    for (const status of [501, 505, 506, 599, 430, 418, 444]) expect(judge(status).retryable).toBe(false)
    for (const status of [408, 421, 425, 429, 500, 502, 503, 504, 520, 524, 529])
      expect(judge(status).retryable).toBe(true)
  })

  it('one that names a wait is for now', () => {
    const headers = { 'retry-after': '3' }
    expect(judge(413, headers)).toMatchObject({ kind: 'overloaded', retryable: true, retryAfterMs: 3000 })
    expect(judge(418, headers)).toMatchObject({ kind: 'rate-limited', retryable: true, retryAfterMs: 3000 })
    expect(judge(530, headers)).toMatchObject({ kind: 'server-error', retryable: true, action: 'retry' })
    expect(judge(430, headers).retryable).toBe(false)
    expect(judge(402, headers).retryable).toBe(false)
  })
})

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    ['0.25', 250],
    [' 7 ', 7000],
    ['Thu, 15 Jan 2026 12:00:30 GMT', 30_000],
    ['Thursday, 15-Jan-26 12:00:30 GMT', 30_000],
    ['Thu Jan 15 12:00:30 2026', 30_000],
    ['Thu, 15 Jan 2026 11:00:00 GMT', 0],
    ['31622400', 366 * 86_400_000],
    ['31622401', undefined],
    ['-1', undefined],
    ['soon', undefined],
    ['1e3', undefined],
    ['NaN', undefined],
    ['', undefined],
  ])('%j', (text, ms) => {
    expect(judge(429, { 'retry-after': text })).toMatchObject({
      retryAfterMs: ms,
      retryAt: ms === undefined ? undefined : new Date(NOW + ms),
    })
  })

  it('a date is measured against the answer’s own Date, so that a wrong local clock does no harm', () => {
    const headers = { date: 'Thu, 01 Jan 2026 00:00:00 GMT', 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT' }
    expect(judge(503, headers)).toMatchObject({ retryAfterMs: 5000, retryAt: new Date(NOW + 5000) })
    expect(judge(503, { ...headers, date: 'yesterday' }).retryAfterMs).toBe(0)
  })

  it('is asked of no answer that was served, but for 202 and redirects', () => {
    const headers = { 'retry-after': '3' }
    expect([200, 204, 202, 303, 404].map((status) => judge(status, headers).retryAfterMs)).toEqual([
      undefined,
      undefined,
      3000,
      3000,
      3000,
    ])
  })

  it('is the evidence', () => {
    expect(judge(429, { 'retry-after': '1.5' }).evidence).toBe('429, retry-after 1.5 s')
    expect(judge(429).evidence).toBe('429')
    expect(judge(404, { 'retry-after': '3' }).evidence).toBe('404')
  })
})

describe('x-should-retry', () => {
  it('has the last word, but where nobody is to be asked again', () => {
    expect(judge(409, { 'x-should-retry': 'true' })).toMatchObject({ retryable: true, refused: true, hint: true })
    expect(judge(500, { 'x-should-retry': 'FALSE' })).toMatchObject({ retryable: false, action: 'stop', hint: false })
    expect(judge(500, { 'x-should-retry': 'maybe' })).toMatchObject({ retryable: true, hint: undefined })
    expect(judge(402, { 'x-should-retry': 'true' }).retryable).toBe(false)
    expect(judge(200, { 'x-should-retry': 'true' })).toMatchObject({ retryable: false, refused: false })
  })
})

describe('refused before processing', () => {
  it('429, 421, 425, and 503 with a wait', () => {
    const wait = { 'retry-after': '1' }
    expect([429, 421, 425, 503, 500, 409].map((status) => judge(status).refused)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ])
    expect([503, 500, 529].map((status) => judge(status, wait).refused)).toEqual([true, false, false])
  })
})

describe('a reading of more headers', () => {
  const limits = { windows: [], concurrency: { limit: 3, active: 3, source: 'x-active' } }

  it('sets the kind, the wait of a limit, and what was refused', () => {
    const found = { kind: 'concurrency-limited', sign: 'x-active 3 of 3', refused: true } as const
    expect(judgeHead(answer(503), { limits, found, waitMs: 700 }, NOW)).toMatchObject({
      kind: 'concurrency-limited',
      action: 'slow-down',
      refused: true,
      retryAfterMs: 700,
      limits,
      evidence: '503, x-active 3 of 3',
    })
  })

  it('a header made for it names a wait before a reset does; what is no limit waits for none', () => {
    const named = { ...limits, retryAfterMs: 50, retryAfterSource: 'retry-after-ms' }
    expect(judgeHead(answer(429), { limits: named, waitMs: 700 }, NOW)).toMatchObject({
      retryAfterMs: 50,
      evidence: '429, retry-after-ms 0.05 s',
    })
    expect(judgeHead(answer(500), { limits, waitMs: 700 }, NOW).retryAfterMs).toBeUndefined()
  })
})

describe('whatever is given in place of a response, nothing throws', () => {
  it('test doubles', () => {
    const doubles: unknown[] = [
      { status: 429, headers: { 'Retry-After': '2' } },
      { status: 429, headers: new Map([['retry-after', '2']]) },
    ]
    for (const double of doubles)
      expect(verdictOf(double as Response)).toMatchObject({ kind: 'rate-limited', retryAfterMs: 2000 })
    const failing = {
      get: () => {
        throw new Error('no')
      },
    }
    expect(verdictOf({ status: 500, headers: failing } as unknown as Response).kind).toBe('server-error')
    for (const none of [undefined, null, 'text', 7])
      expect(verdictOf(none as unknown as Response)).toMatchObject({ kind: 'unknown', retryable: false })
    for (const odd of [{}, { status: '200' }, { status: 200 }, { headers: null }])
      expect(verdictOf(odd as unknown as Response).retryable).toBe(false)
  })

  it('an opaque response can only be used', () => {
    expect(verdictOf({ type: 'opaque', status: 0, headers: new Headers() } as Response).kind).toBe('ok')
  })

  it('any header', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), fc.string(), fc.string(), (status, wait, date) => {
        const double = { status, headers: { 'retry-after': wait, date } } as unknown as Response
        const { retryAfterMs = 0, retryable, kind } = verdictOf(double)
        expect(retryAfterMs >= 0 && retryAfterMs <= 366 * 86_400_000).toBe(true)
        if (kind === 'unknown') expect(retryable).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })
})
