import { describe, expect, it } from 'vitest'
import { MAX_WAIT_MS, parseDate, parseDuration, parseReset, parseRetryAfter, readLimits } from '../src/index.ts'

const now = Date.parse('2026-01-15T12:00:00Z')
const epoch = now / 1000
const waitOf = (headers: Record<string, string>, receivedAt = now): number | undefined =>
  readLimits(new Headers(headers), { receivedAt }).retryAfterMs

describe('`Retry-After` is read as seconds, decimals, all three HTTP dates, ISO 8601, epochs and durations', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 7 ', 7000],
    ['2.0', 2000],
    ['0.25', 250],
    ['64.57', 64_570],
    ['Thu, 15 Jan 2026 12:00:30 GMT', 30_000],
    ['Thursday, 15-Jan-26 12:00:30 GMT', 30_000],
    ['Thu Jan 15 12:00:30 2026', 30_000],
    ['Fri, 31 Dec 1999 23:59:59 GMT', 0],
    ['2026-01-15T12:00:30Z', 30_000],
    ['2026-01-15T13:00:30.250+01:00', 30_250],
    [String(epoch + 30), 30_000],
    [String(now + 30_000), 30_000],
    ['1m30s', 90_000],
    ['30 seconds', 30_000],
  ])('%s', (text, ms) => {
    expect(parseRetryAfter(text, now)).toBe(ms)
    expect(waitOf({ 'retry-after': text })).toBe(ms)
  })

  it('of several values the longest counts', () => {
    expect(parseRetryAfter('5, 10, 7', now)).toBe(10_000)
    expect(parseRetryAfter('Thu, 15 Jan 2026 12:00:30 GMT, Thu, 15 Jan 2026 12:00:10 GMT', now)).toBe(30_000)
    const headers = new Headers([
      ['retry-after', '3'],
      ['retry-after', '4'],
    ])
    expect(readLimits(headers).retryAfterMs).toBe(4000)
  })

  it('names the header it was read from', () => {
    expect(readLimits(new Headers({ 'Retry-After': '1' })).retryAfterSource).toBe('retry-after')
    const two = { 'retry-after-ms': '500', 'retry-after': '30' }
    expect(readLimits(new Headers(two)).retryAfterSource).toBe('retry-after')
  })
})

describe('a finer header comes before the `Retry-After` that it rounds to', () => {
  it.each([
    [{ 'retry-after-ms': '1250', 'retry-after': '2' }, 1250],
    [{ 'retry-after': '2', 'x-ms-retry-after-ms': '1999' }, 1999],
    // Rounded down: it would be too soon
    [{ 'retry-after-ms': '36512', 'retry-after': '36' }, 36_512],
    [{ 'retry-after': '1', 'x-retry-in': '18.4ms' }, 19],
    [{ 'x-retry-in': '1m0.5s' }, 60_500],
    [{ 'retry-after': '2', 'x-ms-retry-after-ms': '250' }, 2000],
    [{ 'retry-after-ms': '500', 'retry-after': '30' }, 30_000],
    [{ 'retry-after-ms': '60000', 'retry-after': '1' }, 1000],
    [{ 'retry-after-ms': 'soon', 'retry-after': '2' }, 2000],
    [{ 'x-retry-after-ms': '900' }, 900],
    [{ 'RequestLimit-Default-RetryAfter': '30000' }, 30_000],
    [{ 'x-ratelimit-retry-after': '9' }, 9000],
  ])('%j', (headers, ms) => expect(waitOf(headers)).toBe(ms))
})

describe('dates and epochs are measured against the response’s own `Date`', () => {
  const date = 'Thu, 15 Jan 2026 12:00:00 GMT'

  it.each([-3 * 3_600_000, -180_000, 0, 180_000, 40 * 86_400_000])('with a local clock that is %i ms off', (off) => {
    expect(waitOf({ date, 'retry-after': 'Thu, 15 Jan 2026 12:00:05 GMT' }, now + off)).toBe(5000)
    const headers = new Headers({ date, 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(epoch + 60) })
    expect(readLimits(headers, { receivedAt: now + off }).windows[0]?.resetMs).toBe(60_000)
  })

  it('counts the time spent in caches', () => {
    expect(waitOf({ date, age: '3', 'retry-after': 'Thu, 15 Jan 2026 12:00:05 GMT' })).toBe(2000)
  })

  it('falls back to the local clock when the `Date` cannot be right', () => {
    const headers = { date: 'Thu, 01 Jan 1970 00:00:00 GMT', 'retry-after': String(epoch + 5) }
    expect(waitOf(headers)).toBe(5000)
    expect(waitOf({ ...headers, date: 'yesterday' })).toBe(5000)
  })

  it('leaves deltas alone', () => {
    expect(waitOf({ date, 'retry-after': '5' }, now + 180_000)).toBe(5000)
  })
})

