import type { Fetch } from './contract.ts'
import { copyOfBody, isOneShot, lazily } from './one-shot.ts'
import { beside, type Init, referrerOf, snapshot } from './snapshot.ts'

/**
 * Where the bytes of an attempt come from. The middlewares see `request`; what is sent is, as long as nobody changed
 * it, exactly what the caller gave.
 */
export interface Source {
  /** What the middlewares see. */
  readonly request: Request
  /** Whether it can be sent again. */
  readonly canReplay: boolean
  /** Sends it. `signal` is given only if it is not the caller's own. */
  send(signal?: AbortSignal): Promise<Response>
  /** The same once more, for a middleware above which another has used up the body of `request`. */
  renew(): Source
}

/** What was given to `fetch`, as it was at that moment. */
export interface Given {
  readonly target: string | URL | Request
  readonly init: Init | undefined
  /** The caller's own signal. */
  readonly signal: AbortSignal | undefined
  /** The headers of a Request. */
  readonly headers: Headers | undefined
}

/** A Request of another implementation (npm's undici): the inner fetch knows what to do with it, we only show it. */
const isForeign = (input: unknown): input is Pick<Request, 'url' | 'method' | 'headers' | 'body' | 'signal'> =>
  !(input instanceof Request) && typeof input === 'object' && input !== null && 'url' in input && 'headers' in input

const isSignal = (value: unknown): value is AbortSignal => value instanceof AbortSignal

/** Objects that only turn into a URL do so once, as in `fetch`. */
const targetOf = (input: string | URL | Request): string | URL | Request => {
  if (input instanceof URL) return new URL(input)
  return typeof input !== 'object' || input instanceof Request || isForeign(input) ? input : String(input)
}

/** Takes in the arguments of a `fetch`, before the caller can change them. */
export const take = (input: string | URL | Request, init: RequestInit | undefined, limitBytes: number): Given => {
  // What is no object at all is for `Request` to refuse.
  if (init != null && typeof init !== 'object' && typeof init !== 'function') void new Request(input, init)
  const copy = init == null ? undefined : snapshot(init, limitBytes)
  const request = input instanceof Request || isForeign(input) ? input : undefined
  const signal = copy && 'signal' in copy ? copy['signal'] : request?.signal
  return {
    target: targetOf(input),
    init: copy,
    signal: isSignal(signal) ? signal : undefined,
    headers: input instanceof Request ? new Headers(input.headers) : undefined,
  }
}

const print = (headers: Headers): string => {
  let text = ''
  headers.forEach((value, name) => (text += `${name}\0${value}\n`))
  return text
}

const hasBody = (request: Request): boolean =>
  request.body !== null && request.method !== 'GET' && request.method !== 'HEAD'

/** Throws what `fetch` would reject with, if this makes no request. At once unless a Request's body has to be read. */
export const fromGiven = (given: Given, inner: Fetch, limitBytes: number): Source | Promise<Source> => {
  const { target, init, signal } = given
  if (!(target instanceof Request) || !hasBody(target) || init?.['body'] != null) return showing(given, inner)
  if (target.bodyUsed || target.body?.locked || signal?.aborted || limitBytes === 0) return showing(given, inner)
  return (async () => showing(given, inner, await copyOfBody(target, limitBytes)))()
}

