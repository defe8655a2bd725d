import { readBody, readProse, serverTime, tightestFirst, windowWait } from '@aplomb/limits'
import {
  byStatus,
  type Credits,
  KINDS,
  type Limits,
  newVerdict,
  type Verdict,
  type VerdictKind,
} from '@aplomb/pipeline'
import { type HeadWithId, hintOf, requestIdOf } from './heads.ts'
import type { Answer, Decision, Head } from './types.ts'

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
  const heard = KINDS[kind].action !== 'use' || status === 202 || status >= 300
  // Only limits are asked to wait by anything but a header made for it.
  if (!KINDS[kind].limit) return heard ? headers.retryAfterMs : undefined
  const { retryAfterMs } = headers
  if (retryAfterMs !== undefined) return fineMs !== undefined && roundsTo(fineMs, retryAfterMs) ? fineMs : retryAfterMs
  const reset = windowWait(headers.windows)
  return reset === undefined ? (waitMs ?? resetMs) : Math.max(reset, waitMs ?? 0)
}

/** Whether the status speaks of limits or money by itself: words say no more than how that is called. */
const speaksOfLimits = (status: number): boolean => {
  const { limit, money } = KINDS[byStatus(status).kind]
  return limit || money
}

/** Whether a limit was found in a place that nobody but the server, or the user, speaks from. */
const isRefusal = ({ status }: Head, { kind, by }: Decision): boolean => {
  const isLimit = kind === 'concurrency-limited' || kind === 'rate-limited'
  // A rule is the user's own word.
  return isLimit && (by === 'ceiling' || (by === 'rule' && status < 400))
}

/** Puts a verdict together. `answer` is absent when the body was not looked at. */
export const verdictFor = (head: HeadWithId, found: Decision, receivedAt: number, answer?: Answer): Verdict => {
  const { kind, sign } = found
  const { status } = head
  const { action, limit, money } = KINDS[kind]
  const failed = action !== 'use'
  const tentative = found.by === 'prose' && !speaksOfLimits(status)
  const about = !failed || (!tentative && (limit || money))
  const body: FromBody = answer
    ? withBody(answer, serverTime(head.header, receivedAt), !failed, about)
    : { limits: head.limits }
  return newVerdict({
    kind,
    receivedAt,
    status,
    limits: body.limits,
    retryable: found.retryable,
    hint: failed ? hintOf(head) : undefined,
    bodyHint: answer?.hint,
    refused: isRefusal(head, found),
    tentative,
    message: found.message ?? answer?.message,
    code: found.code ?? answer?.codes[0],
    requestId: requestIdOf(head, answer?.requestId),
    retryAfterMs: found.retryAfterMs ?? waitFor(kind, status, head.limits, body),
    evidence: `${status}${sign && `, ${sign}`}`,
  })
}
