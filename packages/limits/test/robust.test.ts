import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Limits,
  MAX_WAIT_MS,
  parseDate,
  parseDuration,
  parseReset,
  readBody,
  readLimits,
  readProse,
} from '../src/index.ts'

const now = Date.parse('2026-01-15T12:00:00Z')

const NAMES = [
  'retry-after',
  'retry-after-ms',
  'ratelimit',
  'ratelimit-policy',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-ratelimit-used',
  'x-rate-limit-reset',
  'x-app-rate-limit',
  'x-app-rate-limit-count',
  'sforce-limit-info',
  'x-shopify-shop-api-call-limit',
  'zendesk-ratelimit-x',
  'x-business-use-case-usage',
  'x-app-usage',
  'x-concurrent-threads',
  'x-concurrent-threads-active',
  'concurrency-remaining',
  'x-credits-cost',
  'x-credits-used',
  'x-credit-balance',
  'x-complexity',
  'x-ratelimit-type',
  'date',
  'age',
  'x-ratelimit-window',
]

/** Everything that is a number in there is one that can be worked with. */
const expectSane = (limits: Pick<Limits, 'windows' | 'retryAfterMs' | 'credits' | 'concurrency'>): void => {
  const times = [limits.retryAfterMs, ...limits.windows.map(({ resetMs }) => resetMs)]
  for (const ms of times) {
    if (ms !== undefined) expect(ms).toSatisfy((n: number) => Number.isInteger(n) && n >= 0 && n <= MAX_WAIT_MS)
  }
  const { source: _, ...credits } = { source: '', ...limits.credits }
  const { source: __, name: ___, ...concurrency } = { source: '', name: '', ...limits.concurrency }
  const counts = [
    ...limits.windows.flatMap((one) => [one.limit, one.remaining, one.used, one.windowMs]),
    ...Object.values({ ...credits, ...concurrency }),
  ]
  for (const n of counts) {
    if (n !== undefined) expect(n).toSatisfy((one: number) => Number.isFinite(one) && one >= 0)
  }
}

/** Throws with the smallest counterexample. */
const holds = <T>(property: fc.IProperty<T>): void => fc.assert(property, { numRuns: 2000 })

const plausible = fc.oneof(
  fc.integer().map(String),
  fc.double().map(String),
  fc.integer({ min: 0, max: 2e15 }).map(String),
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  fc.array(fc.integer({ min: -5, max: 99 }), { maxLength: 5 }).map((list) => list.join(',')),
  fc.tuple(fc.string({ maxLength: 3 }), fc.integer(), fc.integer()).map(([name, r, t]) => `"${name}";r=${r};t=${t}`),
  fc.tuple(fc.nat(), fc.integer()).map(([q, w]) => `"a";q=${q};w=${w}, ${q};w=${w}`),
  fc.constantFrom(
    '5/0',
    'total=1; remaining=2; resets=3',
    '100:120,20:1',
    '1h-5m',
    '00:99:99',
    'null',
    '{"call_count":1e999}',
    '[[[',
    '{"a":{"call_count":-1}}',
  ),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.json(),
)

