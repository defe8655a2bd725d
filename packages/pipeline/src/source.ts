import type { Fetch } from './contract.ts'
import { isOneShot, lazily } from './one-shot.ts'
import { beside, type Init, ON_REQUEST, snapshot } from './snapshot.ts'

/**
 * Where the bytes of an attempt come from. The middlewares see `request`; what is sent is, as long as nobody changed
 * it, exactly what the caller gave.
 */
export interface Source {
  /** What the middlewares see. */
  readonly request: Request
  /** Whether it can be sent again, as far as is known by now. */
  readonly canReplay: boolean
  /** Whether it never can, and must not be copied. */
  readonly oneShot: boolean
  /** Sends it. `signal` is given only if it is not the caller's own. */
  send(signal?: AbortSignal): Promise<Response>
  /** The same once more, for a middleware above which another has used up the body of `request`. */
  renew(): Source
  /** Resolves once `canReplay` is known, or soon after. */
  settle(): Promise<void> | undefined
  /** Lets go of everything that is still being read. */
  end(): void
}

const print = (headers: Headers): string => {
  let text = ''
  headers.forEach((value, name) => (text += `${name}\0${value}\n`))
  return text
}

const hasBody = (request: Request): boolean =>
  request.body !== null && request.method !== 'GET' && request.method !== 'HEAD'

/** Own properties that somebody has set on a Request. By name: what an implementation keeps under symbols is not ours. */
const withOwn = (request: Request, from: Request): Request => {
  for (const name of Object.keys(from))
    Object.defineProperty(request, name, Object.getOwnPropertyDescriptor(from, name) ?? {})
  return request
}

/** A Request of another implementation (npm's undici): the inner fetch knows what to do with it, we only show it. */
const isForeign = (input: unknown): input is Pick<Request, 'url' | 'method' | 'headers' | 'body'> =>
  !(input instanceof Request) && typeof input === 'object' && input !== null && 'url' in input && 'headers' in input

/** What a caller gave to `fetch`. Throws what `fetch` would reject with if it makes no request. */
export const fromArguments = (
  input: string | URL | Request,
  init: RequestInit | undefined,
  inner: Fetch,
  limitBytes: number,
): Source => {
  const given = init === undefined || init === null ? undefined : snapshot(init, limitBytes)
  if (input instanceof Request && hasBody(input) && given?.['body'] == null) {
    if (!given || ON_REQUEST.every((name) => given[name] === undefined))
      return fromRequest(input, inner, limitBytes, given)
    // The caller's Request is used up here, as it is in `fetch`. Own properties (openapi-fetch sets some) go along.
    const request = withOwn(new Request(input, given), input)
    return fromRequest(request, inner, limitBytes, beside(given, input))
  }

  const target = input instanceof URL ? new URL(input) : input
  const body = given?.['body'] ?? (isForeign(input) ? input.body : undefined)
  const oneShot = isOneShot(body)
  const show = (): Request => {
    const shown = oneShot ? { ...given, body: lazily(body) } : given
    if (!isForeign(target)) return new Request(target, shown)
    const { url, method, headers } = target
    return new Request(url, { method, headers: [...headers], duplex: 'half', ...shown } as RequestInit)
  }

  const request = show()
  const shownHeaders = print(request.headers)
  const typeOfBody = body == null ? null : request.headers.get('content-type')

  /** The headers, if a middleware changed them in place, or the caller those of its Request after the call. */
  const changed = (): Headers | undefined => {
    const now = print(request.headers)
    if (now === (input instanceof Request && !given?.['headers'] ? print(input.headers) : shownHeaders))
      return undefined
    const headers = new Headers(request.headers)
    // A type that only came with the body comes again with it; a form's would name another boundary.
    const own = new Headers(given?.['headers'] as HeadersInit | undefined)
    if (typeOfBody !== null && !own.has('content-type') && headers.get('content-type') === typeOfBody)
      headers.delete('content-type')
    return headers
  }

  return {
    request,
    canReplay: !oneShot,
    oneShot,
    send: (signal) => {
      const headers = changed()
      const args =
        given || headers || signal ? { ...given, ...(headers && { headers }), ...(signal && { signal }) } : undefined
      return args ? inner(target, args) : inner(target)
    },
    renew: () => {
      const headers = changed()
      return fromArguments(target, headers ? { ...given, headers } : given, inner, limitBytes)
    },
    settle: () => undefined,
    end: () => {},
  }
}

