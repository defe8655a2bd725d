/** A `fetch` or a middleware answered something that is no Response. Nobody sends such a call again. */
export class NoResponseError extends Error {
  override readonly name = 'NoResponseError' as const
  /** The middleware; `fetch` for what sends in the end. */
  readonly by: string
  constructor(by: string, answer: unknown) {
    super(`${by} answered ${answer === null ? 'null' : typeof answer} in place of a Response`)
    this.by = by
  }
}

/** It may be a test's double: any object is good enough. */
export const isResponse = (answer: unknown): boolean => typeof answer === 'object' && answer !== null

export const responseOf = <T>(by: string, answer: T): T => {
  if (isResponse(answer)) return answer
  throw new NoResponseError(by, answer)
}
/** Some partition by API key: whoever prints the error shall not print that. */
const hideKey = (error: Error): void => void Object.defineProperty(error, 'key', { enumerable: false })

/** What a caller may conclude: nothing was sent, or nothing more. */
const unsent = (attempt: number): string => (attempt > 0 ? 'the call was not sent again' : 'the call was not sent')

/** The queue of a key was full: the call was not sent, or not again. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError' as const
  readonly key: string
  readonly maxQueue: number
  constructor(key: string, maxQueue: number, attempt = 0) {
    super(`The queue is full (maxQueue ${maxQueue}): ${unsent(attempt)}`)
    this.key = key
    this.maxQueue = maxQueue
    hideKey(this)
  }
}

/** No slot came free in time: the call was not sent, or not again. */
export class QueueTimeoutError extends Error {
  override readonly name = 'QueueTimeoutError' as const
  readonly key: string
  readonly queueTimeoutMs: number
  constructor(key: string, queueTimeoutMs: number, attempt = 0) {
    super(`No slot came free within ${queueTimeoutMs} ms: ${unsent(attempt)}`)
    this.key = key
    this.queueTimeoutMs = queueTimeoutMs
    hideKey(this)
  }
}

/** The server is down, and another call probes it or will: this one was not sent, or not again. */
export class BreakerOpenError extends Error {
  override readonly name = 'BreakerOpenError' as const
  readonly key: string
  /** When the next probe may go, in milliseconds; sooner, where the one under way is answered before. */
  readonly probeMs: number
  constructor(key: string, probeMs: number, attempt = 0) {
    super(`The server is down (its breaker is open): ${unsent(attempt)}`)
    this.key = key
    this.probeMs = probeMs
    hideKey(this)
  }
}

/** The call takes more of a limit than that ever gives: it was not sent, or not again. */
export class WeightExceedsLimitError extends RangeError {
  override readonly name = 'WeightExceedsLimitError' as const
  readonly key: string
  /** What the limit counts: "tokens". */
  readonly unit: string
  readonly weight: number
  readonly limit: number
  constructor(key: string, { unit, weight, limit }: { unit: string; weight: number; limit: number }, attempt = 0) {
    super(`The call weighs ${weight}, more than its limit of ${limit} ever gives: ${unsent(attempt)}`)
    this.key = key
    this.unit = unit
    this.weight = weight
    this.limit = limit
    hideKey(this)
  }
}
