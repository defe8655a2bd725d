/** Gives a request of ky's the headers that middlewares have changed, and no others: hooks may have changed theirs. */
const copyHeaders = (request: Request, before: Headers, after: Headers): void => {
  for (const [name, value] of after) if (before.get(name) !== value) request.headers.set(name, value)
  for (const [name] of before) if (!after.has(name)) request.headers.delete(name)
}

/**
 * What middlewares made of a request of ky's, which they saw without a body that can be read but once. Returns a Request to
 * send in its place, if one is needed. `before` are the headers that they were shown.
 */
export const changed = (
  request: Request,
  before: Headers,
  target: string | URL | Request,
  init: RequestInit | undefined,
): Request | undefined => {
  if (!(target instanceof Request)) {
    copyHeaders(request, before, new Headers(init?.headers))
    return undefined
  }
  const { signal } = request
  if (init?.body != null) return new Request(target, { headers: target.headers, ...init, signal })
  if (target.body || !request.body) return new Request(target, { signal })
  return new Request(new Request(target.url, request), { method: target.method, headers: target.headers })
}
