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
import { actionFor, mayPass } from './statuses.ts'
import type { Answer, Finding, Head, Verdict, VerdictKind } from './types.ts'

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

/** Adds what the body says about limits to what the headers said. */
const withBody = (
  { limits, json, words }: Answer,
  now: number,
  served: boolean,
): { limits: Limits; bodyWaitMs?: number | undefined } => {
  const body = readBody(json, now, served)
  const prose = served ? {} : readProse(words, now)
  const said =
    prose.remaining === undefined && !prose.absolute
      ? []
      : [{ remaining: prose.remaining, resetMs: prose.waitMs, source: 'body' }]
  const more = [...body.windows, ...said]
  return {
    limits: {
      ...limits,
      ...(more.length > 0 && { windows: tightestFirst([...limits.windows, ...more]) }),
      ...(body.credits && { credits: joined(limits.credits, body.credits) }),
    },
    bodyWaitMs: body.retryAfterMs ?? windowWait(body.windows) ?? prose.waitMs,
  }
}

const waitFor = (
  kind: VerdictKind,
  status: number,
  headers: Limits,
  inBody: number | undefined,
): number | undefined => {
  // On an answer that was served, Retry-After asks nothing; on 202 and redirects it does.
  const heard = kind === 'ok' || kind === 'empty' ? status === 202 || status >= 300 : true
  if (!WAITS.has(kind)) return heard ? headers.retryAfterMs : undefined
  return headers.retryAfterMs ?? windowWait(headers.windows) ?? inBody
}

/** Puts a verdict together. `answer` is absent when the body was not looked at. */
export const verdictFor = (head: Head, found: Finding, receivedAt: number, answer?: Answer): Verdict => {
  const { kind, sign } = found
  const { status } = head
  const failed = kind !== 'ok' && kind !== 'empty'
  const { limits, bodyWaitMs } = answer
    ? withBody(answer, serverTime(head.header, receivedAt), !failed)
    : { limits: head.limits }
  const hint = failed ? (hintOf(head) ?? answer?.hint) : undefined
  const retryable = NEVER.has(kind) ? false : (hint ?? found.retryable ?? mayPass(kind))
  const retryAfterMs = found.retryAfterMs ?? waitFor(kind, status, head.limits, bodyWaitMs)
  return {
    kind,
    action: actionFor(kind, retryable),
    retryable,
    refused:
      kind === 'rate-limited' ||
      kind === 'concurrency-limited' ||
      status === 429 ||
      (failed && hintOf(head) === true) ||
      (kind === 'overloaded' && head.limits.retryAfterMs !== undefined),
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
    limits,
    evidence: `${status}${sign && `, ${sign}`}`,
  }
}
