import { describe, expect, it } from 'vitest'
import { type HeaderRow, type LimitWindow, readLimits } from '../src/index.ts'

const now = Date.parse('2026-01-15T12:00:00Z')
const epoch = now / 1000
const DAY = 86_400_000

const windowsOf = (headers: Record<string, string>, status?: number): readonly LimitWindow[] =>
  readLimits(new Headers(headers), { receivedAt: now, status }).windows

describe('the IETF fields are read in all their revisions', () => {
  it('08 to 11: lists of named items, joined by name', () => {
    const headers = {
      'RateLimit-Policy': '"burst";q=100;w=60,"daily";q=1000;w=86400',
      RateLimit: '"daily";r=40;t=36000, "burst";r=80;t=10',
    }
    expect(windowsOf(headers)).toEqual([
      { name: 'daily', limit: 1000, remaining: 40, resetMs: 36_000_000, windowMs: DAY, source: 'ratelimit' },
      { name: 'burst', limit: 100, remaining: 80, resetMs: 10_000, windowMs: 60_000, source: 'ratelimit' },
    ])
  })

  it('joins on the partition key where there is one, and takes any', () => {
    const pk = ':sdfjLJUOUH==:'
    const headers = {
      'RateLimit-Policy': `"peruser";q=65535;qu="content-bytes";w=10;pk=${pk},"peruser";q=5;w=10;pk=:AA==:`,
      RateLimit: `"peruser";r=30000;t=6;pk=${pk}`,
    }
    const joined = { name: 'peruser', limit: 65_535, remaining: 30_000, resetMs: 6000, unit: 'content-bytes' }
    expect(windowsOf(headers)[0]).toMatchObject(joined)
  })

  it('07: one dictionary', () => {
    const headers = { RateLimit: 'limit=100, remaining=50, reset=5', 'RateLimit-Policy': '100;w=10' }
    expect(windowsOf(headers)).toMatchObject([{ limit: 100, remaining: 50, resetMs: 5000, windowMs: 10_000 }])
    expect(windowsOf({ RateLimit: 'limit=10, reset=1' })).toMatchObject([{ limit: 10, resetMs: 1000 }])
  })

  it('04 to 06: three fields and a list of policies, joined by size', () => {
    const headers = {
      'RateLimit-Limit': '100',
      'RateLimit-Policy': '100;w=60;burst=1000;comment="sliding, window; x", 5000;w=3600',
      'RateLimit-Remaining': '50',
      'RateLimit-Reset': '44',
    }
    expect(windowsOf(headers)).toMatchObject([
      { limit: 100, remaining: 50, resetMs: 44_000, windowMs: 60_000 },
      { limit: 5000, windowMs: 3_600_000 },
    ])
  })

  it('00 to 03: policies behind the limit that runs out first', () => {
    const headers = { 'RateLimit-Limit': '10, 10;w=1, 50;w=60', 'RateLimit-Remaining': '9', 'RateLimit-Reset': '1' }
    expect(windowsOf(headers)).toMatchObject([
      { limit: 10, remaining: 9, resetMs: 1000, windowMs: 1000 },
      { limit: 50, windowMs: 60_000 },
    ])
  })

  it('with Hugging Face’s invalid policy, the string before the name is dropped', () => {
    const headers = { RateLimit: '"api";r=499;t=289', 'RateLimit-Policy': '"fixed window";"api";q=500;w=300' }
    expect(windowsOf(headers)).toMatchObject([{ name: 'api', limit: 500, remaining: 499, resetMs: 289_000 }])
  })

  it('under a prefix, as Jira’s beta', () => {
    const headers = { 'Beta-RateLimit': '"app";r=17842;t=2107', 'Beta-RateLimit-Policy': '"app";q=100100;w=3600' }
    expect(windowsOf(headers)).toMatchObject([{ name: 'app', limit: 100_100, remaining: 17_842, resetMs: 2_107_000 }])
  })

  it.each([
    'limit=100; remaining=oops',
    'limit=oops, remaining=5x, reset=5x',
    '"a";r=',
    '"a";r=-1',
    '"a";r="5"',
    '"a',
    ';;',
    '"a";r=1,',
    '(1 2);r=5',
    '?1',
    '@1',
  ])('ignores the malformed field %s', (value) => expect(windowsOf({ RateLimit: value })).toEqual([]))

  it.each(['"a";w=60', '"a";q=-1', 'q=5', '"a";q=x', '100;w=,'])('ignores the malformed policy %s', (value) =>
    expect(windowsOf({ 'RateLimit-Policy': value })).toEqual([]),
  )
})