describe('a reset is a delta, an epoch, a duration with units, or a date; the value tells which', () => {
  it.each([
    ['41', 41_000],
    ['86400', 86_400_000],
    [`${epoch + 60}`, 60_000],
    [`${epoch + 60}.123`, 60_123],
    [`${now + 60_000}`, 60_000],
    [`${(now + 60_000) * 1000}`, 60_000],
    ['12ms', 12],
    ['1s', 1000],
    ['2m52.8s', 172_800],
    ['6m0s', 360_000],
    ['23h18m29.144s', 83_909_144],
    ['1h16m0.667s', 4_560_667],
    ['57.238747106s', 57_239],
    ['1.203608125s', 1204],
    ['PT1M30S', 90_000],
    ['P1DT2H', 93_600_000],
    ['00:01:30', 90_000],
    ['2026-01-15T12:01:00Z', 60_000],
    ['2026-01-15T12:01:00+00:00', 60_000],
    ['2026-01-15T12:01Z', 60_000],
    ['2026-01-15 12:01:00', 60_000],
    ['Thu, 15 Jan 2026 12:01:00 GMT', 60_000],
    ['Thu Jan 15 2026 13:01:00 GMT+0100 (Central European Standard Time)', 60_000],
    ['2026-01-15T11:00:00Z', 0],
    [`${epoch - 60}`, 0],
  ])('%s', (text, ms) => expect(parseReset(text, now)).toBe(ms))

  it('reads a bare number in the unit that the row names', () => {
    expect(parseReset('600000', now, 'ms')).toBe(600_000)
    expect(parseReset('19', now, 'min')).toBe(1_140_000)
    expect(parseReset('600000', now, 's/ms')).toBe(600_000)
    expect(parseReset('900', now, 's/ms')).toBe(900_000)
  })

  it('takes dates without a zone for UTC, whatever the local zone is', () => {
    expect(parseDate('Sun Nov  6 08:49:37 1994')).toBe(Date.UTC(1994, 10, 6, 8, 49, 37))
    expect(parseDate('2026-01-15T12:00:00')).toBe(now)
  })

  it('takes a two-digit year for the nearest one, at most 50 years ahead', () => {
    expect(parseDate('Sunday, 06-Nov-94 08:49:37 GMT', now)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37))
    expect(parseDate('Friday, 06-Nov-76 08:49:37 GMT', now)).toBe(Date.UTC(2076, 10, 6, 8, 49, 37))
  })

  it('prefers what counts from now to what needs a clock', () => {
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1470173023', 'x-ratelimit-reset-after': '1' }
    expect(readLimits(new Headers(headers), { receivedAt: now }).windows[0]?.resetMs).toBe(1000)
  })
})

describe('nonsense is ignored, never waited for', () => {
  it.each([
    '',
    ' ',
    '-1',
    '-0.5',
    'NaN',
    'Infinity',
    '1e9',
    '0x10',
    'soon',
    '12 monkeys',
    '99999999999999999999',
    '9'.repeat(400),
    '99999999',
    '5 Jan',
    'Thu, 45 Jan 2026 12:00:00 GMT',
    'Thu, 15 Foo 2026 12:00:00 GMT',
    '2026-13-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    'true',
    'null',
    '[]',
    '{}',
    '1;2',
    '900d',
  ])('%j', (text) => {
    expect(parseReset(text, now)).toBeUndefined()
    expect(waitOf({ 'retry-after': text })).toBeUndefined()
  })

  it('believes up to 366 days', () => {
    expect(MAX_WAIT_MS).toBe(366 * 86_400_000)
    expect(parseReset(String(MAX_WAIT_MS / 1000), now)).toBe(MAX_WAIT_MS)
    expect(parseReset(String(MAX_WAIT_MS / 1000 + 1), now)).toBeUndefined()
  })

  it('does not take a number without a unit for a duration', () => {
    expect(parseDuration('41')).toBeUndefined()
    expect(parseDuration('41 s')).toBe(41_000)
    expect(parseDuration('0:05:09')).toBe(309_000)
    expect(parseDuration('22.14:18:12')).toBe(1_952_292_000)
    expect(parseDuration('0:05:09 or so')).toBeUndefined()
  })
})

describe('a date is read with its zone, to its end', () => {
  it.each([
    ['2026-01-15T12:00:00+05:30', now - 5.5 * 3_600_000],
    ['2026-01-15T12:00:00-0330', now + 3.5 * 3_600_000],
    ['2026-01-15T12:00:00+01', now - 3_600_000],
    ['2026-01-15 12:00 UTC', now],
    ['2026/01/15 12:00:00,25', now + 250],
    ['2026-Jan-15 12:00:00', now],
    ['2026-01-15', now - 12 * 3_600_000],
    ['Thu, 15 Jan 2026 12:00:00 +0100', now - 3_600_000],
    ['Thu Jan 15 2026 12:00:00 GMT+0100 (Central European Standard Time)', now - 3_600_000],
    // A leap second, and the end of a day.
    ['2026-01-15T11:59:60Z', now],
    ['2026-01-14T24:00:00Z', now - 12 * 3_600_000],
  ])('%s', (text, at) => {
    expect(parseDate(text, now)).toBe(at)
  })

  it.each([
    '2026-01-15T12:00:61Z',
    '2026-01-15T12:60:00Z',
    '2026-01-15T25:00:00Z',
    '2026-01-32',
    '2026-00-15',
    '2026-01-15T12:00:00Z.',
  ])('%s is none', (text) => {
    expect(parseDate(text, now)).toBeUndefined()
  })
})