/** `bytes`: what is in the body of the Request that was given, as far as known. */
const showing = (given: Given, inner: Fetch, bytes?: Uint8Array): Source => {
  const { target, init } = given
  const own = target instanceof Request ? target : undefined
  const streamed = own && !own.bodyUsed && hasBody(own) ? own.body : isForeign(target) ? target.body : undefined
  const body = init?.['body'] ?? bytes ?? streamed
  const oneShot = isOneShot(body)
  const request = show(given, oneShot ? lazily(body) : (body ?? undefined))
  const shown = print(request.headers)
  const typeOfBody = init?.['body'] == null ? null : request.headers.get('content-type')

  /** The headers, if a middleware changed them in place, or the caller those of its Request after the call. */
  const changed = (): Headers | undefined => {
    const theirs = own && init?.['headers'] == null && print(own.headers) !== print(given.headers as Headers)
    if (!theirs && print(request.headers) === shown) return undefined
    const headers = new Headers(request.headers)
    // A type that only came with the body comes again with it; a form's would name another boundary.
    const before = new Headers((init?.['headers'] as HeadersInit | undefined) ?? given.headers)
    if (!before.has('content-type') && headers.get('content-type') === typeOfBody) headers.delete('content-type')
    return headers
  }

  return {
    request,
    canReplay: !oneShot,
    send: (signal) => {
      const headers = changed()
      const more: Init = { ...(headers && { headers }), ...(signal && { signal }) }
      if (bytes && own?.bodyUsed) more['body'] = bytes
      const adds = Object.keys(more).length > 0
      if (!init && !adds) return inner(target)
      // The caller's Request alone would keep its referrer.
      const kept = adds && own && Object.keys(init ?? {}).length === 0 ? referrerOf(own) : undefined
      return inner(target, { ...init, ...kept, ...more })
    },
    renew: () => {
      const headers = changed()
      return showing(headers ? { ...given, init: { ...init, headers } } : given, inner, bytes)
    },
  }
}

const show = ({ target, init, headers }: Given, body: unknown): Request => {
  const withBody: Init = body === undefined ? {} : { body }
  if (target instanceof Request) {
    // As bare `fetch` would, this refuses one that is used up.
    if (body === undefined && target.bodyUsed) return new Request(target, init)
    const half: Init = body instanceof ReadableStream && init?.['body'] == null ? { duplex: 'half' } : {}
    const args: Init = { headers, ...half, ...init, ...withBody }
    return withOwn(new Request(target, args), target)
  }
  if (!isForeign(target)) return new Request(target, body === undefined ? init : { ...init, ...withBody })
  const { url, method, headers: theirs, signal } = target
  const shared = isSignal(signal) ? { signal } : {}
  const args: Init = { method, headers: [...theirs], duplex: 'half', ...shared, ...init, ...withBody }
  return new Request(url, args)
}

/** Own properties that somebody has set on a Request (openapi-fetch does). What is under symbols is the platform's. */
const withOwn = (request: Request, from: Request): Request => {
  for (const name of Object.keys(from))
    Object.defineProperty(request, name, Object.getOwnPropertyDescriptor(from, name) ?? {})
  return request
}

/**
 * A Request that a middleware put in place of another: it is what is sent. `given` is what the call began with, for
 * what that Request does not keep.
 */
export const fromRequest = (
  request: Request,
  given: Given,
  inner: Fetch,
  limitBytes: number,
): Source | Promise<Source> => {
  if (!hasBody(request)) return replaced(request, given, inner, true)
  // A body that is used already fails in the inner fetch, with its own words.
  if (limitBytes === 0 || request.bodyUsed || request.body?.locked) return replaced(request, given, inner, false)
  return (async () => {
    const bytes = await copyOfBody(request, limitBytes)
    return replaced(request, given, inner, bytes !== undefined, bytes)
  })()
}

const replaced = (request: Request, given: Given, inner: Fetch, canReplay: boolean, bytes?: Uint8Array): Source => {
  const { target, init } = given
  const from: Init = { ...(target instanceof Request && referrerOf(target)), ...init }
  const kept: Init = { ...beside(init) }
  for (const name of ['referrer', 'referrerPolicy']) if (from[name] !== undefined) kept[name] = from[name]
  const again = (): Init => ({ ...referrerOf(request), body: bytes })
  const source: Source = {
    request,
    canReplay,
    send: (signal) => {
      const args: Init = { ...kept, ...(bytes && request.bodyUsed && again()), ...(signal && { signal }) }
      return Reflect.ownKeys(args).length > 0 ? inner(request, args) : inner(request)
    },
    renew: () => {
      if (!bytes) return source
      return replaced(withOwn(new Request(request, again()), request), given, inner, true, bytes)
    },
  }
  return source
}
