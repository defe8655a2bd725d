import { APPLY } from './apply.ts'
import { type Draft, finishConcurrency, finishCredits, finishWindows } from './draft.ts'
import type { Resolved } from './grammar.ts'
import { tightestFirst } from './order.ts'
import { type Resolver, resolverFor } from './resolve.ts'
import type { HeaderRow } from './rows.ts'
import type { Limits } from '@aplomb/pipeline'
import { parseDate, parseNumber } from './values.ts'
import { SECOND } from './units.ts'

/** How {@link readLimits} reads. */
export interface ReadLimitsOptions {
  /** When the response arrived, in epoch milliseconds. @default Date.now() */
  readonly receivedAt?: number | undefined
  /** Rows of your own, asked before the built-in ones. Keep the array: lookups are remembered per array. */
  readonly rows?: readonly HeaderRow[] | undefined
  /** The status, where only headers are given: a limit of 0 on an answer that was served means "not metered". */
  readonly status?: number | undefined
}

/** The headers that are wanted beside, by their lower-case names: of several that are there, the one with the lowest rank. */
export type Wanted = ReadonlyMap<string, number>

/** What {@link readHead} gives. */
export interface ReadHead {
  readonly limits: Limits
  readonly wanted: { readonly rank: number; readonly value: string } | undefined
}

type Found = readonly [row: Resolved, value: string]

interface Walk {
  found: Found[] | undefined
  wanted: ReadHead['wanted']
}

const NONE: Limits = Object.freeze({ windows: Object.freeze([]) })
const NOTHING: ReadHead = { limits: NONE, wanted: undefined }

/** Real values are shorter; what is cut off of a longer one is not looked at. */
const LONGEST = 16_384

const asText = (value: unknown): string | undefined => {
  const text = Array.isArray(value) ? value.join(', ') : value
  if (typeof text === 'number') return String(text)
  return typeof text === 'string' ? text.slice(0, LONGEST).trim() : undefined
}

interface MapLike {
  keys(): Iterator<unknown>
  get(name: string): unknown
}

const isMapLike = (headers: object): headers is MapLike =>
  'get' in headers && typeof headers.get === 'function' && 'keys' in headers && typeof headers.keys === 'function'

/** Ids are shorter. */
const LONGEST_WANTED = 200

const collect = (headers: object, resolve: Resolver, wanted: Wanted | undefined): Walk => {
  const walk: Walk = { found: undefined, wanted: undefined }
  const take = (name: string, value: unknown): void => {
    const row = resolve(name)
    const text = asText(value)
    if (text === undefined) return
    if (row) (walk.found ??= []).push([row, text])
    const rank = wanted?.get(name.toLowerCase())
    if (rank === undefined || text === '' || text.length > LONGEST_WANTED) return
    if (!walk.wanted || rank < walk.wanted.rank) walk.wanted = { rank, value: text }
  }
  if (!isMapLike(headers)) {
    for (const [name, value] of Object.entries(headers)) take(name, value)
    return walk
  }
  // By hand: `for...of` and `forEach` over undici's Headers take about twice as long.
  const names = headers.keys()
  for (let step = names.next(); !step.done; step = names.next()) {
    const name = step.value
    if (typeof name === 'string' && (resolve(name) || wanted?.has(name))) take(name, headers.get(name))
  }
  return walk
}

const peek = (headers: object, name: string): string =>
  asText(isMapLike(headers) ? headers.get(name) : (headers as Record<string, unknown>)[name]) ?? ''

/** A finer wait is believed where `Retry-After` is what comes of rounding it; else that counts. */
const waitIn = ({ wait, plainWaitMs }: Draft): Pick<Limits, 'retryAfterMs' | 'retryAfterSource'> => {
  if (!wait) return {}
  if (wait.finer && plainWaitMs !== undefined && Math.abs(wait.ms - plainWaitMs) >= SECOND)
    return { retryAfterMs: plainWaitMs, retryAfterSource: 'retry-after' }
  return { retryAfterMs: wait.ms, retryAfterSource: wait.source }
}

type ReadHeader = (name: string) => string | null | undefined

const ageOf = (header: ReadHeader): number => Math.max(0, parseNumber(header('age') ?? '') ?? 0)

/**
 * The server's clock when it answered: its `Date`, plus the time spent in caches; without one, `receivedAt`. Dates that
 * a response names are to be measured against this.
 *
 * @param header Gives a header's value by its lower-case name: `(name) => headers.get(name)`.
 */
export const serverTime = (header: ReadHeader, receivedAt: number = Date.now()): number => {
  const date = parseDate(header('date') ?? '', receivedAt)
  return date === undefined ? receivedAt : date + ageOf(header) * 1000
}

const put = (found: readonly Found[], headers: object, status: number | undefined, receivedAt: number): Limits => {
  const header: ReadHeader = (name) => peek(headers, name)
  const age = ageOf(header)
  const draft: Draft = {
    now: serverTime(header, receivedAt),
    receivedAt,
    windows: new Map(),
    policies: [],
    labels: new Map(),
    bare: new Set(),
    concurrency: new Map(),
  }
  for (const [row, text] of found) {
    // An answer from a cache speaks of somebody else's allowance; only when to come back is still true.
    if (age === 0 || row.means === 'retry-after') APPLY[row.means](draft, row, text)
  }
  const served = status !== undefined && status < 400
  const windows = tightestFirst(finishWindows(draft, served))
  const concurrency = finishConcurrency(draft)
  const credits = finishCredits(draft, windows)
  return {
    ...waitIn(draft),
    windows,
    ...(concurrency && { concurrency }),
    ...(credits && { credits }),
    ...(draft.reason && { reason: draft.reason.text }),
  }
}

/** As {@link readLimits}, and finds another header in the same walk: to go through them all is what takes the time. */
export const readHead = (
  source: Response | Headers | Readonly<Record<string, string>>,
  { receivedAt, rows, status, wanted }: ReadLimitsOptions & { readonly wanted?: Wanted | undefined } = {},
): ReadHead => {
  try {
    const inner: unknown = 'headers' in source ? source.headers : source
    if (typeof inner !== 'object' || inner === null) return NOTHING
    const walk = collect(inner, resolverFor(rows), wanted)
    const code = status ?? ('status' in source && typeof source.status === 'number' ? source.status : undefined)
    const limits = walk.found ? put(walk.found, inner, code, receivedAt ?? Date.now()) : NONE
    return { limits, wanted: walk.wanted }
  } catch {
    // Only a stand-in for Headers that throws when asked can get here.
    return NOTHING
  }
}

/**
 * Reads everything the headers of a response say about limits: how long to wait, which windows there are and what is
 * left of them, concurrency, credits. Never throws; what makes no sense is left out.
 *
 * Dates and epochs are measured against the response's own `Date`, so that a wrong local clock does no harm.
 *
 * @example
 * ```ts
 * const { retryAfterMs, windows, concurrency, credits } = readLimits(response)
 * console.log(windows[0]?.remaining, 'left, resets in', windows[0]?.resetMs, 'ms')
 * ```
 */
export const readLimits = (
  source: Response | Headers | Readonly<Record<string, string>>,
  options: ReadLimitsOptions = {},
): Limits => readHead(source, options).limits
