/** What can be told about an error without looking at its stack. */
export type Facts = Record<string, unknown>

export const errorFacts = (error: unknown): Facts => {
  if (typeof error !== 'object' || error === null) return { thrown: error }
  const { name, message, code, cause } = error as Error & { code?: unknown }
  return {
    type: error.constructor.name,
    typeError: error instanceof TypeError,
    domException: error instanceof DOMException,
    name,
    message,
    code,
    ...(cause === undefined ? {} : { cause: errorFacts(cause) }),
  }
}

export const responseFacts = (response: Response): Facts => ({
  type: response.type,
  url: response.url,
  redirected: response.redirected,
  ok: response.ok,
  status: response.status,
  statusText: response.statusText,
  headers: [...response.headers].filter(([name]) => name !== 'date'),
  body: response.body === null ? null : response.body.constructor.name,
  bodyUsed: response.bodyUsed,
})

/** Everything a client can tell about how a call ended: the answer with its text, or the error. */
export const outcome = async (call: Promise<Response>): Promise<Facts> => {
  let response: Response
  try {
    response = await call
  } catch (error) {
    return { rejected: errorFacts(error) }
  }
  const answer = responseFacts(response)
  try {
    return { answer, text: await response.text(), usedUp: response.bodyUsed }
  } catch (error) {
    return { answer, broke: errorFacts(error) }
  }
}

export const errorOf = async (call: Promise<unknown>): Promise<unknown> => {
  try {
    await call
  } catch (error) {
    return error
  }
  throw new Error('expected a rejection')
}

/** One turn of the event loop: whatever is ready, microtasks included, has run. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Collects unhandled rejections until it is asked for them. */
export const watchRejections = (): (() => Promise<unknown[]>) => {
  const found: unknown[] = []
  const note = (reason: unknown): void => {
    found.push(reason)
  }
  process.on('unhandledRejection', note)
  return async () => {
    // Node reports after the microtasks of a turn.
    await turn()
    await turn()
    process.off('unhandledRejection', note)
    return found
  }
}