describe('nothing throws, whatever the input', () => {
  it('headers', () => {
    const header = fc.tuple(fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 30 })), plausible)
    expect(() =>
      holds(
        fc.property(
          fc.array(header, { maxLength: 12 }),
          fc.integer({ min: 0, max: 4e12 }),
          fc.constantFrom(200, 429, undefined),
          (pairs, receivedAt, status) => {
            expectSane(readLimits(Object.fromEntries(pairs), { receivedAt, status }))
          },
        ),
      ),
    ).not.toThrow()
  })

  it('bodies', () => {
    const key = fc.oneof(
      fc.constantFrom(
        'retry_after',
        'retryAfterMs',
        'retryDelay',
        'limit',
        'remaining',
        'total',
        'reset',
        'cost',
        'throttleStatus',
        'currentlyAvailable',
        'restoreRate',
        'requestedQueryCost',
        'balance',
        'credits_used',
        'headers',
        '__proto__',
        'constructor',
      ),
      fc.string({ maxLength: 5 }),
    )
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5, withCrossShrink: true },
        fc.oneof(fc.double(), fc.integer(), plausible, fc.constantFrom(null, true)),
        fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
        fc.array(tie('tree'), { maxLength: 4 }),
      ),
    }))
    expect(() => holds(fc.property(tree, (body) => expectSane(readBody(body, now))))).not.toThrow()
  })

  it('texts', () => {
    const words = fc
      .array(
        fc.constantFrom(
          'try again',
          'in',
          'after',
          'retry',
          'resets',
          'at',
          'until',
          '5',
          's',
          'minutes',
          'a',
          '~',
          '1768478520000',
          '2026-01-15',
          'T12:00:00Z',
          'Remaining:',
          ' ',
          ':',
        ),
        { maxLength: 15 },
      )
      .map((list) => list.join(' '))
    expect(() =>
      holds(
        fc.property(fc.oneof(words, plausible), fc.integer({ min: 0, max: 4e12 }), (text, clock) => {
          for (const ms of [
            readProse(text, clock).waitMs,
            parseReset(text, clock),
            parseReset(text, clock, 'ms'),
            parseReset(text, clock, 'min'),
            parseDuration(text),
          ]) {
            if (ms !== undefined) expect(ms).toSatisfy((n: number) => Number.isInteger(n) && n >= 0 && n <= MAX_WAIT_MS)
          }
          const date = parseDate(text, clock)
          if (date !== undefined) expect(date).toSatisfy(Number.isInteger)
        }),
      ),
    ).not.toThrow()
  })

  it.each<[string, unknown]>([
    ['a Map', new Map([['Retry-After', '5']])],
    ['a plain object', { 'Retry-After': '5' }],
    ['a plain object with numbers', { 'Retry-After': 5 }],
    ['a plain object with lists', { 'retry-after': ['5'] }],
    ['a response with a plain object', { status: 429, headers: { 'retry-after': '5' } }],
  ])('%s stands in for Headers', (_, source) => expect(readLimits(source as Headers).retryAfterMs).toBe(5000))

  it.each<[string, unknown]>([
    ['no headers', { headers: undefined }],
    ['headers that are null', { headers: null }],
    ['headers that are a text', { headers: 'retry-after: 5' }],
    [
      'headers that throw',
      {
        headers: {
          keys: () => ['retry-after'].values(),
          get: () => {
            throw new Error('no')
          },
        },
      },
    ],
    ['values that are objects', { headers: { 'retry-after': {} } }],
  ])('%s give no limits', (_, source) => expect(readLimits(source as Response)).toEqual({ windows: [] }))
})

describe('nothing is slow: 100 kB are read in milliseconds', () => {
  const size = 100_000
  const texts = [
    '1'.repeat(size),
    '9,'.repeat(size / 2),
    '"a";r=1,'.repeat(size / 8),
    '"'.repeat(size),
    '"a";'.repeat(size / 4),
    '1h'.repeat(size / 2),
    'a=1/2;'.repeat(size / 6),
    'try again in '.repeat(size / 13),
    'try again ~ ~ ~ ~'.repeat(size / 17),
    ' '.repeat(size),
    'retry after'.padEnd(size, ' '),
    '{'.repeat(size),
    '['.repeat(size),
    '{"a":'.repeat(size / 5),
    'Thu, '.repeat(size / 5),
    ':'.repeat(size),
    'remaining (('.repeat(size / 12),
    '1 '.repeat(size / 2),
    'until 2026-01-1'.repeat(size / 15),
    '\\"'.repeat(size / 2),
    '1:1,'.repeat(size / 4),
    'P1D'.repeat(size / 3),
  ]

  it.each(texts.map((text) => [text.slice(0, 12), text]))('%j...', (_, text) => {
    const start = performance.now()
    for (const name of NAMES) expectSane(readLimits({ [name]: text }, { receivedAt: now }))
    readProse(text, now)
    parseReset(text, now)
    readBody({ message: text, retry_after: text, limit: { remaining: text } }, now)
    // Thirty headers of 100 kB each. Backtracking would take minutes.
    expect(performance.now() - start).toBeLessThan(1000)
  })

  it('a list of 10 000 windows, and as many headers', () => {
    const start = performance.now()
    const many = Array.from({ length: 10_000 }, (_, i) => `"p${i}";r=${i};t=1`).join(', ')
    expect(readLimits(new Headers({ ratelimit: many })).windows.length).toBeLessThanOrEqual(64)
    const names = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x-ratelimit-remaining-${i}`, '1']))
    expect(readLimits(names).windows.length).toBeLessThanOrEqual(64)
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`)
    expect(readBody(deep)).toEqual({ windows: [] })
    readBody(Array.from({ length: 100_000 }, () => ({ retry_after: -1 })))
    expect(performance.now() - start).toBeLessThan(1000)
  })
})
