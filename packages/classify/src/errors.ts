import type { Verdict, VerdictKind } from '@aplomb/pipeline'

/** What {@link unwrap} throws for an answer that cannot be used. Its texts are redacted, as those of its verdict are. */
export class ApiError extends Error {
  override readonly name: string = 'ApiError'
  /** The verdict's kind, for logs. */
  readonly kind: VerdictKind
  /** The HTTP status. */
  readonly status: number | undefined
  /** What to tell the API's support. */
  readonly requestId: string | undefined
  /** The whole judgement, with the evidence. */
  readonly verdict: Verdict
  /** When to come back, if the server said. */
  readonly retryAt: Date | undefined
  /** The answer, with its body unread. */
  readonly response: Response

  constructor(verdict: Verdict, response: Response) {
    const { kind, status, message, evidence, requestId, retryAt } = verdict
    super(message ?? `${kind} (${evidence})`)
    this.kind = kind
    this.status = status
    this.requestId = requestId
    this.verdict = verdict
    this.retryAt = retryAt
    this.response = response
    // Whoever prints the error shall not print all that the server said.
    for (const name of ['response', 'verdict']) Object.defineProperty(this, name, { enumerable: false })
  }

  /** `RateLimitError: 429 rate-limited: Slow down. (429, retry-after 30; request req_1; retry at 2026-01-15T12:00:30.000Z)` */
  override toString(): string {
    const { status, requestId, retryAt, verdict, message } = this
    const facts = [
      verdict.evidence,
      requestId && `request ${requestId}`,
      retryAt && `retry at ${retryAt.toISOString()}`,
    ]
    const text = verdict.message === undefined ? '' : `: ${message}`
    return `${this.name}: ${status ?? 'no answer'} ${verdict.kind}${text} (${facts.filter(Boolean).join('; ')})`
  }
}

/** The request is wrong: 400, 405, 406, 413, 414, 415. */
export class InvalidRequestError extends ApiError {
  override readonly name = 'InvalidRequestError' as const
}
/** The data is not acceptable: 422. */
export class UnprocessableError extends ApiError {
  override readonly name = 'UnprocessableError' as const
}
/** The credentials are missing or wrong: 401. */
export class AuthenticationError extends ApiError {
  override readonly name = 'AuthenticationError' as const
}
/** Money stands in the way: 402. */
export class BillingError extends ApiError {
  override readonly name = 'BillingError' as const
}
/** The credentials do not allow this: 403. */
export class PermissionError extends ApiError {
  override readonly name = 'PermissionError' as const
}
/** No such resource: 404, 410. */
export class NotFoundError extends ApiError {
  override readonly name = 'NotFoundError' as const
}
/** Too many requests in a window of time. */
export class RateLimitError extends ApiError {
  override readonly name = 'RateLimitError' as const
}
/** Too many requests in flight, or a lock. */
export class ConcurrencyLimitError extends ApiError {
  override readonly name = 'ConcurrencyLimitError' as const
}
/** The allowance of a day, a month or a plan is used up. */
export class QuotaExhaustedError extends ApiError {
  override readonly name = 'QuotaExhaustedError' as const
}
/** The server cannot keep up: 503, 529. */
export class OverloadedError extends ApiError {
  override readonly name = 'OverloadedError' as const
}
/** The server failed, or did not answer in time: 500, 502, 504, 408. */
export class ServerError extends ApiError {
  override readonly name = 'ServerError' as const
}

const ERRORS: Readonly<Partial<Record<VerdictKind, typeof ApiError>>> = {
  invalid: InvalidRequestError,
  unprocessable: UnprocessableError,
  unauthenticated: AuthenticationError,
  billing: BillingError,
  forbidden: PermissionError,
  missing: NotFoundError,
  'rate-limited': RateLimitError,
  'concurrency-limited': ConcurrencyLimitError,
  'quota-exhausted': QuotaExhaustedError,
  overloaded: OverloadedError,
  'server-error': ServerError,
  timeout: ServerError,
}

/** The error for a verdict; conflicts and what is unknown are plain {@link ApiError}s. */
export const errorFor = (verdict: Verdict, response: Response): ApiError =>
  new (ERRORS[verdict.kind] ?? ApiError)(verdict, response)