describe('several windows are all reported, the tightest first', () => {
  it('one per dimension', () => {
    const headers = {
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-limit-tokens': '150000',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-requests': '1s',
      'x-ratelimit-reset-tokens': '6m0s',
    }
    expect(windowsOf(headers)).toMatchObject([
      { name: 'tokens', limit: 150_000, remaining: 0, resetMs: 360_000, unit: 'tokens' },
      { name: 'requests', limit: 60, remaining: 59, resetMs: 1000 },
    ])
  })

  it('one per position of comma lists', () => {
    const headers = {
      'X-RateLimit-Limit': '1, 15000',
      'X-RateLimit-Policy': '1;w=1, 15000;w=2592000',
      'X-RateLimit-Remaining': '1, 1000',
      'X-RateLimit-Reset': '1, 1419704',
    }
    expect(windowsOf(headers)).toMatchObject([
      { limit: 15_000, remaining: 1000, resetMs: 1_419_704_000, windowMs: 2_592_000_000 },
      { limit: 1, remaining: 1, resetMs: 1000, windowMs: 1000 },
    ])
  })

  it('joined on the seconds where each value carries them', () => {
    const headers = { 'X-App-Rate-Limit': '100:120,20:1', 'X-App-Rate-Limit-Count': '1:1,80:120' }
    expect(windowsOf(headers)).toMatchObject([
      { name: 'app', limit: 100, used: 80, remaining: 20, windowMs: 120_000 },
      { name: 'app', limit: 20, used: 1, remaining: 19, windowMs: 1000 },
    ])
  })

  it('of several that are used up, the one that resets last first', () => {
    const headers = { RateLimit: '"a";r=0;t=5, "b";r=0;t=50, "c";r=3;t=500' }
    expect(windowsOf(headers).map(({ name }) => name)).toEqual(['b', 'a', 'c'])
  })

  it('once, when two families of headers say the same', () => {
    const headers = {
      'x-rate-limit': '700',
      'x-rate-limit-remaining': '6',
      'ratelimit-limit': '700',
      'ratelimit-remaining': '6',
      'ratelimit-reset': '41',
    }
    expect(windowsOf(headers)).toMatchObject([{ limit: 700, remaining: 6, resetMs: 41_000 }])
    expect(windowsOf(headers)).toHaveLength(1)
  })

  it.each([
    ['another limit', '"a";r=6;t=41', { 'x-rate-limit-limit': '800', 'x-rate-limit-remaining': '6' }],
    ['more left', '"a";r=6;t=41', { 'x-rate-limit-limit': '700', 'x-rate-limit-remaining': '7' }],
    [
      'another reset',
      '"a";r=6;t=41',
      { 'x-rate-limit-limit': '700', 'x-rate-limit-remaining': '6', 'x-rate-limit-reset': '50' },
    ],
  ])('but twice with %s', (_, ratelimit, more) => {
    expect(windowsOf({ ratelimit, 'ratelimit-policy': '"a";q=700', ...more })).toHaveLength(2)
  })

  it('of a share that is used up below 0 nothing is known', () => {
    expect(windowsOf({ 'anthropic-ratelimit-unified-5h-utilization': '-0.5' })).toEqual([])
    expect(windowsOf({ 'anthropic-ratelimit-unified-5h-utilization': '0' })).toMatchObject([{ remaining: 100 }])
    expect(windowsOf({ 'anthropic-ratelimit-unified-5h-utilization': '1.5' })).toMatchObject([{ remaining: 0 }])
  })
})

