import type { Limits } from './limits.ts'

/** What an answer (or the lack of one) means for the caller. */
export type VerdictKind =
  /** Served. */
  | 'ok'
  /** Served, and there is nothing: 204, or 404 on a route named in `lookups`. */
  | 'empty'
  /** The request is wrong. */
  | 'invalid'
  /** The request is well formed, its data is not acceptable. */
  | 'unprocessable'
  /** The credentials are missing, wrong or expired. */
  | 'unauthenticated'
  /** The credentials do not allow this. */
  | 'forbidden'
  /** No such resource. */
  | 'missing'
  /** The resource is in another state than the request expects. */
  | 'conflict'
  /** Money or the state of a payment stands in the way. */
  | 'billing'
  /** An allowance (a day's, a month's, the plan's credits) is used up. */
  | 'quota-exhausted'
  /** Too many requests in a window of time. */
  | 'rate-limited'
  /** Too many requests in flight, or somebody holds a lock. */
  | 'concurrency-limited'
  /** The server cannot keep up, whoever asks. */
  | 'overloaded'
  /** The server failed. */
  | 'server-error'
  /** No answer: the connection failed. */
  | 'network'
  /** No answer in time. */
  | 'timeout'
  /** The caller gave up. */
  | 'aborted'
  /** Anything else. */
  | 'unknown'

/** What is to be done about it. */
export type Action =
  /** Nothing: use the answer. */
  | 'use'
  /** Change the request, the key, the plan, the data: sending it again will not help. */
  | 'fix'
  /** Pay, or wait for the next period. */
  | 'pay'
  /** Wait, then send again. */
  | 'wait'
  /** Have fewer requests in flight. */
  | 'slow-down'
  /** Send again, after a pause. */
  | 'retry'
  /** Do not send again. */
  | 'stop'

/** The one judgement of an answer that every layer reads. */
export interface Verdict {
  readonly kind: VerdictKind
  readonly action: Action
  /** Whether the same request may succeed later. Whether it is also safe to repeat depends on the method, see `refused`. */
  readonly retryable: boolean
  /**
   * The server refused before it did anything, so that even a POST may be sent again: 429, 421 or 425; 503 with a wait
   * in a header; `x-should-retry: true` and its kin as a header; a concurrency header at its ceiling; or a limit that
   * one of your `rules` has found in an answer below 400.
   */
  readonly refused: boolean
  /** No answer, and nothing has reached the server: refused, unreachable, not found, not connected in time. So even a POST may be sent again. */
  readonly unsent?: boolean | undefined
  /**
   * Bare prose has told this, on a status that speaks neither of limits nor of money; or it is a host that was not
   * found. It sets the kind and a wait, concerns this call alone, and permits at most one counted repetition of it, if
   * it is safe to send again: it never pauses a key, never puts a call back in line, never trips the meter.
   */
  readonly tentative: boolean
  /** The server's explicit word, where it gave one: `x-should-retry` and its kin. */
  readonly hint?: boolean | undefined
  /** The HTTP status; absent when there was no answer. */
  readonly status?: number | undefined
  /** What the API says to humans. */
  readonly message?: string | undefined
  /** What the API says to programs: its error code. */
  readonly code?: string | undefined
  /** What to tell the API's support. */
  readonly requestId?: string | undefined
  /** How long to wait, in milliseconds from receipt. Absent when the server does not say. */
  readonly retryAfterMs?: number | undefined
  /** The same as a moment of the local clock. */
  readonly retryAt?: Date | undefined
  /** What the verdict was read from, with everything else the answer says about limits. */
  readonly limits: Limits
  /** The sign that decided: "429, x-concurrent-threads-active 3 of 3". */
  readonly evidence: string
}

/** Who acts on a kind: a middleware by its name, or whoever made the call. */
type Owner = 'retry-after' | 'backoff-jitter' | 'concurrency-gate' | 'credit-meter' | 'caller'

/** What every layer has to know of a kind. */
export interface KindRow {
  readonly action: Action
  /** Undefined: there is nothing to act on. */
  readonly owner: Owner | undefined
  /** The same request may be served later. */
  readonly transient: boolean
  /** The server has failed: this counts towards an outage. */
  readonly failure: boolean
  /** A limit of the server's has refused it: of rate, of concurrency, of capacity, of an allowance. */
  readonly limit: boolean
  /** Money is what is missing. */
  readonly money: boolean
  /** The answer is lost, if there was one: the request may have been carried out. */
  readonly lost: boolean
}

