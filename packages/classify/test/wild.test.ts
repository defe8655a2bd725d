import { describe, expect, it } from 'vitest'
import { classifyResponse, type ClassifyResponseOptions, rules, type Verdict } from '../src/index.ts'

const receivedAt = Date.parse('2026-01-15T12:00:00.000Z')

const judge = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
  options: ClassifyResponseOptions = {},
): Promise<Verdict> => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  const init = { status, headers: { 'content-type': type, ...headers } }
  return classifyResponse(new Response(text, init), { receivedAt, ...options })
}

describe('a period is read, however it is written', () => {
  it.each([
    "You've reached today's limit",
    'Limit for the current day reached',
    'Too many requests: limit is 1000/day',
    '100 calls / month exceeded',
    'Max 50 per 24 hours',
    'requests are limited to 10 per 1 day',
    'Your limit resets at midnight UTC',
    'quota for this calendar month has been used',
    'limit of 500 requests each day',
    'Rate limit exceeded (per-day)',
    'Rate Limited Month',
    'Budget has been exceeded! Current cost: 10.2, Max budget: 10.0',
    'Key limit exceeded: weekly',
    'Limit reached. Come back tomorrow.',
  ])('a long one is an allowance: %s', async (message) => {
    expect(await judge(429, { message })).toMatchObject({ kind: 'quota-exhausted', retryable: false })
  })

  it.each([
    'Rate limit exceeded: 10 per 1 minute',
    'quota exceeded for the current minute',
    'quota exceeded, 60 per min',
    'limit 100 requests/min',
    'quota exceeded: 1000 requests per hour',
    'Rate Limited Minute',
    'quota exceeded: 20 RPM',
  ])('a short one is a rate, also where a quota is spoken of: %s', async (message) => {
    expect(await judge(429, { message })).toMatchObject({ kind: 'rate-limited', retryable: true })
  })

  it.each([
    ["Quota exceeded for quota metric 'Q' and limit 'Q per day per user'", [], 'quota-exhausted'],
    ["Quota exceeded for quota metric 'Q'", [{ metadata: { quota_limit: 'QPerDayPerProject' } }], 'quota-exhausted'],
    ["Quota exceeded for quota metric 'Q' and limit 'Q per minute'", [], 'rate-limited'],
    ['Resource has been exhausted (e.g. check quota).', [], 'rate-limited'],
    ['Exhausted concurrent requests quota', [], 'concurrency-limited'],
  ])('a code that every limit has does not end the reading: %s %j', async (message, details, kind) => {
    const error = { code: 429, status: 'RESOURCE_EXHAUSTED', message, details }
    expect(await judge(429, { error })).toMatchObject({ kind })
  })
})

