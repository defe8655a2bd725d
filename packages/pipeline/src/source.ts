import type { Fetch } from './contract.ts'
import { isOneShot, lazily } from './one-shot.ts'
import { beside, type Init, referrerOf, snapshot } from './snapshot.ts'
import { newSpare, type Spare } from './spare.ts'

/** Runs what calls the inner fetch, in whatever turn that is. */
type Within = (send: () => Promise<Response>) => Promise<Response>

/**
 * Where the bytes of an attempt come from. The middlewares see `request`; what is sent is, as long as nobody changed
 * it, exactly what the caller gave.
 */
export interface Source {
  /** What the middlewares see. */
  readonly request: Request
  /** Whether it can be sent again, as far as is known. */
  readonly canReplay: boolean
  /** Sends it. `signal` is given only if it is not the caller's own. */
  send(signal: AbortSignal | undefined, within: Within): Promise<Response>
  /** A request of the call is sent: the next attempt needs the bytes, and nothing else is to be kept. */
  readBeside(): void
  /** After an attempt: finds out whether it can be sent again. */
  settle(ms: number): Promise<void> | undefined
  /** The same once more, for a middleware above which another has used up the body of `request`. */
  renew(): Source | Promise<Source>
  /** Nobody will send it: whoever feeds the upload hears of it. */
  cancel(reason: unknown): void
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

/** The platform's, or a polyfill's that works alike. */
const isSignal = (value: unknown): value is AbortSignal =>
  value instanceof AbortSignal ||
  (typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value)

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

/** Frees a branch of a body that nobody reads, which would keep all that goes through the other. */
const give = (request: Request, reason?: unknown): void => {
  if (request.body && !request.body.locked) request.body.cancel(reason).catch(() => undefined)
}

/** `signal`: what is shown follows this one. Throws what `fetch` would reject with, if this makes no request. */
export const fromGiven = (
  given: Given,
  inner: Fetch,
  limitBytes: number,
  signal: AbortSignal | undefined = given.signal,
): Source => {
  const { target, init } = given
  const body = init?.['body']
  const own = target instanceof Request ? target : undefined
  const spare = own && body == null && !given.signal?.aborted ? newSpare(own, limitBytes) : undefined
  const streamed = isForeign(target) && body == null ? target.body : undefined
  const oneShot = streamed != null || isOneShot(body)
  const request = show(given, signal, oneShot ? lazily((streamed ?? body) as object) : (body ?? undefined))
  return showing(given, inner, request, { spare, oneShot, sent: false })
}

/** What is the same for all that show one body. */
interface Upload {
  readonly spare: Spare | undefined
  readonly oneShot: boolean
  /** Whether the caller's own was handed to the inner fetch. */
  sent: boolean
}

const showing = (given: Given, inner: Fetch, request: Request, upload: Upload): Source => {
  const { target, init } = given
  const { spare, oneShot } = upload
  const own = target instanceof Request ? target : undefined
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

  const sendNow = (signal: AbortSignal | undefined, bytes?: Uint8Array): Promise<Response> => {
    // Bun forgets the type of a body that is replaced.
    const headers = changed() ?? (bytes && init?.['headers'] == null ? given.headers : undefined)
    const more: Init = { ...(headers && { headers }), ...(signal && { signal }), ...(bytes && { body: bytes }) }
    const adds = Object.keys(more).length > 0
    if (!init && !adds) return inner(target)
    // The caller's Request alone would keep its referrer.
    const kept = adds && own && Object.keys(init ?? {}).length === 0 ? referrerOf(own) : undefined
    return inner(target, { ...init, ...kept, ...more })
  }

  return {
    request,
    get canReplay() {
      return !oneShot && !spare?.lost
    },
    send: async (signal, within) => {
      if (!spare) return within(() => sendNow(signal))
      if (!upload.sent) {
        upload.sent = true
        return within(() => sendNow(signal))
      }
      await spare.read()
      return within(() => sendNow(signal, spare.bytes))
    },
    readBeside: () => {
      void spare?.read().then(() => {
        if (!spare.lost) return
        give(request)
        if (own && !upload.sent) give(own)
      })
    },
    settle: (ms) => spare?.settle(ms),
    renew: () => {
      const headers = changed()
      const now = headers ? { ...given, init: { ...init, headers } } : given
      if (!spare) return showing(now, inner, show(now, request.signal, init?.['body'] ?? undefined), upload)
      return spare.read().then(() => {
        const anew = new Request(request, {
          ...referrerOf(request),
          headers: request.headers,
          body: spare.bytes ?? null,
        })
        return showing(now, inner, withOwn(anew, request), upload)
      })
    },
    cancel: (reason) => {
      spare?.drop(reason)
      give(request, reason)
      if (own) give(own, reason)
    },
  }
}

/** Stands in for the base of a URL that only the inner fetch can resolve. */
const SOMEWHERE = 'http://localhost'

const show = (given: Given, signal: AbortSignal | undefined, body: unknown): Request => {
  const { target, init } = given
  const aborted = given.signal?.aborted
  const streams: Init = body instanceof ReadableStream ? { body, duplex: 'half' } : body === undefined ? {} : { body }
  const follows: Init = signal && isSignal(init?.['signal']) ? { signal } : {}
  if (target instanceof Request) {
    const again = init?.['body'] != null && target.bodyUsed
    // Nobody will send it, but whoever feeds its body is to hear that from the body itself.
    if (aborted && !target.bodyUsed) return withOwn(new Request(target.url, { method: target.method }), target)
    // What is made of the Request itself uses it up in Chromium.
    const from = again ? target : target.clone()
    return withOwn(init ? new Request(from, { ...init, ...follows, ...streams }) : from, target)
  }
  if (isForeign(target)) {
    const { url, method, headers: theirs } = target
    return new Request(url, {
      method,
      headers: [...theirs],
      ...(signal && { signal }),
      ...init,
      ...follows,
      ...streams,
    })
  }
  const args = init || signal ? { ...init, ...follows, ...streams } : undefined
  try {
    return new Request(target, args)
  } catch (error) {
    const url = aborted || URL.canParse(target) ? undefined : URL.parse(target, SOMEWHERE)
    if (!url) throw error
    return new Request(url, args)
  }
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
export const fromRequest = (request: Request, given: Given, inner: Fetch, limitBytes: number): Source => {
  // A body that is used already fails in the inner fetch, with its own words.
  const gone = request.bodyUsed
  return replaced(request, given, inner, gone ? undefined : newSpare(request, limitBytes), gone)
}

const replaced = (request: Request, given: Given, inner: Fetch, spare: Spare | undefined, gone: boolean): Source => {
  const { target, init } = given
  const from: Init = { ...(target instanceof Request && referrerOf(target)), ...init }
  const kept: Init = { ...beside(init) }
  for (const name of ['referrer', 'referrerPolicy']) if (from[name] !== undefined) kept[name] = from[name]
  const again = (bytes: Uint8Array): Init => ({ ...referrerOf(request), headers: request.headers, body: bytes })
  let sent = false

  const sendNow = (signal: AbortSignal | undefined, bytes?: Uint8Array): Promise<Response> => {
    const args: Init = { ...kept, ...(bytes && again(bytes)), ...(signal && { signal }) }
    return Reflect.ownKeys(args).length > 0 ? inner(request, args) : inner(request)
  }

  const source: Source = {
    request,
    get canReplay() {
      return !gone && !spare?.lost
    },
    send: async (signal, within) => {
      if (!spare || (!sent && !request.bodyUsed)) {
        sent = true
        return within(() => sendNow(signal))
      }
      await spare.read()
      return within(() => sendNow(signal, spare.bytes))
    },
    readBeside: () => {
      void spare?.read().then(() => {
        if (spare.lost && !sent) give(request)
      })
    },
    settle: (ms) => spare?.settle(ms),
    renew: async () => {
      await spare?.read()
      const bytes = spare?.bytes
      if (!bytes) return source
      return fromRequest(withOwn(new Request(request, again(bytes)), request), given, inner, Infinity)
    },
    cancel: (reason) => {
      spare?.drop(reason)
      give(request, reason)
    },
  }
  return source
}
