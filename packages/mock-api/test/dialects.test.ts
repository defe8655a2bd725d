import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createMockApi, type LimitReport, type MockApiOptions } from '../src/index.ts'
import { goDuration } from '../src/dialects.ts'

const LOOKUP = 'https://api.test/v1/lookup/1.2.3.4'
const NOW = Date.UTC(2026, 0, 1)

beforeEach(() => vi.useFakeTimers({ now: NOW }))
afterEach(() => vi.useRealTimers())

/** The headers of the first answer, 100 ms after it was asked for. */
const headersIn = async (headers: NonNullable<MockApiOptions['headers']>, more: MockApiOptions = {}) => {
  const api = createMockApi({ windows: [{ limit: 20, windowMs: 60_000 }], headers, latencyMs: 100, ...more })
  const answer = api.fetch(LOOKUP)
  await vi.advanceTimersByTimeAsync(100)
  const { 'content-type': _, date: __, ...rest } = Object.fromEntries((await answer).headers)
  return rest
}

describe('the windows show on every answer, in the dialect asked for', () => {
  test.each([
    ['ietf', { 'ratelimit-policy': '"default";q=20;w=60', ratelimit: '"default";r=19;t=60' }],
    ['draft-7', { 'ratelimit-policy': '20;w=60', ratelimit: 'limit=20, remaining=19, reset=60' }],
    [
      'draft-6',
      { 'ratelimit-limit': '20', 'ratelimit-remaining': '19', 'ratelimit-reset': '60', 'ratelimit-policy': '20;w=60' },
    ],
    ['x-ratelimit', { 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '19', 'x-ratelimit-reset': '1767225660' }],
    [
      'x-ratelimit-ms',
      { 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '19', 'x-ratelimit-reset': '1767225660000' },
    ],
    ['x-ratelimit-delta', { 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '19', 'x-ratelimit-reset': '60' }],
    ['okta', { 'x-rate-limit-limit': '20', 'x-rate-limit-remaining': '19', 'x-rate-limit-reset': '1767225660' }],
    ['gitlab', { 'ratelimit-limit': '20', 'ratelimit-remaining': '19', 'ratelimit-reset': '1767225660' }],
    [
      'github',
      {
        'x-ratelimit-limit': '20',
        'x-ratelimit-remaining': '19',
        'x-ratelimit-reset': '1767225660',
        'x-ratelimit-used': '1',
        'x-ratelimit-resource': 'core',
      },
    ],
    [
      'openai',
      {
        'x-ratelimit-limit-requests': '20',
        'x-ratelimit-remaining-requests': '19',
        'x-ratelimit-reset-requests': '59.9s',
      },
    ],
    [
      'anthropic',
      {
        'anthropic-ratelimit-requests-limit': '20',
        'anthropic-ratelimit-requests-remaining': '19',
        'anthropic-ratelimit-requests-reset': '2026-01-01T00:01:00Z',
      },
    ],
    [
      'discord',
      {
        'x-ratelimit-limit': '20',
        'x-ratelimit-remaining': '19',
        'x-ratelimit-reset': '1767225660.000',
        'x-ratelimit-reset-after': '59.900',
        'x-ratelimit-bucket': 'default',
      },
    ],
    [
      'lists',
      {
        'x-ratelimit-limit': '20',
        'x-ratelimit-policy': '20;w=60',
        'x-ratelimit-remaining': '19',
        'x-ratelimit-reset': '60',
      },
    ],
    ['shopify', { 'x-shopify-shop-api-call-limit': '1/20' }],
    [false, {}],
  ] as const)('%s', async (dialect, expected) => {
    expect(await headersIn(dialect)).toEqual(expected)
  })

  test('a function writes its own', async () => {
    const reports: LimitReport[] = []
    const headers = (report: LimitReport) => {
      reports.push(report)
      return { 'x-left': String(report.tightest.remaining) }
    }
    expect(await headersIn(headers)).toEqual({ 'x-left': '19' })
    const window = {
      name: 'default',
      limit: 20,
      remaining: 19,
      resetMs: 59_900,
      fullMs: 59_900,
      windowMs: 60_000,
      perSecond: 1 / 3,
    }
    expect(reports).toEqual([{ windows: [window], tightest: window, refused: false, nowMs: NOW + 100 }])
  })

  test('windows shorter than a second have no w, which knows whole seconds only', async () => {
    expect(await headersIn('ietf', { windows: [{ limit: 20, windowMs: 1500 }] })).toEqual({
      'ratelimit-policy': '"default";q=20',
      ratelimit: '"default";r=19;t=2',
    })
  })

  test('the tightest window is the one with the smallest share left', async () => {
    const windows = [
      { limit: 4, windowMs: 1000 },
      { limit: 2, windowMs: 5000 },
      { limit: 10, windowMs: 9000 },
    ]
    expect(await headersIn('x-ratelimit-delta', { windows })).toMatchObject({
      'x-ratelimit-limit': '2',
      'x-ratelimit-reset': '5',
    })
  })
})

