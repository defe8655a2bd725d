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
