/**
 * Gives up a response that nobody will read, so that its connection is free for the next request. Does nothing if the
 * body was read, is being read, or was given up before.
 */
export const discard = (response: Response): void => {
  const body = response.body
  // A test double may answer with a bare object; its body need not be a stream.
  if (!body || body.locked || typeof body.cancel !== 'function') return
  try {
    Promise.resolve(body.cancel()).catch(() => undefined)
  } catch {
    // A double whose cancel throws.
  }
}
