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

/** The queue of a key was full: the call was not sent. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError' as const
  readonly key: string
  readonly maxQueue: number
  constructor(key: string, maxQueue: number) {
    super(`The queue is full (maxQueue ${maxQueue}): the call was not sent`)
    this.key = key
    this.maxQueue = maxQueue
    hideKey(this)
  }
}

/** No slot came free in time: the call was not sent. */
export class QueueTimeoutError extends Error {
  override readonly name = 'QueueTimeoutError' as const
  readonly key: string
  readonly queueTimeoutMs: number
  constructor(key: string, queueTimeoutMs: number) {
    super(`No slot came free within ${queueTimeoutMs} ms: the call was not sent`)
    this.key = key
    this.queueTimeoutMs = queueTimeoutMs
    hideKey(this)
  }
}
