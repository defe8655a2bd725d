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

/** What a key may speak of that ends a refusal. */
const ENDS: ReadonlySet<string> = new Set(
  'retry try wait reset resets backoff cooldown throttle throttled ban banned blocked locked lockout unlock suspended available allowed delay next'.split(
    ' ',
  ),
)
/** How it may say when. */
const TIMES: ReadonlySet<string> = new Set(
  'after in for until till at on to before time date timestamp duration ms millis milliseconds s sec secs second seconds min mins minute minutes'.split(
    ' ',
  ),
)
/** What else may stand in it. */
const FILLERS = 'again x rate limit quota request requests call calls attempt attempts api suggested recommended'.split(
  ' ',
)
/** One word, the longest that fits; an "s" only where it stands alone. */
const WORD = new RegExp(
  [...ENDS, ...TIMES, ...FILLERS]
    .toSorted((one, other) => other.length - one.length)
    .map((word) => (word === 's' ? String.raw`\bs\b` : word))
    .join('|'),
  'g',
)
const LONGEST_KEY = 40

/**
 * How a key has its number read, by its words: `retryAfterMs`, `seconds_to_wait`, `NEXTALLOWEDAT`. Undefined if it names no
 * wait: `retry_limit`, `resetPassword`, `next`.
 */
const waitUnit = (key: string): TimeUnit | undefined => {
  if (key.length > LONGEST_KEY) return undefined
  const text = key.replaceAll(/[_-]|(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
  if (text === 'estimated time to regain access') return 'min'
  const words = text.match(WORD) ?? []
  const ends = words.filter((word) => ENDS.has(word))
  if (words.join('') !== text.replaceAll(' ', '')) return text === 'estimated time' ? 'auto' : undefined
  const times = words.filter((word) => TIMES.has(word))
  const isSaid =
    ends.length + times.length > 1 ||
    /\b(?:wait|backoff|cooldown)$|^(?:rate )?(?:limit|quota) reset/.test(words.join(' '))
  if (ends.length === 0 || !isSaid) return undefined
  const unit = times.find((word) => word.startsWith('m'))
  return unit === undefined ? 'auto' : /^m(?:s|illi)/.test(unit) ? 'ms' : 'min'
}

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
  const unit = served || found.waitMs !== undefined ? undefined : waitUnit(key)
  if (unit) {
    found.waitMs = waitOf(value, now, unit)
    found.inMs = unit === 'ms'
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
