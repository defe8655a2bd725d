import { DAY, HOUR, MINUTE, SECOND } from './units.ts'

/**
 * The longest wait or reset that is believed: 366 days, a year's allowance. Anything beyond is a unit mistake or
 * nonsense and is ignored.
 */
export const MAX_WAIT_MS: number = 366 * 86_400_000

/**
 * How to read a bare number that stands for a time.
 *
 * - `auto`: 1e9 and more is an epoch (seconds; from 1e11 milliseconds; from 1e14 microseconds), less is seconds from now
 * - `ms`: milliseconds from now, or an epoch in milliseconds from 1e11
 * - `min`: minutes from now
 * - `s/ms`: as `auto`, but more than a day of seconds is read as milliseconds (for headers seen with both)
 */
export type TimeUnit = (typeof TIME_UNITS)[number]
export const TIME_UNITS = ['auto', 'ms', 'min', 's/ms'] as const

/** A plain decimal number, or undefined. No exponents, no trailing words, at most 16 digits before the point. */
export const parseNumber = (text: string): number | undefined =>
  /^\s*[+-]?\d{1,16}(?:\.\d{0,20})?\s*$/.test(text) ? Number(text) : undefined

/** Rounds up to whole milliseconds, without taking floating point dust (64.57 s is 64569.999...) for a millisecond. */
const whole = (ms: number): number => Math.ceil(ms - 1e-3)

const believable = (ms: number): number | undefined => {
  if (!(ms <= MAX_WAIT_MS)) return undefined
  return ms > 0 ? whole(ms) : 0
}

const UNITS: readonly (readonly [pattern: string, ms: number])[] = [
  ['nanoseconds?|nanos?|ns', 1e-6],
  ['microseconds?|micros?|us|µs|μs', 1e-3],
  ['milliseconds?|millis?|msecs?|ms', 1],
  ['seconds?|secs?|s', SECOND],
  ['minutes?|mins?|m', MINUTE],
  ['hours?|hrs?|h', HOUR],
  ['days?|d', DAY],
  ['weeks?|w', 7 * DAY],
]
const UNIT_MS: readonly (readonly [RegExp, number])[] = UNITS.map(([p, ms]) => [new RegExp(`^(?:${p})$`, 'i'), ms])
const PART = new RegExp(
  `(\\d{1,15}(?:\\.\\d{1,20})?|an?(?=\\s)|one)[\\s-]*(${UNITS.map(([p]) => p).join('|')})(?![a-zµμ])`,
  'iy',
)
const BETWEEN = /(?:\s*,)?\s*(?:and\s+)?/iy

/** The duration that begins at `from` ("2m52.8s", "1 hour and 5 minutes"), in milliseconds, and where it ends. */
export const durationAt = (text: string, from: number): { ms: number; end: number } | undefined => {
  let ms = 0
  let end = -1
  for (PART.lastIndex = from; ; PART.lastIndex = BETWEEN.lastIndex) {
    const part = PART.exec(text)
    if (!part) break
    const [, count = '', unit = ''] = part
    const scale = UNIT_MS.find(([pattern]) => pattern.test(unit))?.[1] ?? 0
    ms += (parseNumber(count) ?? 1) * scale
    end = BETWEEN.lastIndex = PART.lastIndex
    BETWEEN.exec(text)
  }
  return end < 0 ? undefined : { ms, end }
}

/**
 * A duration with units, in milliseconds, rounded up: Go's `1m30.5s`, protobuf's `57.2s`, ISO 8601's `PT1M30S`,
 * `00:01:30`, .NET's `22.14:18:12`, "90 seconds". A bare number has no unit and gives undefined.
 */
