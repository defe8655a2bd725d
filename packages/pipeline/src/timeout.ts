/** What a call or an attempt fails with that takes longer than it may. */
export const timeoutError = (what: string, ms: number): DOMException =>
  new DOMException(`The ${what} timed out after ${ms} ms`, 'TimeoutError')
