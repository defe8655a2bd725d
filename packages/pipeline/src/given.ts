import { plainOrigin } from './origin.ts'
import { type Init, snapshot } from './snapshot.ts'

/** What was given to `fetch`, as it was at that moment. */
export interface Given {
  readonly target: string | URL | Request
  readonly init: Init | undefined
  /** The caller's own signal. */
  readonly signal: AbortSignal | undefined
  /** The headers of a Request. */
  readonly headers: Headers | undefined
  /** Its origin, if every platform makes a Request of it: that may be made later, or not at all. */
  readonly origin: string | undefined
}

/** A Request of another implementation (npm's undici): the inner fetch knows what to do with it, we only show it. */
export const isForeign = (input: unknown): input is Pick<Request, 'url' | 'method' | 'headers' | 'body' | 'signal'> =>
  !(input instanceof Request) && typeof input === 'object' && input !== null && 'url' in input && 'headers' in input

/** The platform's, or a polyfill's that works alike. */
export const isSignal = (value: unknown): value is AbortSignal =>
  value instanceof AbortSignal ||
  (typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value)

/** Objects that only turn into a URL do so once, as in `fetch`. */
const targetOf = (input: string | URL | Request): string | URL | Request => {
  if (typeof input === 'string') return input
  if (input instanceof URL) return new URL(input)
  return typeof input !== 'object' || input instanceof Request || isForeign(input) ? input : String(input)
}

/** Written so, none is refused, nor changed. */
const PLAIN_METHODS: ReadonlySet<unknown> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

const isPlainHeaders = (headers: unknown): boolean => {
  if (headers === undefined || headers instanceof Headers) return true
  if (typeof headers !== 'object' || headers === null || Symbol.iterator in headers) return false
  for (const [name, value] of Object.entries(headers))
    if (!/^[\w-]+$/.test(name) || typeof value !== 'string' || !/^[ -~]*$/.test(value)) return false
  return true
}

const isPlainBody = (body: unknown, method: unknown): boolean => {
  if (body == null) return true
  if (method === undefined || method === 'GET' || method === 'HEAD') return false
  return (
    typeof body === 'string' ||
    body instanceof Uint8Array ||
    body instanceof URLSearchParams ||
    body instanceof FormData ||
    body instanceof Blob
  )
}

const isPlainSignal = (signal: unknown): boolean => signal == null || (signal instanceof AbortSignal && !signal.aborted)

/** Whether no platform refuses an init, and none of its members is shown but these. */
const isPlainInit = (init: Init): boolean => {
  for (const name of Reflect.ownKeys(init))
    if (name !== 'method' && name !== 'headers' && name !== 'body' && name !== 'signal') return false
  const { method, headers, body, signal } = init
  return (
    (method === undefined || PLAIN_METHODS.has(method)) &&
    isPlainBody(body, method) &&
    isPlainSignal(signal) &&
    isPlainHeaders(headers)
  )
}

const originOfPlain = (target: string | URL | Request, init: Init | undefined): string | undefined => {
  const url = typeof target === 'string' ? target : target instanceof URL ? target.href : undefined
  const origin = url === undefined ? undefined : plainOrigin(url)
  return origin === undefined || !init || isPlainInit(init) ? origin : undefined
}

/** Takes in the arguments of a `fetch`, before the caller can change them. */
export const take = (input: string | URL | Request, init: RequestInit | undefined, limitBytes: number): Given => {
  // What is no object at all is for `Request` to refuse.
  if (init != null && typeof init !== 'object' && typeof init !== 'function') void new Request(input, init)
  const copy = init == null ? undefined : snapshot(init, limitBytes)
  const target = targetOf(input)
  const request = target instanceof Request || isForeign(target) ? target : undefined
  const signal = copy && 'signal' in copy ? copy['signal'] : request?.signal
  return {
    target,
    init: copy,
    signal: isSignal(signal) ? signal : undefined,
    headers: target instanceof Request ? new Headers(target.headers) : undefined,
    origin: originOfPlain(target, copy),
  }
}