describe('a wait that is named is known, and a short one makes a quota a rate', () => {
  it.each<[body: unknown, waitMs: number]>([
    [{ message: 'Quota exceeded, retry in 30 seconds' }, 30_000],
    [{ message: 'You exceeded your current quota. Please retry in 38.9s.' }, 38_900],
    [{ message: 'Quota will be replenished in 00:00:25' }, 25_000],
    [{ message: 'retry after 0:05:09' }, 309_000],
    [{ message: 'Too many requests. Timed out for 5 minutes' }, 300_000],
    [{ message: 'Next call allowed in 7s' }, 7000],
    [{ message: 'The ban will last 2 minutes' }, 120_000],
    [{ message: 'too many attempts, locked out for 15 minutes' }, 900_000],
    [{ message: 'You can make another request in 8 seconds' }, 8000],
    [{ message: 'blocked until 2026-Jan-15 12:00:20' }, 20_000],
    [{ message: 'Slow down. Retry-After: 11' }, 11_000],
    [{ message: 'Quota exceeded', backoff_seconds: 9 }, 9000],
    [{ Message: 'Throttled', ThrottleSeconds: 3 }, 3000],
    [{ errors: [{ meta: { reset_time: '2026/01/15 12:00:21 +0000' } }] }, 21_000],
    [{ seconds_until_reset: 6 }, 6000],
    [{ error: { message: '{"error":{"message":"Quota exceeded","retry_after":7}}' } }, 7000],
    [{ error: 'upstream said: {"error":{"message":"Quota exceeded","retryDelay":"26s"}}' }, 26_000],
  ])('%j', async (body, retryAfterMs) => {
    expect(await judge(429, body)).toMatchObject({ kind: 'rate-limited', retryable: true, retryAfterMs })
  })

  it.each<[string, number]>([
    ['For security purposes, you can only request this after 49 seconds.', 49_000],
    ['Requests are accepted after a minute', 60_000],
    ['Daily limit exceeded, retry in 8 seconds', 8000],
  ])('%s', async (message, retryAfterMs) => {
    expect(await judge(429, { message })).toMatchObject({ kind: 'rate-limited', retryable: true, retryAfterMs })
  })

  it.each(['Upstream timed out after 120 seconds', 'The job failed after 3 minutes', 'Closed after 5 s of silence'])(
    'how long something took is no wait: %s',
    async (message) => {
      expect(await judge(503, { message })).toMatchObject({ kind: 'overloaded', retryAfterMs: undefined })
    },
  )

  it('in XML', async () => {
    const xml = '<?xml version="1.0"?><Error><Code>SlowDown</Code><Retry-After>12</Retry-After></Error>'
    expect(await judge(429, xml)).toMatchObject({ kind: 'rate-limited', retryAfterMs: 12_000 })
  })

  it.each([429, 503])('below the title of a page under %i, and not in its scripts', async (status) => {
    const html = { 'content-type': 'text/html' }
    const page = (text: string): string =>
      `<html><head><title>Error</title><script>retry in 5 seconds</script></head><body><p>${text}</p></body></html>`
    expect(await judge(status, page('Please try again in <b>30</b> seconds.'), html)).toMatchObject({
      retryAfterMs: 30_000,
      message: 'Error',
    })
    expect(await judge(status, page('Sorry.'), html)).toMatchObject({ retryAfterMs: undefined })
    expect(await judge(status, '<html><body>Busy &amp; sorry</body></html>', html)).toMatchObject({
      message: 'Busy & sorry',
    })
  })

  it('also where it is too long to be waited for', async () => {
    const message = 'Out of call volume quota. Quota will be replenished in 22.14:18:12.'
    expect(await judge(403, { message })).toMatchObject({ kind: 'quota-exhausted', retryAfterMs: 1_952_292_000 })
    const body = {
      status: { code: 402, message: 'quota exceeded' },
      rate: { limit: 9, remaining: 0, reset: 1_768_521_600 },
    }
    expect(await judge(402, body)).toMatchObject({ kind: 'quota-exhausted', retryAfterMs: 43_200_000 })
  })
})

describe('an explicit invitation to send the same again counts', () => {
  it.each<[number, unknown, string]>([
    [409, { code: 'conflict', message: 'The resource has changed during the request, please retry' }, 'conflict'],
    [409, { message: 'Resource is in use, try again shortly' }, 'conflict'],
    [409, { error: 'DatabaseConflict', description: 'Database collision' }, 'server-error'],
    [409, { message: 'Idempotency key already in use by a request in progress' }, 'concurrency-limited'],
    [400, { errorCode: 'UNABLE_TO_LOCK_ROW', message: 'unable to lock' }, 'concurrency-limited'],
    [400, '<Error><Code>RequestTimeout</Code><Message>Your socket was idle.</Message></Error>', 'server-error'],
    [422, { message: 'Could not process your request. Please try again later.' }, 'server-error'],
    [449, { message: 'Retry the request' }, 'server-error'],
    [477, {}, 'overloaded'],
    [498, { error: { code: 'capacity_exceeded', message: 'No flex capacity' } }, 'overloaded'],
  ])('%i %j', async (status, body, kind) => {
    expect(await judge(status, body)).toMatchObject({ kind, retryable: true, refused: false })
  })

  it.each(['is_transient', 'retriable', 'can_retry'])('%s: true', async (key) => {
    expect(await judge(400, { error: { [key]: true, message: 'hm' } })).toMatchObject({ retryable: true })
  })

  it.each<[number, unknown]>([
    [409, { message: 'Name already exists. Please try again.' }],
    [409, { message: 'Please refresh the page and try again' }],
    [409, { message: 'Fetch the latest version and try again.' }],
    [400, { message: 'Please correct the highlighted fields and try again' }],
    [400, { message: 'Invalid card number. Please try again.' }],
    [400, { message: 'Please retry with a different name' }],
    [401, { message: 'Login failed. Please try again.' }],
    [498, { error: { message: 'Invalid token.', code: 498 } }],
  ])('but not one to mend something first: %i %j', async (status, body) => {
    expect(await judge(status, body)).toMatchObject({ retryable: false })
  })
})