describe('429s of a window name the wait, never too short', () => {
  const refused = async (options: MockApiOptions) => {
    const api = createMockApi({ windows: [{ limit: 1, windowMs: 1500 }], ...options })
    await api.fetch(LOOKUP)
    await vi.advanceTimersByTimeAsync(50)
    const { headers } = await api.fetch(LOOKUP)
    return [headers.get('retry-after'), headers.get('retry-after-ms')]
  }
  test.each([
    ['seconds', ['2', null]],
    ['decimal', ['1.450', null]],
    ['date', ['Thu, 01 Jan 2026 00:00:02 GMT', null]],
    ['ms', [null, '1450']],
    [false, [null, null]],
  ] as const)('%s', async (retryAfter, expected) => {
    expect(await refused({ retryAfter })).toEqual(expected)
  })

  test('seconds by default, silence with silent headers, unless asked for', async () => {
    expect(await refused({})).toEqual(['2', null])
    expect(await refused({ headers: false })).toEqual([null, null])
    expect(await refused({ headers: false, retryAfter: 'ms' })).toEqual([null, '1450'])
  })

  test('whoever waits as told is served', async () => {
    for (const kind of ['fixed', 'sliding', 'bucket'] as const) {
      const api = createMockApi({ windows: [{ limit: 3, windowMs: 1000, kind }], retryAfter: 'ms' })
      for (let i = 0; i < 20; i++) {
        const response = await api.fetch(LOOKUP)
        if (response.status === 200) continue
        await vi.advanceTimersByTimeAsync(Number(response.headers.get('retry-after-ms')))
        expect((await api.fetch(LOOKUP)).status).toBe(200)
      }
    }
  })
})

describe('refusals are worded as the vendors of the dialect word theirs', () => {
  test.each([
    [
      'ietf',
      { type: 'https://iana.org/assignments/http-problem-types#quota-exceeded', 'violated-policies': ['default'] },
    ],
    ['github', { message: 'API rate limit exceeded.' }],
    ['openai', { error: { type: 'requests', code: 'rate_limit_exceeded' } }],
    ['anthropic', { type: 'error', error: { type: 'rate_limit_error' } }],
    ['discord', { message: 'You are being rate limited.', retry_after: 1, global: false }],
    ['shopify', { errors: expect.stringContaining('Exceeded 1 calls per second') }],
    ['x-ratelimit', { message: expect.stringContaining('rate limit exceeded') }],
  ] as const)('%s', async (headers, body) => {
    const api = createMockApi({ windows: [{ limit: 1, windowMs: 1000 }], headers })
    await api.fetch(LOOKUP)
    const response = await api.fetch(LOOKUP)
    expect(response.status).toBe(429)
    expect(await response.json()).toMatchObject(body)
  })
})

describe('durations look as Go prints them', () => {
  test.each([
    [12, '12ms'],
    [0.2, '1ms'],
    [1000, '1s'],
    [72_500, '1m12.5s'],
    [360_000, '6m0s'],
    [83_909_144, '23h18m29.144s'],
  ])('%d ms is %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text)
  })
})