describe('vendor headers are read word by word, whatever their prefix and order', () => {
  it.each<[string, Record<string, string>, Partial<LimitWindow>]>([
    [
      'GitHub',
      {
        'X-Ratelimit-Limit': '60',
        'X-Ratelimit-Remaining': '0',
        'X-Ratelimit-Reset': `${epoch + 60}`,
        'X-Ratelimit-Resource': 'core',
        'X-Ratelimit-Used': '60',
      },
      { name: 'core', limit: 60, remaining: 0, used: 60, resetMs: 60_000 },
    ],
    [
      'GitLab',
      {
        'RateLimit-Limit': '600',
        'RateLimit-Observed': '6',
        'RateLimit-Remaining': '594',
        'RateLimit-ResetTime': 'Thu, 15 Jan 2026 12:00:27 GMT',
      },
      { limit: 600, remaining: 594, used: 6, resetMs: 27_000 },
    ],
    [
      'Okta',
      { 'X-Rate-Limit-Limit': '600', 'X-Rate-Limit-Remaining': '5', 'X-Rate-Limit-Reset': `${epoch + 27}` },
      { limit: 600, remaining: 5, resetMs: 27_000 },
    ],
    [
      'Prisjakt',
      { 'X-Rate-Limit-Limit': '9', 'X-Rate-Limit-Remaining': '0', 'X-Rate-Limit-Reset': '600000' },
      { limit: 9, resetMs: 600_000 },
    ],
    [
      'RapidAPI',
      {
        'x-ratelimit-lookups-limit': '100',
        'x-ratelimit-lookups-remaining': '99',
        'x-ratelimit-lookups-reset': '86400',
      },
      { name: 'lookups', limit: 100, remaining: 99, resetMs: DAY },
    ],
    [
      'Anthropic',
      {
        'anthropic-ratelimit-input-tokens-limit': '80',
        'anthropic-ratelimit-input-tokens-remaining': '7',
        'anthropic-ratelimit-input-tokens-reset': '2026-01-15T12:00:20Z',
      },
      { name: 'input-tokens', limit: 80, remaining: 7, resetMs: 20_000, unit: 'tokens' },
    ],
    [
      'Linear',
      {
        'X-RateLimit-Requests-Limit': '5000',
        'X-RateLimit-Requests-Remaining': '9',
        'X-RateLimit-Requests-Reset': `${now + 60_000}`,
      },
      { name: 'requests', limit: 5000, remaining: 9, resetMs: 60_000 },
    ],
    [
      'Azure',
      { 'x-ms-ratelimit-remaining-subscription-reads': '11999' },
      { name: 'subscription-reads', remaining: 11_999 },
    ],
    [
      'Fastly',
      { 'Fastly-RateLimit-Remaining': '997', 'Fastly-RateLimit-Reset': `${epoch + 600}` },
      { remaining: 997, resetMs: 600_000 },
    ],
    [
      'Affinity',
      {
        'X-Ratelimit-Limit-User': '900',
        'X-Ratelimit-Limit-User-Remaining': '3',
        'X-Ratelimit-Limit-User-Reset': '30',
      },
      { name: 'user', limit: 900, remaining: 3, resetMs: 30_000 },
    ],
    [
      'Kong',
      { 'X-RateLimit-Limit-Minute': '5', 'X-RateLimit-Remaining-Minute': '4' },
      { name: 'minute', limit: 5, remaining: 4, windowMs: 60_000 },
    ],
    [
      'HubSpot',
      {
        'X-HubSpot-RateLimit-Max': '100',
        'X-HubSpot-RateLimit-Remaining': '1',
        'X-HubSpot-RateLimit-Interval-Milliseconds': '10000',
      },
      { limit: 100, remaining: 1, windowMs: 10_000 },
    ],
    [
      'HubSpot’s day',
      { 'X-HubSpot-RateLimit-Daily': '250000', 'X-HubSpot-RateLimit-Daily-Remaining': '7' },
      { name: 'daily', limit: 250_000, remaining: 7, windowMs: DAY },
    ],
    [
      'Zendesk',
      { 'zendesk-ratelimit-tickets-index': 'total=100; remaining=99; resets=41' },
      { name: 'tickets-index', limit: 100, remaining: 99, resetMs: 41_000 },
    ],
    ['Shopify', { 'X-Shopify-Shop-Api-Call-Limit': '32/40' }, { limit: 40, used: 32, remaining: 8 }],
    [
      'Salesforce',
      { 'Sforce-Limit-Info': 'api-usage=18/5000; per-app-api-usage=17/250(appName=x)' },
      { name: 'per-app-api-usage', limit: 250, remaining: 233, windowMs: DAY },
    ],
    [
      'Reddit',
      { 'x-ratelimit-used': '43', 'x-ratelimit-remaining': '57.0', 'x-ratelimit-reset': '312' },
      { limit: 100, remaining: 57, used: 43, resetMs: 312_000 },
    ],
    [
      'Strava',
      { 'X-RateLimit-Limit': '600,30000', 'X-RateLimit-Usage': '314,27536' },
      { limit: 30_000, used: 27_536, remaining: 2464, windowMs: DAY },
    ],
    [
      'Xero',
      { 'X-DayLimit-Remaining': '4998', 'X-MinLimit-Remaining': '57' },
      { name: 'minute', remaining: 57, windowMs: 60_000 },
    ],
    [
      'Yelp',
      {
        'RateLimit-DailyLimit': '5000',
        'RateLimit-Remaining': '4990',
        'RateLimit-ResetTime': '2026-01-16T00:00:00+00:00',
      },
      { limit: 5000, remaining: 4990, resetMs: DAY / 2, windowMs: DAY },
    ],
    ['Amazon', { 'x-amzn-RateLimit-Limit': '0.5' }, { limit: 0.5, windowMs: 1000 }],
    [
      'Binance',
      { 'X-MBX-USED-WEIGHT-1M': '1204' },
      { name: 'weight-1m', used: 1204, windowMs: 60_000, unit: 'weight' },
    ],
    [
      'Akamai',
      { 'X-RateLimit-Limit': '50', 'X-RateLimit-Remaining': '0', 'X-RateLimit-Next': '2026-01-15T12:00:37Z' },
      { limit: 50, remaining: 0, resetMs: 37_000 },
    ],
    [
      'Meta',
      {
        'X-Business-Use-Case-Usage':
          '{"66":[{"type":"ads","call_count":100,"total_time":25,"estimated_time_to_regain_access":19}]}',
      },
      { name: 'ads', unit: 'percent', limit: 100, remaining: 0, resetMs: 1_140_000 },
    ],
    [
      'Meta’s app',
      { 'X-App-Usage': '{"call_count":28,"total_time":30,"total_cputime":1}' },
      { unit: 'percent', limit: 100, remaining: 70 },
    ],
    [
      'a rate in words',
      { 'x-ratelimit-limit': '100 per minute', 'x-ratelimit-remaining': '3' },
      { limit: 100, remaining: 3, windowMs: 60_000 },
    ],
    [
      'nobody known',
      { 'Acme-Throttle-Search-Available': '3', 'Acme-Throttle-Search-Max': '9' },
      { name: 'search', limit: 9, remaining: 3 },
    ],
  ])('%s', (_, headers, expected) => expect(windowsOf(headers)[0]).toMatchObject(expected))

  it('takes the reason from the header that names it', () => {
    const reasonOf = (headers: Record<string, string>): string | undefined => readLimits(new Headers(headers)).reason
    expect(reasonOf({ 'Stripe-Rate-Limited-Reason': 'global-concurrency' })).toBe('global-concurrency')
    expect(reasonOf({ 'X-Rate-Limit-Problem': 'minute' })).toBe('minute')
    expect(reasonOf({ 'RateLimit-Reason': 'jira-burst-based' })).toBe('jira-burst-based')
    expect(reasonOf({ 'X-RateLimit-Type': 'QPS', 'X-Amzn-ErrorType': 'Throttling' })).toBe('Throttling')
  })

  it.each([
    'content-length',
    'strict-transport-security',
    'x-request-id',
    'x-frame-options',
    'accept-ranges',
    'x-cost-center',
  ])('says nothing about %s', (name) => expect(readLimits(new Headers({ [name]: '5' }))).toEqual({ windows: [] }))
})