describe('the code of a refusal for good decides under 5xx and 403, too', () => {
  it.each<[number, unknown, string]>([
    [500, { error: { type: 'auth_error', message: 'Invalid proxy server token' } }, 'forbidden'],
    [500, { error: { type: 'validation_error', message: 'model is required' } }, 'unprocessable'],
    [500, { name: 'ValidationError', message: 'x must be a number' }, 'unprocessable'],
    [500, { error: 'ExceededBudget: User has exceeded their budget. Max Budget: 1' }, 'quota-exhausted'],
    [500, { error: { message: 'litellm.AuthenticationError: no', code: '500' } }, 'unauthenticated'],
    [502, { error: { code: 'invalid_api_key' } }, 'unauthenticated'],
    // S3, DynamoDB: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    [403, { Code: 'SignatureDoesNotMatch' }, 'unauthenticated'],
    [403, { Code: 'InvalidAccessKeyId' }, 'unauthenticated'],
    [403, { __type: 'com.amazon.coral.service#ExpiredTokenException' }, 'unauthenticated'],
    [403, { Code: 'AccessDenied' }, 'forbidden'],
    [503, { error: { code: 'PERMISSION_DENIED' } }, 'forbidden'],
  ])('%i %j', async (status, body, kind) => {
    expect(await judge(status, body)).toMatchObject({ kind, retryable: false })
  })

  it('unless the server says when to come back', async () => {
    const body = { error: { code: 'PERMISSION_DENIED' } }
    expect(await judge(503, body, { 'retry-after': '3' })).toMatchObject({ kind: 'overloaded', retryable: true })
    expect(await judge(500, { code: 'invalidation_failed' })).toMatchObject({ kind: 'server-error', retryable: true })
  })
})

describe('money and limits come under any 4xx', () => {
  it.each<[number, unknown, string]>([
    [422, { Message: 'Not allowed to send: your account is out of credits' }, 'quota-exhausted'],
    [422, { error: { type: 'budget_exceeded' } }, 'quota-exhausted'],
    [403, { error: 'Your team has run out of credits' }, 'quota-exhausted'],
    [403, { error: "Your team doesn't have any credits yet. You can purchase credits." }, 'billing'],
    [402, 'You have hit your hourly limit for API calls.', 'rate-limited'],
    [429, { error: { message: '余额不足，请充值' } }, 'billing'],
  ])('%i %j', async (status, body, kind) => {
    expect(await judge(status, body)).toMatchObject({ kind })
  })
})

describe('an allowance that only an upgrade ends is none that a wait does', () => {
  it.each<[string, string]>([
    ['You have reached your session usage limit, upgrade for higher limits', 'quota-exhausted'],
    ['Free tier limit reached. Upgrade your plan to continue.', 'quota-exhausted'],
    ['You have exceeded your usage limits. Please try again later or upgrade.', 'rate-limited'],
    ['You have reached your hourly usage limit, please wait or upgrade to continue', 'rate-limited'],
    ['Plan limit of 5 requests per second reached. Upgrade for more.', 'rate-limited'],
    ['Rate limit exceeded, upgrade your plan', 'rate-limited'],
  ])('%s', async (message, kind) => {
    expect(await judge(429, { message })).toMatchObject({ kind })
  })
})

describe('a rate that was exceeded is one under any 4xx, and words alone permit one repetition at most', () => {
  it.each([401, 405, 406, 409, 410, 412, 422, 423, 424])('%i', async (status) => {
    const told = { kind: 'rate-limited', retryable: true, tentative: true, refused: false }
    expect(await judge(status, { message: 'Rate limit exceeded, slow down.' })).toMatchObject(told)
    expect((await judge(status, { message: 'Rate limit must be a number' })).kind).not.toBe('rate-limited')
  })

  it('of the number of times a call is allowed a 500 speaks for good', async () => {
    const message = 'Service call has exceeded the number of times the operation is allowed to be called'
    expect(await judge(500, { message })).toMatchObject({ kind: 'quota-exhausted', retryable: false })
    expect(await judge(404, { message: 'Rate limit exceeded' })).toMatchObject({ kind: 'missing', retryable: false })
  })
})

describe('a request larger than the limit never fits', () => {
  it.each<[number, string]>([
    [429, 'Request too large for model on tokens per min (TPM): Limit 30000, Requested 342389.'],
    [429, 'Requested 5,000 tokens, limit 4,000'],
    [413, 'Limit 8000, Requested 20449, please reduce your message size and try again.'],
  ])('%i %s', async (status, message) => {
    const error = { message, code: 'rate_limit_exceeded' }
    expect(await judge(status, { error }, { 'retry-after': '3' })).toMatchObject({ kind: 'invalid', retryable: false })
  })

  it('one that is not does', async () => {
    const error = { message: 'Limit 10000, Used 9500, Requested 1200. Please try again in 4.2s.' }
    expect(await judge(429, { error })).toMatchObject({ kind: 'rate-limited', retryAfterMs: 4200 })
  })
})

