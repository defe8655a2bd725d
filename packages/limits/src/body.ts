import { isRecord, type Json, walk } from './json.ts'
import { tightestFirst } from './order.ts'
import { readLimits } from './read.ts'
import type { Credits, LimitWindow } from '@aplomb/pipeline'
import { parseReset, type TimeUnit } from './values.ts'
import { bodies } from './vendors/index.ts'

/** What the JSON of an answer says about limits. */
export interface BodyLimits {
  /** A wait given as a number or a duration: `retry_after`, `retryDelay`, `throttleStatus`. */
  readonly retryAfterMs?: number | undefined
  /** Whether that was given in milliseconds. */
  readonly inMs?: boolean | undefined
  readonly windows: readonly LimitWindow[]
  readonly credits?: Credits | undefined
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

interface Found {
  waitMs?: number | undefined
  inMs?: boolean | undefined
  readonly windows: LimitWindow[]
  readonly credits: Writable<Partial<Credits>>
}

/** Keys without `_`, `-` and case, and how their number is read. */
const WAITS: readonly (readonly [RegExp, TimeUnit])[] = [
  [/^(?:retry(?:after|in)|wait|(?:rate)?limitreset)(?:ms|millis|milliseconds)$/, 'ms'],
  [/^retry(?:after|in)(?:minutes?|mins?)$|^estimatedtimetoregainaccess$/, 'min'],
  [/^retry(?:after|in|delay)(?:s|secs?|seconds?)?$|^wait(?:s|secs?|seconds?|time)$|^estimatedtime$/, 'auto'],
  [
    /^(?:(?:next)?resets?|retry|available)(?:at|on|time|afterseconds|inseconds|inxseconds)$|^resetafter$|^nextretry\w*$/,
    'auto',
  ],
  [
    /^(?:throttle|backoff|cooldown|ban|blocked(?:for)?)(?:s|secs?|seconds?)$|^(?:wait|backoff|cooldown)$|^(?:reset|try(?:again)?)in(?:s|secs?|seconds?)?$|^(?:secs?|seconds?|time)(?:until|to|till|before)(?:next)?(?:reset|retry)$/,
    'auto',
  ],
]
const CREDITS: readonly (readonly [RegExp, 'cost' | 'remaining' | 'limit'])[] = [
  [/^(?:actualquerycost|credits?(?:used|charged|cost|consumed|spent)|(?:used|charged)credits?)$/, 'cost'],
  [/^(?:credits?(?:remaining|left|balance|available)|(?:remaining|remained|available)credits?)$/, 'remaining'],
  [/^(?:credits?(?:limit|total)|(?:total|plan)credits?)$/, 'limit'],
]

/** These mean a limit only in an answer that was refused: an account's balance may be what was asked for. */
const REFUSED_ONLY = /^balance$/

const number = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value < 1e15 ? value : undefined

const waitOf = (value: unknown, now: number, unit: TimeUnit): number | undefined => {
  if (typeof value === 'number' || typeof value === 'string') return parseReset(String(value), now, unit)
  // google.protobuf.Duration as some gateways write it
  const seconds = isRecord(value) ? number(value['seconds']) : undefined
  return seconds === undefined ? undefined : parseReset(String(seconds), now)
}

/** A limit in points, by the names that a vendor gives its members. */
const pointsIn = (key: string, object: Json, around: Json, found: Found): void => {
  const row = bodies.find((one) => one.key === key)
  if (!row) return
  const member = (name: string | undefined, of: Json): number | undefined => (name ? number(of[name]) : undefined)
  const remaining = member(row.remaining, object)
  if (remaining === undefined) return
  const [seconds, perSecond] = [member(row.reset, object), member(row.perSecond, object)]
  const resetMs = seconds === undefined ? undefined : parseReset(String(seconds))
  const limit = member(row.limit, object)
  found.windows.push({ name: row.name, limit, remaining, resetMs, unit: 'points', source: 'body' })
  const cost = member(row.cost, object)
  if (cost !== undefined) found.credits.cost ??= cost
  const lacking = (member(row.asked, around) ?? 0) - remaining
  if (lacking > 0 && perSecond) found.waitMs ??= parseReset(`${(lacking / perSecond).toFixed(3)}s`)
}

/** `{ total, remaining, reset, resetMs }` under a key that speaks of a limit. */
const windowIn = (key: string, object: Json, now: number): LimitWindow | undefined => {
  const remaining = number(object['remaining'])
  const limit = number(object['limit'] ?? object['total'])
  if (remaining === undefined || limit === undefined || !/limit|quota|throttl|^rate$/i.test(key)) return undefined
  const reset = number(object['reset'] ?? object['resetMs'] ?? object['reset_at'])
  const resetMs = reset === undefined ? undefined : parseReset(String(reset), now)
  return { limit, remaining, resetMs, source: 'body' }
}

const look = (key: string, value: unknown, node: Json, now: number, served: boolean, found: Found): void => {
  const plain = key.toLowerCase().replaceAll(/[_-]/g, '')
  const wait = WAITS.find(([pattern]) => pattern.test(plain))
  if (wait && !served && found.waitMs === undefined) {
    found.waitMs = waitOf(value, now, wait[1])
    found.inMs = wait[1] === 'ms'
  }
  const inRefusal = !served && REFUSED_ONLY.test(plain) ? 'remaining' : undefined
  const credit = CREDITS.find(([pattern]) => pattern.test(plain))?.[1] ?? inRefusal
  if (credit && number(value) !== undefined) found.credits[credit] ??= number(value)
  if (!isRecord(value) || Array.isArray(value)) return
  pointsIn(key, value, node, found)
  if (served) return
  const window = windowIn(key, value, now)
  if (window) found.windows.push(window)
  // OpenRouter hands on the headers it got itself.
  if (plain === 'headers')
    found.windows.push(...readLimits(value as Record<string, string>, { receivedAt: now }).windows)
}

/**
 * Reads waits, windows and credits out of parsed JSON, wherever they are. Bounded in depth and size. Epochs and dates
 * are measured against `now`. In an answer that was `served` only what cannot be data is believed: cost and credits.
 */
export const readBody = (body: unknown, now: number = Date.now(), served = false): BodyLimits => {
  const found: Found = { windows: [], credits: {} }
  walk(body, (key, value, node) => look(key, value, node, now, served, found))
  const { credits, waitMs, inMs, windows } = found
  return {
    ...(waitMs !== undefined && { retryAfterMs: waitMs, ...(inMs && { inMs }) }),
    windows: tightestFirst(windows.slice(0, 32)),
    ...(Object.keys(credits).length > 0 && { credits: { ...credits, source: 'body' } }),
  }
}