/**
 * A Request as such: the caller's, or one that a middleware put in its place. If it has a body, a copy of up to
 * `limitBytes` is kept while the first attempt sends it. A longer one is sent once.
 */
export const fromRequest = (request: Request, inner: Fetch, limitBytes: number, init?: Init): Source => {
  const sendWith = (more: Init | undefined, signal: AbortSignal | undefined): Promise<Response> => {
    const args = init || more || signal ? { ...init, ...more, ...(signal && { signal }) } : undefined
    return args ? inner(request, args) : inner(request)
  }
  const empty = !hasBody(request)
  // A body that is used already fails in the inner fetch, with its own words.
  if (empty || limitBytes === 0 || request.bodyUsed || request.body?.locked) {
    const source: Source = {
      request,
      canReplay: empty,
      oneShot: !empty,
      send: (signal) => sendWith(undefined, signal),
      renew: () => source,
      settle: () => undefined,
      end: () => {},
    }
    return source
  }

  const copy = keep(request, limitBytes)
  // A Request made anew from an init forgets where it came from, so that is said again.
  const again = (): Init => ({ body: copy.bytes, referrer: request.referrer, referrerPolicy: request.referrerPolicy })
  return {
    request,
    get canReplay() {
      return copy.bytes !== undefined
    },
    oneShot: false,
    send: (signal) => sendWith(request.bodyUsed && copy.bytes ? again() : undefined, signal),
    renew: () => fromRequest(withOwn(new Request(request, again()), request), inner, limitBytes, init),
    settle: () => (copy.reading ? Promise.race([copy.done, turns()]) : undefined),
    end: copy.end,
  }
}

interface Copy {
  bytes: Uint8Array | undefined
  reading: boolean
  done: Promise<void>
  end(): void
}

const keep = (request: Request, limitBytes: number): Copy => {
  const clone = request.clone()
  const reader = (clone.body as ReadableStream<Uint8Array> | null)?.getReader()
  const copy: Copy = {
    bytes: undefined,
    reading: true,
    done: Promise.resolve(),
    end: () => {
      if (copy.reading) reader?.cancel().catch(() => undefined)
      copy.reading = false
    },
  }
  const readAll = async (): Promise<Uint8Array | undefined> => {
    // Firefox shows no `body`, and has none that is not in memory already.
    if (!reader) return new Uint8Array(await clone.arrayBuffer())
    const chunks: Uint8Array[] = []
    let size = 0
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return concat(chunks, size)
      size += value.byteLength
      if (size > limitBytes) return undefined
      chunks.push(value)
    }
  }
  const read = async (): Promise<void> => {
    try {
      const bytes = await readAll()
      if (copy.reading && bytes && bytes.byteLength <= limitBytes) copy.bytes = bytes
    } catch {
      // The body failed: so does the attempt that sends it.
    } finally {
      copy.end()
    }
  }
  copy.done = read()
  return copy
}

const concat = (chunks: readonly Uint8Array[], size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

/**
 * A few turns of the event loop. An answer can be there before an in-memory body was read (a mock, an early refusal);
 * a live upload must not be waited for. Not a timer: fake timers would stop it.
 */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) {
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel()
      port1.addEventListener('message', () => {
        port1.close()
        resolve()
      })
      port1.start()
      port2.postMessage(null)
    })
  }
}