describe("a wall's challenge is passed by no repetition", () => {
  const html = { 'content-type': 'text/html' }
  it.each<[number, Record<string, string>, string]>([
    [429, { 'x-vercel-mitigated': 'challenge' }, ''],
    [503, { 'cf-mitigated': 'challenge' }, ''],
    [405, { 'x-amzn-waf-action': 'captcha' }, ''],
    [202, { 'x-amzn-waf-action': 'challenge' }, ''],
    [503, html, '<html><head><title>Just a moment...</title></head></html>'],
    [429, html, '<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>'],
    [200, { ...html, 'x-iinfo': '1-2' }, '<html><iframe src="/_Incapsula_Resource?a"></iframe></html>'],
  ])('%i %j', async (status, headers, body) => {
    expect(await judge(status, body, headers)).toMatchObject({ kind: 'forbidden', retryable: false })
  })

  it("what it lets pass is the API's", async () => {
    expect(await judge(429, {}, { 'x-amzn-waf-action': 'count' })).toMatchObject({ kind: 'rate-limited' })
    expect(await judge(200, '<html>fine</html>', { ...html, 'x-iinfo': '1-2' })).toMatchObject({ kind: 'ok' })
    expect(await judge(502, '<html></html>', { ...html, 'ngrok-error-code': 'E' })).toMatchObject({ retryable: true })
  })

  it('the request id is found beside it', async () => {
    const headers = { 'cf-mitigated': 'challenge', 'cf-ray': 'ray', 'x-request-id': 'own' }
    expect(await judge(403, '', headers)).toMatchObject({ requestId: 'own' })
  })
})

describe('the message is found under any spelling of its key', () => {
  it.each([
    { Response: 'False', Error: 'bad' },
    { err: 'bad', ECODE: 'OAUTH_023' },
    { success: false, cause: 'bad' },
    { Fault: { Error: [{ Message: 'bad', code: '610' }] } },
    { response: { errors: [{ code: '250002', message: 'bad' }] } },
    { messages: { resultCode: 'Error', message: [{ code: 'E1', text: 'bad' }] } },
    { message: { name: ['bad'] } },
    { email: ['bad'] },
    { data: [{ code: 'X', message: 'bad' }] },
    { Messages: [{ Errors: [{ ErrorMessage: 'bad' }] }] },
    { errorMessages: ['bad'], errors: {} },
    { errorMessages: [], errors: { field: 'bad' } },
    { error: ['bad'] },
    { error: '{"message":"bad"}' },
    ['error', 10_020, 'bad'],
  ])('%j', async (body) => {
    expect(await judge(400, body)).toMatchObject({ message: 'bad' })
  })

  it('in a header, where the body says nothing', async () => {
    expect(await judge(400, '', { 'x-bamboohr-error-message': 'bad' })).toMatchObject({ message: 'bad' })
  })
})

describe('errorBody finds limits inside a 200', () => {
  it.each<[unknown, string]>([
    [{ status: '0', message: 'NOTOK', result: 'Max rate limit reached' }, 'rate-limited'],
    [{ Note: 'Our standard API call frequency is 5 calls per minute.' }, 'rate-limited'],
    [{ Information: 'Our standard API rate limit is 25 requests per day.' }, 'quota-exhausted'],
    [{ status: { message: 'the daily limit of 20000 credits has been exceeded.', value: 18 } }, 'quota-exhausted'],
    [{ retCode: 10_006, retMsg: 'Too many visits!' }, 'rate-limited'],
    [{ Response: { Error: { Code: 'RequestLimitExceeded', Message: 'too many' } } }, 'rate-limited'],
    [{ errcode: 45_009, errmsg: 'reach max api daily quota limit' }, 'quota-exhausted'],
    [{ errcode: 45_011, errmsg: 'api minute-quota reach limit, retry next minute' }, 'rate-limited'],
    [[{ error: { code: 'rate_limited' } }, { error: { code: 'rate_limited' } }], 'rate-limited'],
    [{ errcode: 0, errmsg: 'ok', data: 'rate limit exceeded' }, 'ok'],
    [{ retCode: 0, retMsg: 'OK', result: 'rate limit exceeded' }, 'ok'],
    [{ status: '0', message: 'No transactions found', result: [] }, 'ok'],
    [{ id: 1, note: 'rate limit exceeded' }, 'ok'],
    [[{ error: { code: 'rate_limited' } }, { id: 1 }], 'ok'],
  ])('%j', async (body, kind) => {
    expect(await judge(200, body, {}, { rules: [rules.errorBody] })).toMatchObject({ kind })
  })

  it.each([
    ['0', 'ok'],
    ['8', 'rate-limited'],
    ['14', 'overloaded'],
    ['16', 'unauthenticated'],
  ])('grpc-status %s', async (status, kind) => {
    const headers = { 'grpc-status': status, 'content-type': 'application/grpc-web+proto' }
    expect(await judge(200, '', headers, { rules: [rules.errorBody] })).toMatchObject({ kind })
  })
})
