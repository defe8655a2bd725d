import type { Limits } from './limits.ts'
import { KINDS, newVerdict, type Verdict, type VerdictKind } from './verdict.ts'

/** A header's value by its lower-case name. */
export type ReadHeader = (name: string) => string | undefined

/** What a status means when nothing else in the answer says more. */
export interface StatusRow {
  readonly kind: VerdictKind
  readonly retryable?: boolean | undefined
}

const STATUSES: readonly (readonly [VerdictKind, readonly number[]])[] = [
  ['empty', [204, 205]],
  // 423, APIFreaks: an input that cannot be looked up. A lock says so in words.
  ['invalid', [400, 405, 406, 411, 413, 414, 415, 416, 417, 423, 426, 428, 431]],
  ['unprocessable', [422]],
  ['unauthenticated', [401, 407]],
  ['billing', [402]],
  ['forbidden', [403, 451]],
  ['missing', [404, 410]],
  ['timeout', [408]],
  ['conflict', [409, 412]],
  // 420, old Twitter: enhance your calm
  ['rate-limited', [420, 429, 430]],
  // 456, DeepL; 509, bandwidth limit exceeded
  ['quota-exhausted', [456, 509]],
  // 449, Azure Cosmos DB: retry with
  ['server-error', [421, 425, 449, 500, 502, 504, 520, 521, 522, 523, 524]],
  // 477, HubSpot: the account is being moved
  ['overloaded', [477, 503, 529]],
]

const byNumber = new Map<number, StatusRow>()
const SERVED: StatusRow = { kind: 'ok' }
const FAILED: StatusRow = { kind: 'server-error', retryable: false }
const UNKNOWN: StatusRow = { kind: 'unknown' }

/** The verdict of the status alone. */
export const byStatus = (status: number): StatusRow => {
  if (byNumber.size === 0)
    for (const [kind, statuses] of STATUSES)
      // Shopify's 430: judged malicious, the same request will be judged so again.
      for (const one of statuses) byNumber.set(one, { kind, retryable: one === 430 ? false : undefined })
  const row = byNumber.get(status)
  if (row) return row
  if (status >= 100 && status < 400) return SERVED
  return status >= 500 && status < 600 ? FAILED : UNKNOWN
}

/** Reads headers of a response, or of what a test has put in its place. */
export const headersOf = (response: object): ReadHeader => {
  const headers: unknown = 'headers' in response ? response.headers : undefined
  if (typeof headers !== 'object' || headers === null) return () => undefined
  const read: (name: string) => unknown =
    'get' in headers && typeof headers.get === 'function'
      ? (name) => (headers as Headers).get(name)
      : (name) => Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
  return (name) => {
    try {
      const value = read(name)
      return typeof value === 'string' ? value : undefined
    } catch {
      return undefined // a stand-in for Headers
    }
  }
}

export const statusOf = (response: object): number => {
  const type = 'type' in response ? response.type : undefined
  // A response to a `no-cors` request shows nothing, and cannot be anything but used.
  const shown = type === 'opaque' || type === 'opaqueredirect' ? 200 : 0
  return 'status' in response && typeof response.status === 'number' ? response.status || shown : 0
}

/** A wait that is longer is a unit mistake or nonsense. */
const LONGEST_WAIT_MS = 366 * 86_400_000

/** The dates of RFC 9110 section 5.6.7; asctime's has no zone and means GMT. */
const dateOf = (text = ''): number =>
  /^[A-Z][a-z]{2,8},? [\w :-]{15,30}$/.test(text) ? Date.parse(text.endsWith('GMT') ? text : `${text} GMT`) : NaN

/** `Retry-After` (RFC 9110 section 10.2.3) in milliseconds; a date is measured against the answer's own `Date`. */
const retryAfterOf = (header: ReadHeader, receivedAt: number): number | undefined => {
  const text = header('retry-after')?.trim() ?? ''
  const ms = /^\d{1,10}(?:\.\d{1,9})?$/.test(text)
    ? Math.ceil(Number(text) * 1000)
    : dateOf(text) - (dateOf(header('date')) || receivedAt)
  return ms <= LONGEST_WAIT_MS ? Math.max(0, ms) : undefined
}

const plainLimits = (header: ReadHeader, receivedAt: number): Limits | undefined => {
  const retryAfterMs = retryAfterOf(header, receivedAt)
  return retryAfterMs === undefined ? undefined : { retryAfterMs, retryAfterSource: 'retry-after', windows: [] }
}

/** What is said of limits, and what follows from it, by whoever reads more headers than {@link judgeHead}. */
export interface Reading {
  readonly limits: Limits
  /** A kind that says more than the status, with its sign. */
  readonly found?:
    | { readonly kind: VerdictKind; readonly sign: string; readonly refused?: boolean | undefined }
    | undefined
  /** A wait, where no header made for it names one. */
  readonly waitMs?: number | undefined
}

/** Whether a status with `Retry-After` says that it is for now: RFC 9110 section 15.5.14; Binance's ban. */
const forNow = (status: number, waitMs: number | undefined): StatusRow | undefined => {
  if (waitMs === undefined || (status !== 413 && status !== 418)) return undefined
  return { kind: status === 413 ? 'overloaded' : 'rate-limited' }
}

/** The server's own word on sending again. */
const hintOf = (header: ReadHeader): boolean | undefined => {
  const text = header('x-should-retry')?.toLowerCase()
  return text === 'true' ? true : text === 'false' ? false : undefined
}

/** How long to wait, as far as that is asked: on an answer that was served, Retry-After asks nothing; on 202 and redirects it does. */
const waitOf = (
  kind: VerdictKind,
  status: number,
  namedMs: number | undefined,
  reading?: Reading,
): number | undefined => {
  const { action, limit } = KINDS[kind]
  if (action === 'use' && status !== 202 && status < 300) return undefined
  return namedMs ?? (limit ? reading?.waitMs : undefined)
}

const waitSign = ({ retryAfterSource, retryAfterMs = 0 }: Limits = { windows: [] }): string =>
  `${retryAfterSource} ${retryAfterMs / 1000} s`

/** Judges by status and headers alone; without a `reading`, `Retry-After` is all that is read of limits. */
export const judgeHead = (response: Response, reading?: Reading, receivedAt: number = Date.now()): Verdict => {
  const header = headersOf(response)
  const status = statusOf(response)
  const { limits, found } = reading ?? { limits: plainLimits(header, receivedAt) }
  const namedMs = limits?.retryAfterMs
  const row = forNow(status, namedMs) ?? byStatus(status)
  const { kind } = found ?? row
  const { action, transient } = KINDS[kind]
  const asked = namedMs !== undefined && transient && status !== 430
  return newVerdict({
    kind,
    receivedAt,
    status,
    limits,
    retryable: asked || row.retryable,
    hint: action === 'use' ? undefined : hintOf(header),
    refused: found?.refused,
    retryAfterMs: waitOf(kind, status, namedMs, reading),
    requestId: header('x-request-id') ?? header('request-id'),
    evidence: [status, found?.sign ?? (asked && waitSign(limits))].filter(Boolean).join(', '),
  })
}