describe('concurrency is read from headers and from policies', () => {
  it.each([
    [
      { 'X-Concurrent-Threads': '3', 'X-Concurrent-Threads-Active': '1' },
      { limit: 3, active: 1, remaining: 2 },
    ],
    [
      { 'current-concurrent-requests': '5', 'maximum-concurrent-requests': '5' },
      { limit: 5, active: 5, remaining: 0 },
    ],
    [
      { 'X-Concurrent-Limit': '5', 'X-Concurrent-Current': '2', 'X-Concurrent-Remaining': '3' },
      { limit: 5, active: 2, remaining: 3 },
    ],
    [
      { 'Concurrency-Limit': '10', 'Concurrency-Remaining': '4' },
      { limit: 10, active: 6, remaining: 4 },
    ],
    [{ 'Concurrency-Remaining': '30' }, { remaining: 30 }],
    [{ 'Twilio-Concurrent-Requests': '101' }, { active: 101 }],
    [
      { 'X-Sentry-Rate-Limit-ConcurrentLimit': '25', 'X-Sentry-Rate-Limit-ConcurrentRemaining': '24' },
      { limit: 25, active: 1 },
    ],
    [
      { 'X-RateLimit-Limit-Concurrent': '4', 'X-RateLimit-Remaining-Concurrent': '0' },
      { limit: 4, active: 4, remaining: 0 },
    ],
    [
      { 'RateLimit-Policy': '"inflight";q=5;qu="concurrent-requests"', RateLimit: '"inflight";r=3' },
      { name: 'inflight', limit: 5, active: 2, remaining: 3 },
    ],
  ])('%j', (headers, expected) => {
    const limits = readLimits(new Headers(headers))
    expect(limits.concurrency).toMatchObject(expected)
    expect(limits.windows).toEqual([])
  })

  it('of several scopes, the one with the fewest free', () => {
    const headers = {
      'X-Scrapfly-Account-Concurrent-Usage': '5',
      'X-Scrapfly-Account-Remaining-Concurrent-Usage': '5',
      'X-Scrapfly-Project-Concurrent-Usage': '3',
      'X-Scrapfly-Project-Remaining-Concurrent-Usage': '0',
    }
    expect(readLimits(new Headers(headers)).concurrency).toMatchObject({
      name: 'project',
      limit: 3,
      active: 3,
      remaining: 0,
    })
  })
})

