/** A RequestInit with whatever else the inner fetch understands. */
export type Init = Record<string, unknown>

/** The members of RequestInit that end up in a Request. Others belong to the inner fetch alone. */
export const ON_REQUEST = [
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
] as const

/** Members with a meaning to `fetch` that a Request does not show again, or does not keep. */
const BESIDE_REQUEST = ['signal', 'duplex', 'priority', 'window', 'dispatcher'] as const

/** A copy that later changes to the caller's object do not reach. An init may be a Request or a class instance. */
export const snapshot = (init: RequestInit, limitBytes: number): Init => {
  const from = init as unknown as Init
  const copy: Init = {}
  for (const name in from) copy[name] = from[name]
  for (const name of [...ON_REQUEST, ...BESIDE_REQUEST]) if (from[name] !== undefined) copy[name] = from[name]
  if (copy['headers'] != null) copy['headers'] = copyHeaders(copy['headers'])
  copy['body'] = copyBody(copy['body'], limitBytes)
  if (copy['body'] === undefined) delete copy['body']
  return copy
}

const copyHeaders = (headers: unknown): unknown => {
  if (headers instanceof Headers) return new Headers(headers)
  if (typeof headers === 'object' && headers !== null && !(Symbol.iterator in headers)) return { ...headers }
  return typeof headers === 'object' ? Array.from(headers as Iterable<[string, string]>, (pair) => [...pair]) : headers
}

const copyBody = (body: unknown, limitBytes: number): unknown => {
  // Beyond the limit the caller's own bytes are sent: a second copy would double the memory of a large upload.
  if (body instanceof ArrayBuffer) return body.byteLength > limitBytes ? body : body.slice(0)
  if (ArrayBuffer.isView(body)) {
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

/** The members of an init that a Request made from it, or from `input`, has lost. */
export const beside = (init: RequestInit | Init | undefined, input?: unknown): Init | undefined => {
  const rest: Init = {}
  for (const name in init) if (!(ON_REQUEST as readonly string[]).includes(name)) rest[name] = (init as Init)[name]
  delete rest['signal']
  for (const name of ['referrer', 'referrerPolicy'] as const) {
    const value = (init as Init | undefined)?.[name] ?? (input instanceof Request ? input[name] : undefined)
    if (value && value !== 'about:client') rest[name] = value
  }
  return Object.keys(rest).length > 0 ? rest : undefined
}
