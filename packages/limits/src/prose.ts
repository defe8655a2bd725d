import { durationAt, MAX_WAIT_MS, parseDate, parseDuration, parseNumber, parseReset } from './values.ts'

/** What a sentence says about a limit. */
export interface Prose {
  /** How long to stay away, in milliseconds. */
  readonly waitMs?: number | undefined
  /** Whether the sentence named a point in time ("banned until ...") and not a duration. */
  readonly absolute?: boolean | undefined
  /** "Remaining: 0" */
  readonly remaining?: number | undefined
}

/** A sentence is short; nothing beyond is looked at. */
const LONGEST = 8192

/** The words after which APIs name a time: "try again in 6m0s", "resets in ~30s", "IP banned until 1768478520000". */
const TRIGGER = new RegExp(
  String.raw`\b(?:retry-after|try(?:ing)?(?: (?:your|the|this) request| it)?(?: again| back)?|retry(?:ing)?(?:[ -](?:(?:your|the|this) )?request)?` +
    '|resets?(?: time)?|again|available|wait(?:ing)?|come back|lifted|expires?' +
    '|(?:un)?(?:blocked|banned|locked)(?: out)?|another (?:request|call|attempt)|restored|suspended|limited|throttled|paused|timed[- ]out(?! after)|cool(?:ing)?[- ]?down' +
    '|(?:ban|block|lock(?:out)?|penalty|suspension) (?:will )?lasts?' +
    '|next (?:request|call|attempt)s?[^.\\d]{0,20}(?:allowed|permitted|possible)' +
    // "only after 49 seconds"; not how long something took that failed
    String.raw`|(?<!\b(?:out|timeout|up|failed|expired|aborted|cancell?ed|closed|terminated) )after(?=\s(?:\d|an? |one )[\d.]{0,8}\s?[smh]\w{0,6}\b)` +
    String.raw`|(?:renew|refresh|refill|restore|replenish)(?:ed|es|s)?)\b` +
    String.raw`[\s:]{0,4}(?:(?:again|in|after|for|within|at least|at|on|until|till|is|be|will|about|approximately|around|another)\b[\s:]{0,4}|[~≈]\s?){0,4}['\"]?`,
  'gi',
)
const ISO =
  /\d{4}[-/](?:\d\d|[A-Z][a-z]{2})[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)\b)?/y
const LONG_DATE = /[A-Z][a-z]{2,8},? [\w :-]{8,24} (?:GMT|UTC)(?:[+-]\d{4})?/y
const CLOCK = /(?:\d{1,3}\.)?\d{1,4}:\d\d:\d\d(?:\.\d{1,9})?\b/y
/** A number on its own, at the end of a clause or a line: seconds after "in" and "after", or an epoch. */
const NUMBER = /\d{1,15}(?:\.\d{1,10})?(?=[^\S\n]*(?:[.,;!)\]"']?[^\S\n]*$|[.,;!)\]"']\s))/my

const at = (pattern: RegExp, text: string, from: number): string | undefined => {
  pattern.lastIndex = from
  return pattern.exec(text)?.[0]
}

const timeAt = (text: string, from: number, trigger: string, now: number): Prose | undefined => {
  const date = at(ISO, text, from) ?? at(LONG_DATE, text, from)
  const moment = date === undefined ? undefined : parseDate(date, now)
  if (date !== undefined) return moment === undefined ? undefined : { waitMs: parseReset(date, now), absolute: true }
  const clock = at(CLOCK, text, from)
  const clockMs = clock === undefined ? undefined : parseDuration(clock)
  if (clockMs !== undefined) return { waitMs: clockMs }
  const duration = durationAt(text, from)
  if (duration) return { waitMs: Math.ceil(duration.ms - 1e-3) }
  const number = at(NUMBER, text, from)
  const n = number === undefined ? undefined : parseNumber(number)
  if (n === undefined) return undefined
  if (n >= 1e9) return { waitMs: parseReset(String(n), now), absolute: true }
  return /(?:\b(?:in|after|for)[\s:]*[~≈]?\s*|:\s*)['"]?$/i.test(trigger)
    ? { waitMs: parseReset(String(n), now) }
    : undefined
}

/**
 * Reads the wait (and what is left) out of a sentence such as "Rate limit reached. Please try again in 6m0s." The
 * first time named counts. Epochs and dates are measured against `now`.
 */
export const readProse = (text: string, now: number = Date.now()): Prose => {
  const sentence = text.slice(0, LONGEST)
  const left = /\bremaining\b(?: ?\([^()]{0,30}\))?\s?[:=]\s?(\d{1,15})\b/i.exec(sentence)?.[1]
  const remaining = left === undefined ? undefined : Number(left)
  for (const trigger of sentence.matchAll(TRIGGER)) {
    const found = timeAt(sentence, trigger.index + trigger[0].length, trigger[0], now)
    if (found?.waitMs !== undefined && found.waitMs <= MAX_WAIT_MS) return { ...found, remaining }
  }
  return { remaining }
}