describe('cost and balance are read as credits, decimals included', () => {
  it.each([
    [{ 'X-AF-Credits-Cost': '10' }, { cost: 10 }],
    [{ 'X-Credits-Charged': '0' }, { cost: 0 }],
    [{ 'X-Credits-Used': '4' }, { cost: 4 }],
    [
      { 'X-Credits-Limit': '1000', 'X-Credits-Remaining': '990', 'X-Credits-Used': '10' },
      { limit: 1000, remaining: 990, used: 10 },
    ],
    [
      { 'x-credit-balance': '1000', 'x-credit-cost': '1' },
      { remaining: 999, cost: 1 },
    ],
    [
      { 'x-credit-balance': '1000', 'x-credit-cost': '1', 'x-credit-remaining': '998' },
      { remaining: 998, cost: 1 },
    ],
    [{ 'sa-credit-cost': '10' }, { cost: 10 }],
    [{ 'Spb-cost': '25' }, { cost: 25 }],
    [{ 'Spb-auto-cost': '5' }, { cost: 5 }],
    [{ 'X-Request-Cost': '0.001' }, { cost: 0.001 }],
    [{ 'character-cost': '3' }, { cost: 3 }],
    [
      { 'X-Scrapfly-Api-Cost': '1', 'X-Scrapfly-Remaining-Api-Credit': '900' },
      { cost: 1, remaining: 900 },
    ],
    [
      { 'X-API-Quota-Request': '1.06', 'X-API-Quota-Used': '37.12', 'X-API-Quota-Left': '12.88' },
      { cost: 1.06, remaining: 12.88, used: 37.12, limit: 50 },
    ],
    [
      { 'x-requests-used': '50', 'x-requests-remaining': '450', 'x-requests-last': '1' },
      { cost: 1, used: 50, remaining: 450, limit: 500 },
    ],
    [
      { 'X-Complexity': '12', 'X-RateLimit-Complexity-Limit': '250', 'X-RateLimit-Complexity-Remaining': '200' },
      { cost: 12, remaining: 200, limit: 250 },
    ],
    [
      { 'X-Api-Ratelimit-Limit': '100', 'X-Api-Ratelimit-Remaining': '40', 'X-Api-Ratelimit-Consumed': '2' },
      { cost: 2, remaining: 40, limit: 100 },
    ],
    [{ 'x-credits-remaining': '-5' }, { remaining: 0 }],
    [{ 'x-credits-remaining': '-1,250.5' }, { remaining: 0 }],
    [{ 'x-credits-remaining': '1,000' }, { remaining: 1000 }],
    [
      { 'x-credits-limit': '12,345,678.5', 'x-credits-used': '1,234' },
      { limit: 12_345_678.5, used: 1234 },
    ],
    [
      { 'x-credit-balance': '-20', 'x-credit-cost': '1' },
      { remaining: 0, cost: 1 },
    ],
  ])('%j', (headers, expected) => expect(readLimits(new Headers(headers)).credits).toMatchObject(expected))

  it('a balance of -1 is unknown, as a window is', () =>
    expect(readLimits(new Headers({ 'x-credits-remaining': '-1' })).credits).toBeUndefined())

  it.each(['-5', '-1,000', '1e305', 'free', '', 'NaN'])('ignores a cost of %j', (value) =>
    expect(readLimits(new Headers({ 'x-credits-cost': value })).credits).toBeUndefined(),
  )
})