export const parseDuration = (text: string): number | undefined => {
  const trimmed = text.trim()
  if (trimmed.length > 100) return undefined
  const [, d = 0, h, min, s] = /^(?:(\d{1,3})\.)?(\d{1,4}):(\d\d):(\d\d(?:\.\d+)?)$/.exec(trimmed) ?? []
  if (s !== undefined) return believable(Number(d) * DAY + Number(h) * HOUR + Number(min) * MINUTE + Number(s) * SECOND)
  // In ISO 8601 an M before the T is a month.
  const iso = /^P(?:(\d+D)?T|\d+[DW]$)/i.test(trimmed)
  const plain = iso ? trimmed.replaceAll(/[PT]/gi, '') : trimmed
  const duration = durationAt(plain, 0)
  return duration?.end === plain.length ? believable(duration.ms) : undefined
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const TIME = String.raw`(?<h>\d\d):(?<min>\d\d):(?<s>\d\d)`
const DATES: readonly RegExp[] = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(
    String.raw`^(?:[a-z]{3,9},? +)?(?<d>\d\d?) (?<mon>[a-z]{3})[a-z]* (?<y>\d{4}),? ${TIME}(?: (?<zone>GMT|UTC|Z|[+-]\d{4}))?$`,
    'i',
  ),
  // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(String.raw`^[a-z]{3,9}, (?<d>\d\d)-(?<mon>[a-z]{3})-(?<y>\d{2}|\d{4}) ${TIME} (?<zone>GMT|UTC)$`, 'i'),
  // Sun Nov  6 08:49:37 1994: asctime has no zone and means UTC
  new RegExp(String.raw`^[a-z]{3} (?<mon>[a-z]{3}) +(?<d>\d\d?) ${TIME} (?:(?<zone>GMT|UTC) )?(?<y>\d{4})$`, 'i'),
  // Tue Feb 16 2021 09:02:42 GMT+0100 (Central European Standard Time)
  new RegExp(
    String.raw`^[a-z]{3} (?<mon>[a-z]{3}) (?<d>\d\d?) (?<y>\d{4}) ${TIME} GMT(?<zone>[+-]\d{4})?(?: \([^)]*\))?$`,
    'i',
  ),
  // 2026-10-20T10:31Z, 2024-03-28 00:00:00.123 UTC, 2026-Jan-15 18:00:00, 2026/01/15 18:00:00 +0000
  /^(?<y>\d{4})[-/](?<mon>\d\d|[a-z]{3})[-/](?<d>\d\d)(?:[T ](?<h>\d\d):(?<min>\d\d)(?::(?<s>\d\d)(?<frac>[.,]\d{1,9})?)?)? ?(?<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?$/i,
]

const offsetMs = (zone: string): number => {
  const sign = zone.startsWith('-') ? -1 : zone.startsWith('+') ? 1 : 0
  return sign * (Number(zone.slice(1, 3)) * HOUR + Number(zone.replace(':', '').slice(3, 5)) * MINUTE || 0)
}

/**
 * A date as epoch milliseconds: all three forms of RFC 9110 section 5.6.7, ISO 8601 / RFC 3339 also without seconds, and
 * `Date.prototype.toString`. Without a zone it means UTC, whatever the local one is. `now` decides the century of a
 * two-digit year.
 */
export const parseDate = (text: string, now: number = Date.now()): number | undefined => {
  const trimmed = text.trim()
  if (trimmed.length > 100) return undefined
  for (const pattern of DATES) {
    const groups = pattern.exec(trimmed)?.groups
    if (!groups) continue
    const { y = '', mon = '', d = '', h = '0', min = '0', s = '0', frac = '0', zone = '' } = groups
    const month = /\d/.test(mon) ? Number(mon) - 1 : MONTHS.indexOf(mon.toLowerCase())
    if (!MONTHS[month] || Number(d) > 31 || Number(h) > 24 || Number(min) > 59 || Number(s) > 60) return undefined
    let year = Number(y)
    if (y.length === 2) {
      // RFC 9110: a year that appears to be more than 50 years ahead is the most recent one with these digits.
      const thisYear = new Date(now).getUTCFullYear()
      year += Math.floor(thisYear / 100) * 100
      if (year > thisYear + 50) year -= 100
    }
    const seconds = Number(s) + Number(frac.replace(',', '.'))
    const at = Date.UTC(year, month, Number(d), Number(h), Number(min)) + seconds * SECOND - offsetMs(zone)
    return Number.isFinite(at) ? whole(at) : undefined
  }
  return undefined
}

const fromNumber = (n: number, now: number, unit: TimeUnit): number | undefined => {
  if (n < 0) return undefined
  if (unit === 'min') return believable(n * MINUTE)
  if (n >= 1e14) return believable(n / 1000 - now)
  if (n >= 1e11) return believable(n - now)
  if (unit === 'ms') return believable(n)
  if (n >= 1e9) return believable(n * SECOND - now)
  return believable(unit === 's/ms' && n * SECOND > DAY ? n : n * SECOND)
}

/**
 * When a limit resets, in milliseconds from `now` and never negative: a bare number (see {@link TimeUnit}), a duration
 * with units, or a date. Undefined for anything else, and for what lies beyond {@link MAX_WAIT_MS}.
 */
export const parseReset = (text: string, now: number = Date.now(), unit: TimeUnit = 'auto'): number | undefined => {
  const n = parseNumber(text)
  if (n !== undefined) return fromNumber(n, now, unit)
  const duration = parseDuration(text)
  if (duration !== undefined) return duration
  const at = parseDate(text, now)
  return at === undefined ? undefined : believable(at - now)
}

/**
 * A `Retry-After` value (RFC 9110 section 10.2.3) in milliseconds from `now`, with what servers send in its place:
 * decimals, epochs, ISO dates, durations. Of several values, joined by a comma as fetch does, the longest counts.
 */
export const parseRetryAfter = (
  text: string,
  now: number = Date.now(),
  unit: TimeUnit = 'auto',
): number | undefined => {
  const single = parseReset(text, now, unit)
  if (single !== undefined || !text.includes(',')) return single
  // The comma of "Sun, 06 Nov 1994" does not separate values.
  const values = text.slice(0, 1000).match(/(?:[A-Za-z]{3,9}, )?[^,]+/g) ?? []
  const waits = values.map((value) => parseReset(value, now, unit)).filter((ms) => ms !== undefined)
  return waits.length > 0 ? Math.max(...waits) : undefined
}