const row = (
  action: Action,
  owner?: Owner,
  ...facts: readonly (keyof Omit<KindRow, 'action' | 'owner'>)[]
): KindRow => ({
  action,
  owner,
  transient: facts.includes('transient'),
  failure: facts.includes('failure'),
  limit: facts.includes('limit'),
  money: facts.includes('money'),
  lost: facts.includes('lost'),
})

const FIX = row('fix', 'caller')

/** The one table of kinds: whoever treats kinds alike asks it. */
export const KINDS: Readonly<Record<VerdictKind, KindRow>> = {
  ok: row('use'),
  empty: row('use'),
  invalid: FIX,
  unprocessable: FIX,
  unauthenticated: FIX,
  forbidden: FIX,
  missing: FIX,
  conflict: FIX,
  billing: row('pay', 'credit-meter', 'money'),
  'quota-exhausted': row('pay', 'credit-meter', 'money', 'limit'),
  'rate-limited': row('wait', 'retry-after', 'transient', 'limit'),
  'concurrency-limited': row('slow-down', 'concurrency-gate', 'transient', 'limit'),
  // Without a wait it is backoff-jitter's.
  overloaded: row('wait', 'retry-after', 'transient', 'limit', 'failure'),
  'server-error': row('retry', 'backoff-jitter', 'transient', 'failure'),
  network: row('retry', 'backoff-jitter', 'transient', 'failure', 'lost'),
  timeout: row('retry', 'backoff-jitter', 'transient', 'failure', 'lost'),
  aborted: row('stop', undefined, 'lost'),
  unknown: row('stop', 'caller'),
}

/** Whether there is such a kind. */
export const isKind = (kind: unknown): kind is VerdictKind => typeof kind === 'string' && Object.hasOwn(KINDS, kind)

/** Whether money is missing, by a kind or by the condition of an alert. */
export const isMoney = (kind: string): kind is 'billing' | 'quota-exhausted' => isKind(kind) && KINDS[kind].money

/** What to do about a kind: what would be repeated but must not be is stopped, and the other way round. */
const actionFor = (kind: VerdictKind, retryable: boolean): Action => {
  const { action, transient } = KINDS[kind]
  if (transient === retryable) return action
  // A request that the network will never take, unlike an answer that forbids to repeat it.
  if (kind === 'network') return 'fix'
  return retryable ? 'retry' : 'stop'
}

/** What a judge has found. What is left out follows from the kind and the status. */
export interface Found {
  readonly kind: VerdictKind
  /** When it was received, in epoch milliseconds. */
  readonly receivedAt: number
  readonly status?: number | undefined
  readonly limits?: Limits | undefined
  readonly evidence: string
  readonly retryable?: boolean | undefined
  /** The server's word on sending again in a header; in the body. */
  readonly hint?: boolean | undefined
  readonly bodyHint?: boolean | undefined
  readonly retryAfterMs?: number | undefined
  /** Refused before processing, beside what status and hint say. */
  readonly refused?: boolean | undefined
  readonly unsent?: boolean | undefined
  readonly tentative?: boolean | undefined
  readonly message?: string | undefined
  readonly code?: string | undefined
  readonly requestId?: string | undefined
}

const LIMITLESS: Limits = Object.freeze({ windows: Object.freeze([]) })

/** Misdirected (RFC 9110 section 15.5.20), too early (RFC 8470 section 5.2), too many (RFC 6585 section 4): nothing was done. */
const UNPROCESSED: ReadonlySet<unknown> = new Set([421, 425, 429])

/** Whether a failed request was refused before it was processed. */
const wasRefused = ({ status, hint, refused = false, limits = LIMITLESS }: Found): boolean =>
  refused || hint === true || UNPROCESSED.has(status) || (status === 503 && (limits.retryAfterMs ?? 0) > 0)

/** Puts a verdict together, always of the same shape. */
export const newVerdict = (found: Found): Verdict => {
  const { kind, status, limits = LIMITLESS, retryAfterMs, receivedAt, tentative = false } = found
  const { action, owner, money, transient } = KINDS[kind]
  const failed = action !== 'use'
  const hint = failed ? (found.hint ?? found.bodyHint) : undefined
  // Whoever is out of money does not get it by being asked again.
  const retryable = owner !== undefined && !money && (hint ?? found.retryable ?? transient)
  return {
    kind,
    action: actionFor(kind, retryable),
    retryable,
    refused: failed && wasRefused(found),
    unsent: found.unsent,
    tentative,
    hint,
    status,
    message: failed ? found.message : undefined,
    code: failed ? found.code : undefined,
    requestId: found.requestId,
    retryAfterMs,
    retryAt: retryAfterMs === undefined ? undefined : new Date(receivedAt + retryAfterMs),
    limits,
    evidence: found.evidence,
  }
}