describe('`-1` means unknown, an overdrawn window has 0 left, an unmetered one is left out', () => {
  it('-1 is unknown', () => {
    expect(windowsOf({ 'x-ratelimit-limit': '50', 'x-ratelimit-remaining': '-1' })).toEqual([
      { limit: 50, remaining: undefined, source: 'x-ratelimit-remaining' },
    ])
    expect(windowsOf({ 'X-MBX-USED-WEIGHT-1M': '-1' })).toEqual([])
  })

  it('an overdrawn window has 0 left', () => {
    expect(windowsOf({ 'x-ratelimit-remaining-tokens': '-27689' })).toMatchObject([{ remaining: 0 }])
  })

  it('an unmetered window is left out', () => {
    const headers = { 'X-RateLimit-Limit': '-1', 'X-RateLimit-Remaining': '0', 'X-RateLimit-Used': '0' }
    expect(windowsOf(headers)).toEqual([])
  })

  it('a limit of 0 on an answer that was served is no limit, on a refusal it is one', () => {
    const headers = { 'x-rate-limit-limit': '0', 'x-rate-limit-remaining': '0' }
    expect(windowsOf(headers, 200)).toEqual([])
    expect(windowsOf(headers, 429)).toMatchObject([{ limit: 0, remaining: 0 }])
    expect(readLimits(new Response(null, { headers })).windows).toEqual([])
  })
})

