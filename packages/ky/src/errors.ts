import { type Verdict, verdictOf } from '@aplomb/pipeline'

/** What `kyHooks()` adds to ky's `HTTPError`. */
export interface Judged {
  readonly verdict: Verdict
  /** From when on it makes sense to ask again, where the server says so. */
  readonly retryAt: Date | undefined
}

/**
 * In ky's `beforeRetry`: an answer for which ky would throw nothing (`throwHttpErrors: false`, or a limit inside a 200) is
 * not used, as the request is sent again.
 */
export class SentAgainError extends Error implements Judged {
  override readonly name = 'SentAgainError' as const
  readonly response: Response
  readonly verdict: Verdict
  readonly retryAt: Date | undefined
  constructor(response: Response) {
    const verdict = verdictOf(response)
    super(`The request is sent again: ${verdict.evidence}`)
    this.response = response
    this.verdict = verdict
    this.retryAt = verdict.retryAt
  }
}
