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