describe('on an answer from a cache only `Retry-After` is believed', () => {
  const headers = { RateLimit: '"a";r=0;t=5', 'x-credits-cost': '1', 'x-concurrent-limit': '1', 'retry-after': '7' }

  it('with an Age above 0', () => {
    expect(readLimits(new Headers({ ...headers, age: '12' }))).toEqual({
      windows: [],
      retryAfterMs: 7000,
      retryAfterSource: 'retry-after',
    })
  })

  it.each(['0', 'old', '-3'])('not with an Age of %s', (age) => {
    expect(readLimits(new Headers({ ...headers, age })).windows).toHaveLength(1)
  })
})

describe('a reset of its own is that of the windows of its family that are used up', () => {
  it.each<[name: string, headers: Record<string, string>, tightest: object]>([
    [
      'Contentful',
      {
        'x-contentful-ratelimit-hour-remaining': '9',
        'x-contentful-ratelimit-second-limit': '10',
        'x-contentful-ratelimit-second-remaining': '0',
        'x-contentful-ratelimit-reset': '10',
      },
      { name: 'second', limit: 10, remaining: 0, resetMs: 10_000 },
    ],
    [
      'BigCommerce, in milliseconds',
      {
        'x-rate-limit-time-window-ms': '30000',
        'x-rate-limit-time-reset-ms': '15000',
        'x-rate-limit-requests-quota': '150',
        'x-rate-limit-requests-left': '35',
      },
      { limit: 150, remaining: 35, resetMs: 15_000, windowMs: 30_000 },
    ],
    ['with and without an x', { 'x-rate-limit-minute-remaining': '0', 'ratelimit-reset': '9' }, { resetMs: 9000 }],
  ])('%s', (_, headers, tightest) => expect(windowsOf(headers)[0]).toMatchObject(tightest))

  it('of none of them, that of the shortest', () => {
    const headers = { 'x-ratelimit-hour-remaining': '9', 'x-ratelimit-minute-remaining': '9', 'x-ratelimit-reset': '5' }
    expect(windowsOf(headers).map(({ name, resetMs }) => [name, resetMs])).toEqual([
      ['hour', undefined],
      ['minute', 5000],
    ])
  })

  it('not of a window that has one, nor of another family', () => {
    const headers = { 'x-ratelimit-day-remaining': '0', 'x-ratelimit-day-reset': '70', 'acme-ratelimit-reset': '5' }
    expect(windowsOf(headers)).toMatchObject([{ name: 'day', resetMs: 70_000 }, { resetMs: 5000 }])
  })
})

