import { describe, expect, it } from 'vitest'
import { readBody, readProse } from '../src/index.ts'

const now = Date.parse('2026-01-15T12:00:00Z')

describe('waits, windows and credits are found in JSON bodies, wherever they are nested', () => {
  it.each<[unknown, number | undefined]>([
    [{ retry_after: 64.57 }, 64_570],
    [{ error: { retry_after: '30' } }, 30_000],
    [{ parameters: { retry_after: 35 } }, 35_000],
    [{ retryAfterMs: 1500 }, 1500],
    [{ retry_after_ms: 250 }, 250],
    [{ extensions: { retry_in_seconds: 16 } }, 16_000],
    [{ estimated_time: 20.5 }, 20_500],
    [{ details: [{ '@type': 'RetryInfo', retryDelay: '57.238747106s' }] }, 57_239],
    [{ retryDelay: { seconds: 5, nanos: 0 } }, 5000],
    [{ retryAfter: '2026-01-15T12:00:10Z' }, 10_000],
    [
      {
        extensions: {
          cost: {
            requestedQueryCost: 152,
            throttleStatus: { maximumAvailable: 2000, currentlyAvailable: 2, restoreRate: 100 },
          },
        },
      },
      1500,
    ],
    [
      { extensions: { cost: { requestedQueryCost: 1, throttleStatus: { currentlyAvailable: 2, restoreRate: 100 } } } },
      undefined,
    ],
    [{ retry_after: -5 }, undefined],
    [{ retry_after: 1e12 }, 0],
    [{ retry_after: 1e300 }, undefined],
    [{ retry_after: null }, undefined],
    [{ retry_after: { deep: true } }, undefined],
    [{ retry: true }, undefined],
    [null, undefined],
    ['text', undefined],
    [[], undefined],
  ])('%j', (body, ms) => expect(readBody(body, now).retryAfterMs).toBe(ms))

  it.each(
    `retry_after retryAfter RetryAfter Retry-After RETRY_AFTER retryafter retry_after_s retryAfterSecs retry_after_seconds
    retryAfterInSeconds retry_in retryIn retryDelay retry_delay_seconds retry_seconds try_again_in tryAfter wait wait_for
    waitSeconds wait_time_seconds seconds_to_wait timeToWait suggested_wait backoff backoff_seconds cooldown cooldownSeconds
    reset_in resetsInSeconds reset_seconds reset_after reset_in_x_seconds rate_limit_reset rateLimitResetIn seconds_until_reset
    time_to_reset next_request_in nextAttemptAfter availableIn blocked_for_seconds banDuration lockout_seconds throttle_for
    delay_seconds`
      .trim()
      .split(/\s+/),
  )('%s: 30 is half a minute', (key) => expect(readBody({ error: { [key]: 30 } }, now).retryAfterMs).toBe(30_000))

  it.each(
    `retry_after_ms retryAfterMillis retryDelayMs wait_ms waitMilliseconds msBeforeNext ms_until_reset resetInMs backoff_ms
    timeToWaitMs`
      .trim()
      .split(/\s+/),
  )('%s: 1500 is a second and a half', (key) => {
    expect(readBody({ [key]: 1500 }, now)).toMatchObject({ retryAfterMs: 1500, inMs: true })
  })

  it.each(
    `retry_at retryAt try_again_at wait_until blocked_until bannedUntil locked_until throttled_until unlock_at available_at
    nextAvailableAt next_allowed_at next_request_at resetsAt reset_date resetTime limit_resets_at quotaResetAt rate_limit_reset
    cooldown_until retry_after`
      .trim()
      .split(/\s+/),
  )('%s takes a moment', (key) => {
    expect(readBody({ [key]: '2026-01-15T12:00:10Z' }, now).retryAfterMs).toBe(10_000)
    expect(readBody({ [key]: now / 1000 + 10 }, now).retryAfterMs).toBe(10_000)
  })

  it.each(
    `retry retries retry_count max_retries retryLimit retry_policy retriable wait_list waitingRoom reset resetPassword reset_token
    available available_credits available_requests next next_page nextCursor limit rate_limit time date timestamp created_at
    updatedAt expires_in duration delay interval blocked banned is_locked block_time lockTime allowed allowed_rps
    allowed_calls_per_minute timeout timeout_ms request_time seconds minutes attempts_left X-RateLimit-Reset`
      .trim()
      .split(/\s+/),
  )('%s names no wait', (key) => expect(readBody({ [key]: 30 }, now).retryAfterMs).toBeUndefined())

  it('prefers what stands at the top', () => {
    expect(readBody({ a: { b: { retry_after: 1 } }, retry_after: 2 }, now).retryAfterMs).toBe(2000)
  })

  it('reads a window that stands under a limit', () => {
    const limit = { remaining: 0, reset: now / 1000 + 60, resetMs: now + 60_000, total: 100 }
    expect(readBody({ error: { limit } }, now).windows).toEqual([
      { limit: 100, remaining: 0, resetMs: 60_000, source: 'body' },
    ])
  })

  it('reads headers that are handed on', () => {
    const headers = {
      'X-RateLimit-Limit': '50',
      'X-RateLimit-Remaining': '0',
      'X-RateLimit-Reset': String(now + 60_000),
    }
    expect(readBody({ error: { metadata: { headers } } }, now).windows).toMatchObject([
      { limit: 50, remaining: 0, resetMs: 60_000 },
    ])
  })

  it.each([
    [1091, 2000],
    [991, undefined],
    [900, undefined],
  ])('waits until a bucket with 991 has the %i points that were asked for: %s ms', (requestedQueryCost, waitMs) => {
    const throttleStatus = { maximumAvailable: 1000, currentlyAvailable: 991, restoreRate: 50 }
    expect(readBody({ extensions: { cost: { requestedQueryCost, throttleStatus } } }).retryAfterMs).toBe(waitMs)
  })

  it('reads credits', () => {
    expect(readBody({ credits_used: 2, credits_remaining: 98, total_credits: 100 }).credits).toEqual({
      cost: 2,
      remaining: 98,
      limit: 100,
      source: 'body',
    })
    expect(readBody({ balance: 30 }).credits).toMatchObject({ remaining: 30 })
    expect(readBody({ creditsUsed: 5 }).credits).toMatchObject({ cost: 5 })
    const throttleStatus = { maximumAvailable: 1000, currentlyAvailable: 991, restoreRate: 50 }
    const bucket = readBody({ extensions: { cost: { actualQueryCost: 9, throttleStatus } } })
    expect(bucket.windows).toMatchObject([{ limit: 1000, remaining: 991, unit: 'points' }])
    expect(bucket.credits).toEqual({ cost: 9, source: 'body' }) // what is left in a bucket is no balance
    const complexity = { before: 100, query: 7, after: 93, reset_in_x_seconds: 12 }
    expect(readBody({ data: { complexity } })).toMatchObject({
      windows: [{ remaining: 93, resetMs: 12_000, unit: 'points' }],
      credits: { cost: 7 },
    })
  })

  it('in an answer that was served, believes only cost and credits', () => {
    const body = { balance: 30, credits_used: 2, limit: { remaining: 0, total: 9 }, headers: { 'retry-after': '5' } }
    expect(readBody(body, now, true)).toEqual({ windows: [], credits: { cost: 2, source: 'body' } })
  })

  it('does not look at the prototype', () => {
    const body: unknown = JSON.parse('{"__proto__":{"retry_after":5},"constructor":{"prototype":{"balance":1}}}')
    expect(readBody(body, now).retryAfterMs).toBe(5000)
    expect(({} as Record<string, unknown>)['retry_after']).toBeUndefined()
  })
})

