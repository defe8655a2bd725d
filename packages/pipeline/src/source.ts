import type { Fetch } from './contract.ts'

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

type Init = Record<string, unknown>

/** The members of RequestInit that end up in a Request. Others belong to the inner fetch alone. */
const ON_REQUEST = [
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
const snapshot = (init: RequestInit, limitBytes: number): Init => {
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

type OneShot = ReadableStream<unknown> | AsyncIterable<unknown>

const isOneShot = (body: unknown): body is OneShot =>
  body instanceof ReadableStream || (typeof body === 'object' && body !== null && Symbol.asyncIterator in body)

const iterate = (body: OneShot): AsyncIterator<unknown> => {
  if (!(body instanceof ReadableStream)) return body[Symbol.asyncIterator]()
  // Not every browser iterates over streams.
  const reader = body.getReader()
  return {
    next: () => reader.read() as Promise<IteratorResult<unknown>>,
    return: async (reason) => {
      await reader.cancel(reason)
      return { done: true, value: undefined }
    },
  }
}

/**
 * A stream that touches the one behind it only when it is read. So the middlewares' Request can show the body of a
 * one-shot upload while the inner fetch still gets the caller's own.
 */
const lazily = (body: OneShot): ReadableStream<unknown> => {
  let iterator: AsyncIterator<unknown> | undefined
  return new ReadableStream<unknown>(
    {
      async pull(controller) {
        iterator ??= iterate(body)
        const { done, value } = await iterator.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel(reason) {
        iterator ??= iterate(body)
        await iterator.return?.(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

const print = (headers: Headers): string => {
  let text = ''
  headers.forEach((value, name) => (text += `${name}\0${value}\n`))
  return text
}

const hasBody = (request: Request): boolean =>
  request.body !== null && request.method !== 'GET' && request.method !== 'HEAD'

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
    if (!given || ON_REQUEST.every((name) => given[name] === undefined)) return fromRequest(input, inner, limitBytes, given)
    // The caller's Request is used up here, as it is in `fetch`. Own properties (openapi-fetch sets some) go along.
    const request = Object.assign(new Request(input, given as RequestInit), input)
    return fromRequest(request, inner, limitBytes, beside(given, input))
  }

  const target = input instanceof URL ? new URL(input) : input
  const body = given?.['body'] ?? (isForeign(input) ? input.body : undefined)
  const oneShot = isOneShot(body)
  const show = (): Request => {
    const shown = oneShot ? { ...given, body: lazily(body) } : given
    if (!isForeign(target)) return new Request(target, shown as RequestInit)
    const { url, method, headers } = target
    return new Request(url, { method, headers: [...headers], duplex: 'half', ...shown } as RequestInit)
  }

  const request = show()
  const shownHeaders = print(request.headers)
  const typeOfBody = body == null ? null : request.headers.get('content-type')

  /** The headers, if a middleware changed them in place, or the caller those of its Request after the call. */
  const changed = (): Headers | undefined => {
    const now = print(request.headers)
    if (now === (input instanceof Request && !given?.['headers'] ? print(input.headers) : shownHeaders)) return undefined
    const headers = new Headers(request.headers)
    // A type that only came with the body comes again with it; a form's would name another boundary.
    const own = new Headers(given?.['headers'] as HeadersInit | undefined)
    if (typeOfBody !== null && !own.has('content-type') && headers.get('content-type') === typeOfBody) headers.delete('content-type')
    return headers
  }

  return {
    request,
    canReplay: !oneShot,
    oneShot,
    send: (signal) => {
      const headers = changed()
      const args = given || headers || signal ? { ...given, ...(headers && { headers }), ...(signal && { signal }) } : undefined
      return args ? inner(target, args as RequestInit) : inner(target)
    },
    renew: () => {
      const headers = changed()
      return fromArguments(target, headers ? ({ ...given, headers } as RequestInit) : (given as RequestInit), inner, limitBytes)
    },
    settle: () => undefined,
    end: () => {},
  }
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

/**
 * A Request as such: the caller's, or one that a middleware put in its place. If it has a body, a copy of up to
 * `limitBytes` is kept while the first attempt sends it. A longer one is sent once.
 */
export const fromRequest = (request: Request, inner: Fetch, limitBytes: number, init?: Init): Source => {
  const sendWith = (more: Init | undefined, signal: AbortSignal | undefined): Promise<Response> => {
    const args = init || more || signal ? { ...init, ...more, ...(signal && { signal }) } : undefined
    return args ? inner(request, args as RequestInit) : inner(request)
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
    renew: () => fromRequest(Object.assign(new Request(request, again() as RequestInit), request), inner, limitBytes, init),
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