describe('what the names cannot tell stands in a table, and one value may spell out a window', () => {
  it.each<[name: string, headers: Record<string, string>, tightest: object]>([
    ['ip-api', { 'x-rl': '0', 'x-ttl': '34' }, { remaining: 0, resetMs: 34_000, windowMs: 60_000 }],
    [
      'Walmart',
      { 'x-current-token-count': '0', 'x-next-replenishment-time': `${now + 7000}` },
      { remaining: 0, resetMs: 7000 },
    ],
    [
      'Bybit',
      { 'x-bapi-limit': '50', 'x-bapi-limit-status': '0', 'x-bapi-limit-reset-timestamp': `${now + 4000}` },
      { limit: 50, remaining: 0, resetMs: 4000 },
    ],
    ['EVE', { 'x-esi-error-limit-remain': '0', 'x-esi-error-limit-reset': '33' }, { resetMs: 33_000, unit: 'errors' }],
    [
      'a day, spelt out',
      { 'daily-request-limit': '1000', 'daily-request-remaining': '0', 'daily-request-reset': '60' },
      { name: 'daily', limit: 1000, remaining: 0, resetMs: 60_000, windowMs: 86_400_000 },
    ],
    [
      'Basecamp',
      {
        'x-ratelimit': `{"name":"API","period":10,"limit":50,"remaining":0,"until":"${new Date(now + 7000).toISOString()}"}`,
      },
      { name: 'API', limit: 50, remaining: 0, resetMs: 7000, windowMs: 10_000 },
    ],
    [
      'Eventbrite',
      { 'x-rate-limit': 'token:ABC 2000/2000 reset=28s, key:DEF 1500/2000 reset=28s' },
      { name: 'token', limit: 2000, remaining: 0, resetMs: 28_000 },
    ],
    [
      'Anthropic, unified',
      {
        'anthropic-ratelimit-unified-5h-utilization': '0.25',
        'anthropic-ratelimit-unified-5h-reset': `${now / 1000 + 60}`,
      },
      { name: 'unified-5h', unit: 'percent', limit: 100, remaining: 75, resetMs: 60_000, windowMs: 18_000_000 },
    ],
    [
      'Spring',
      { 'x-ratelimit-remaining': '3', 'x-ratelimit-burst-capacity': '9', 'x-ratelimit-replenish-rate': '2' },
      { limit: 9, remaining: 3 },
    ],
    [
      'the IETF draft since revision 11',
      { ratelimit: '"burst";a=80;w=45' },
      { name: 'burst', remaining: 80, resetMs: 45_000 },
    ],
    ['a count for so many minutes', { 'x-ratelimit-limit': '150/15m' }, { limit: 150, windowMs: 900_000 }],
  ])('%s', (_, headers, tightest) => expect(windowsOf(headers)[0]).toMatchObject(tightest))

  it('what a call has cost is no window', () => {
    const costOf = (name: string): unknown => readLimits(new Headers({ [name]: '50' }))
    for (const name of ['x-ratelimit-tokens-query-cost', 'x-ratelimit-requested-tokens'])
      expect(costOf(name)).toMatchObject({ windows: [], credits: { cost: 50 } })
  })
})

describe('a reset that no window of its length can have is in milliseconds', () => {
  it.each<[name: string, headers: Record<string, string>, resetMs: number]>([
    ['KuCoin', { 'gw-ratelimit-remaining': '0', 'gw-ratelimit-reset': '22489' }, 22_489],
    ['a minute', { 'x-ratelimit-remaining-minute': '0', 'x-ratelimit-reset-minute': '45123' }, 45_123],
    ['a policy', { 'ratelimit-policy': '9;w=60', 'ratelimit-limit': '9', 'ratelimit-reset': '45123' }, 45_123],
    ['a day has room for it', { 'x-ratelimit-remaining-day': '0', 'x-ratelimit-reset-day': '45123' }, 45_123_000],
    [
      'a penalty outlasts a minute',
      { 'x-ratelimit-remaining-minute': '0', 'x-ratelimit-reset-minute': '3600' },
      3_600_000,
    ],
    ['with a unit', { 'x-ratelimit-remaining-minute': '0', 'x-ratelimit-reset-minute': '45123s' }, 45_123_000],
  ])('%s', (_, headers, resetMs) => expect(windowsOf(headers)[0]).toMatchObject({ resetMs }))
})

describe('rows of your own come first', () => {
  const rows: readonly HeaderRow[] = [
    { header: 'x-budget', means: 'remaining', name: 'budget', windowMs: 3_600_000, counts: 'calls' },
    { header: /^x-(?<name>\w+)-pause$/, means: 'retry-after', unit: 'ms' },
    { header: 'retry-after', means: 'retry-after', unit: 'ms' },
  ]

  it('adds names and patterns', () => {
    const limits = readLimits(new Headers({ 'X-Budget': '3', 'X-Acme-Pause': '250' }), { rows })
    expect(limits.windows).toMatchObject([{ name: 'budget', remaining: 3, windowMs: 3_600_000, unit: 'calls' }])
    expect(limits.retryAfterMs).toBe(250)
  })

  it('replaces the built-in meaning, for these calls only', () => {
    expect(readLimits(new Headers({ 'retry-after': '1500' }), { rows }).retryAfterMs).toBe(1500)
    expect(readLimits(new Headers({ 'retry-after': '1500' })).retryAfterMs).toBe(1_500_000)
  })
})