describe('a wait is found in prose, behind the words that announce one', () => {
  it.each<[string, number]>([
    ['Rate limit reached. Please try again in 6m0s. Contact us.', 360_000],
    ['Your rate limit resets in ~30s.', 30_000],
    ['Please retry after 37 seconds.', 37_000],
    ['please retry after 37s, resets at Thu Jan 15 2026 12:09:37 GMT+0000 (Coordinated Universal Time)', 37_000],
    ['resets at Thu Jan 15 2026 12:00:37 GMT+0000 (Coordinated Universal Time)', 37_000],
    ['Please try after 2026-01-15T12:01:37.255Z', 97_255],
    ['IP banned until 1768478520000. Please use WebSocket Streams.', 120_000],
    ['Request was throttled. Expected available in 41 seconds.', 41_000],
    ['please try again after 1 seconds', 1000],
    ['Too Many Requests: retry after 35', 35_000],
    ["Please try again after '17' seconds.", 17_000],
    ['Please wait 1 hour and 5 minutes.', 3_900_000],
    ['Wait a minute, please', 60_000],
    ['You are blocked for 10 minutes', 600_000],
    ['Please retry in 57.238747106s.', 57_239],
    ['try again in 20ms', 20],
    ['Your limit of 100 requests per 10 seconds is reached; it resets in 4 seconds', 4000],
  ])('%s', (text, ms) => expect(readProse(text, now).waitMs).toBe(ms))

  it.each([
    'Please wait a few minutes before you try again.',
    'limited to 5 requests in 60 seconds',
    'Exceeded 2 calls per second for api client.',
    'Retry after the time indicated by the retry-after header.',
    'retry after 5 attempts',
    'limit of 600 requests per minute',
    'try again until 9999-12-31T00:00:00Z',
    '',
  ])('finds none in %j', (text) => expect(readProse(text, now).waitMs).toBeUndefined())

  it('tells a point in time from a duration', () => {
    expect(readProse('banned until 1768478520000', now).absolute).toBe(true)
    expect(readProse('try again at 2026-01-15T12:00:30Z', now)).toEqual({ waitMs: 30_000, absolute: true })
    expect(readProse('try again in 5s', now).absolute).toBeUndefined()
    // A date that is none is not read as something else.
    expect(readProse('try again at 2026-13-45 12:00:30', now).waitMs).toBeUndefined()
  })

  it('finds what is left', () => {
    expect(readProse('Consumed (req/min): 45, Remaining (req/min): 0.').remaining).toBe(0)
  })
})
