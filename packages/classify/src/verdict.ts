import {
  type Credits,
  type Limits,
  type LimitWindow,
  readBody,
  readProse,
  serverTime,
  tightestFirst,
} from '@aplomb/limits'
import { exhausted } from './decide.ts'
import { hintOf, requestIdOf } from './heads.ts'
import { actionFor, mayPass, speaksOfLimits } from './statuses.ts'
import type { Answer, Decision, Head, Verdict, VerdictKind } from './types.ts'

/** Only these are asked to wait by anything but a header made for it. */
const WAITS: ReadonlySet<VerdictKind> = new Set([
  'rate-limited',
  'concurrency-limited',
  'overloaded',
  'quota-exhausted',
])
/** Whoever is out of money does not get it by being asked again. */
const NEVER: ReadonlySet<VerdictKind> = new Set(['ok', 'empty', 'billing', 'quota-exhausted', 'aborted'])

/** What windows that are used up ask for; without a count, a reset stands for itself. */
const windowWait = (windows: readonly LimitWindow[]): number | undefined => {
  const uncounted = windows.every(({ remaining }) => remaining === undefined)
  const resets = (uncounted ? windows : exhausted({ windows }))
    .map(({ resetMs }) => resetMs)
    .filter((ms) => ms !== undefined)
  return resets.length > 0 ? Math.max(...resets) : undefined
}

/** What the headers say, with the gaps filled from the body. */
const joined = (headers: Credits | undefined, body: Credits): Credits => ({
  cost: headers?.cost ?? body.cost,
  remaining: headers?.remaining ?? body.remaining,
  limit: headers?.limit ?? body.limit,
  used: headers?.used,
  source: headers?.source ?? body.source,
})

interface FromBody {
  readonly limits: Limits
  /** A wait that the body names for the next request. */
  readonly waitMs?: number | undefined
  /** The same, where it is given in milliseconds. */
  readonly fineMs?: number | undefined
  /** The reset of a window that stands in the body. */
  readonly resetMs?: number | undefined
}

/** Adds what the body says about limits to what the headers said. Only costs, unless it is `about` limits. */
const withBody = ({ limits, json, words }: Answer, now: number, served: boolean, about: boolean): FromBody => {
  const body = readBody(json, now, served)
  const prose = served ? {} : readProse(words, now)
  const said =
    prose.remaining === undefined && !prose.absolute
      ? []
      : [{ remaining: prose.remaining, resetMs: prose.waitMs, source: 'body' }]
  const more = about ? [...body.windows, ...said] : []
  const { credits } = body
  const told = about || !credits ? credits : { cost: credits.cost, source: credits.source }
  return {
    limits: {
      ...limits,
      ...(more.length > 0 && { windows: tightestFirst([...limits.windows, ...more]) }),
      ...(told && { credits: joined(limits.credits, told) }),
    },
    waitMs: body.retryAfterMs ?? (windowWait(body.windows) === undefined ? prose.waitMs : undefined),
    fineMs: body.inMs ? body.retryAfterMs : undefined,
    resetMs: windowWait(body.windows),
  }
}

/** Whether whole seconds are what comes of rounding a finer wait. */
const roundsTo = (fineMs: number, ms: number): boolean => ms % 1000 === 0 && Math.abs(fineMs - ms) < 1000

const waitFor = (
  kind: VerdictKind,
  status: number,
  headers: Limits,
  { waitMs, fineMs, resetMs }: Partial<FromBody>,
): number | undefined => {
  // On an answer that was served, Retry-After asks nothing; on 202 and redirects it does.
  const heard = kind === 'ok' || kind === 'empty' ? status === 202 || status >= 300 : true
  if (!WAITS.has(kind)) return heard ? headers.retryAfterMs : undefined
  const { retryAfterMs } = headers
  if (retryAfterMs !== undefined) return fineMs !== undefined && roundsTo(fineMs, retryAfterMs) ? fineMs : retryAfterMs
  const reset = windowWait(headers.windows)
  return reset === undefined ? (waitMs ?? resetMs) : Math.max(reset, waitMs ?? 0)
}

/** Misdirected (RFC 9110 section 15.5.20), too early (RFC 8470 section 5.2), too many (RFC 6585 section 4): nothing was done. */
const UNPROCESSED: ReadonlySet<number> = new Set([421, 425, 429])

/** Whether a failure is one of the server's not having begun. */
const isRefusal = (head: Head, { kind, by }: Decision): boolean => {
  const { status, limits } = head
  if (UNPROCESSED.has(status) || hintOf(head) === true) return true
  if (status === 503 && (limits.retryAfterMs ?? 0) > 0) return true
  const isLimit = kind === 'concurrency-limited' || kind === 'rate-limited'
  // A rule is the user's own word.
  return isLimit && (by === 'ceiling' || (by === 'rule' && status < 400))
}

/** Puts a verdict together. `answer` is absent when the body was not looked at. */
export const verdictFor = (head: Head, found: Decision, receivedAt: number, answer?: Answer): Verdict => {
  const { kind, sign } = found
  const { status } = head
  const failed = kind !== 'ok' && kind !== 'empty'
  const tentative = found.by === 'prose' && !speaksOfLimits(status)
  const about = !failed || (!tentative && (WAITS.has(kind) || kind === 'billing'))
  const body: FromBody = answer
    ? withBody(answer, serverTime(head.header, receivedAt), !failed, about)
    : { limits: head.limits }
  const hint = failed ? (hintOf(head) ?? answer?.hint) : undefined
  const retryable = NEVER.has(kind) ? false : (hint ?? found.retryable ?? mayPass(kind))
  const retryAfterMs = found.retryAfterMs ?? waitFor(kind, status, head.limits, body)
  return {
    kind,
    action: actionFor(kind, retryable),
    retryable,
    refused: failed && isRefusal(head, found),
    tentative,
    ...(hint !== undefined && { hint }),
    status,
    message: failed ? (found.message ?? answer?.message) : undefined,
    code: failed ? (found.code ?? answer?.codes[0]) : undefined,
    // On demand: most successes are never asked for it.
    get requestId() {
      return requestIdOf(head, answer?.requestId)
    },
    retryAfterMs,
    retryAt: retryAfterMs === undefined ? undefined : new Date(receivedAt + retryAfterMs),
    limits: body.limits,
    evidence: `${status}${sign && `, ${sign}`}`,
  }
}
