/** A RequestInit with whatever else the inner fetch understands. */
export type Init = Record<string, unknown>

/** The members of RequestInit that end up in a Request. Others belong to the inner fetch alone. */
const ON_REQUEST: ReadonlySet<string> = new Set([
  'method',
  'headers',
  'body',
  'referrer',
  'referrerPolicy',
  'mode',
  'credentials',
  'cache',
  'redirect',
  'integrity',
  'keepalive',
  'signal',
])

/** What every object or function has. The latter's refuse to be read. */
const ROOTS: ReadonlySet<object> = new Set([Object.prototype, Function.prototype])

/**
 * A copy that later changes to the caller's object do not reach, each member read once, as `fetch` does. An init may be
 * a Request or another class instance, with its members as getters.
 */
export const snapshot = (init: RequestInit, limitBytes: number): Init => {
  const copy: Init = {}
  for (let level: object | null = init; level && !ROOTS.has(level); level = Object.getPrototypeOf(level)) {
    for (const name of Reflect.ownKeys(level) as string[]) {
      if (Object.hasOwn(copy, name) || name === '__proto__') continue
      const value = (init as unknown as Init)[name]
      if (value !== undefined && (level === init || typeof value !== 'function')) copy[name] = value
    }
  }
  if (copy['headers'] != null) copy['headers'] = copyHeaders(copy['headers'])
  if (copy['body'] != null) copy['body'] = copyBody(copy['body'], limitBytes)
  return copy
}

const copyHeaders = (headers: unknown): unknown => {
  if (headers instanceof Headers) return new Headers(headers)
  if (typeof headers !== 'object' || headers === null) return headers
  if (!(Symbol.iterator in headers)) return { ...headers }
  return Array.from(headers as Iterable<[string, string]>, (pair) => [...pair])
}

const copyBody = (body: unknown, limitBytes: number): unknown => {
  // Beyond the limit the caller's own bytes are sent: a second copy would double the memory of a large upload.
  if (body instanceof ArrayBuffer) return body.byteLength > limitBytes ? body : body.slice(0)
  if (ArrayBuffer.isView(body) && body.buffer instanceof ArrayBuffer) {
    if (body.byteLength > limitBytes) return body
    return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice()
  }
  if (body instanceof URLSearchParams) return new URLSearchParams(body)
  if (body instanceof FormData) {
    const copy = new FormData()
    for (const [name, value] of body) copy.append(name, value)
    return copy
  }
  return body
}

/** The members of an init that a Request made from it does not keep. */
export const beside = (init: Init | undefined): Init => {
  const rest: Init = {}
  for (const name of Reflect.ownKeys(init ?? {}) as string[]) {
    if (!ON_REQUEST.has(name)) rest[name] = init?.[name]
  }
  return rest
}

/** A Request made anew with an init forgets where it came from; this says it again. */
export const referrerOf = (request: Request): Init =>
  request.referrer === 'about:client' && !request.referrerPolicy
    ? {}
    : { referrer: request.referrer, referrerPolicy: request.referrerPolicy }
