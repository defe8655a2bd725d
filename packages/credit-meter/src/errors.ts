/** What a {@link BudgetExceededError} tells. */
export interface BudgetExceededFacts {
  readonly key: string
  readonly endpoint: string
  /** Credits that count as used, by our own count or by the server's balance, whichever is more. */
  readonly used: number
  /** What the refused call was expected to cost. */
  readonly expected: number
  /** Credits set aside for calls in flight, if it is those that leave no room; else 0. */
  readonly reserved: number
  readonly limit: number
  /** The percentage at which calls are refused. */
  readonly stopAt: number
  /** When the period ends. */
  readonly resetAt: Date
}

/** A call was refused before it was sent, because the budget does not allow for it. */
export class BudgetExceededError extends Error implements BudgetExceededFacts {
  override readonly name = 'BudgetExceededError' as const
  readonly key: string
  readonly endpoint: string
  readonly used: number
  readonly expected: number
  readonly reserved: number
  readonly limit: number
  readonly stopAt: number
  readonly resetAt: Date

  constructor(facts: BudgetExceededFacts) {
    const { key, endpoint, used, expected, reserved, limit, stopAt, resetAt } = facts
    const inFlight = reserved > 0 ? `, calls in flight may cost ${reserved}` : ''
    super(
      `${used} of ${limit} credits are used${inFlight}, this call may cost ${expected}, and calls stop at ${stopAt} %`,
    )
    this.key = key
    this.endpoint = endpoint
    this.used = used
    this.expected = expected
    this.reserved = reserved
    this.limit = limit
    this.stopAt = stopAt
    this.resetAt = resetAt
    // Some partition by API key, and some name whole URLs: whoever prints the error shall not print those.
    for (const name of ['key', 'endpoint']) Object.defineProperty(this, name, { enumerable: false })
  }
}
