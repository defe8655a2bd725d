import type { Fetch, Outgoing } from './contract.ts'
import { type Given, isForeign } from './given.ts'
import { sendBy, type Sending } from './nested.ts'
import { isOneShot, lazily } from './one-shot.ts'
import { originOf } from './origin.ts'
import { show, withOwn } from './show.ts'
import { type Init, referrerOf } from './snapshot.ts'
import { newSpare, type Spare } from './spare.ts'

/**
 * Where the bytes of an attempt come from. The middlewares see `request`, if they look; what is sent is, as long as
 * nobody changed it, exactly what the caller gave.
 */
export interface Source extends Outgoing {
  readonly origin: string
  /** The Request, if anybody has asked for it. */
  readonly shown: Request | undefined
  /** Whether it can be sent again, as far as is known. */
  readonly canReplay: boolean
  /** Whether its bytes have to be read for that. */
  readonly reads: boolean
  /** Sends it. `signal` is given only if it is not the caller's own. */
  send(signal: AbortSignal | undefined, sending: Sending): Promise<Response>
  /** A request of the call is sent: the next attempt needs the bytes, and nothing else is to be kept. */
  readBeside(): void
  /** After an attempt: finds out whether it can be sent again. */
  settle(ms: number): Promise<void> | undefined
  /** The same once more, for a middleware above which another has used up the body of `request`. */
  renew(): Source | Promise<Source>
  /** Nobody will send it: whoever feeds the upload hears of it. */
  cancel(reason: unknown): void
}

/** The call that a source belongs to. */
export interface Owner {
  /** What a Request follows that is made of the caller's arguments. */
  followed(): AbortSignal | undefined
  /** A Request was made: it belongs to the call. */
  adopt(request: Request): void
}

/** What is the same for all that show one body. */
interface Upload {
  readonly spare: Spare | undefined
  readonly oneShot: boolean
  /** Whether the caller's own was handed to the inner fetch. */
  sent: boolean
}

/** Of a body, if any, that can be sent as often as one likes. */
const PLAIN: Upload = { spare: undefined, oneShot: false, sent: false }

const print = (headers: Headers): string => {
  let text = ''
  headers.forEach((value, name) => (text += `${name}\0${value}\n`))
  return text
}

/** Frees a branch of a body that nobody reads, which would keep all that goes through the other. */
export const give = (request: Request, reason?: unknown): void => {
  if (request.body && !request.body.locked) request.body.cancel(reason).catch(() => undefined)
}

/** `signal`: what is shown follows this one. Throws what `fetch` would reject with, if this makes no request. */
export const fromGiven = (
  given: Given,
  inner: Fetch,
  limitBytes: number,
  signal: AbortSignal | undefined = given.signal,
): GivenSource => {
  if (given.origin !== undefined) return new GivenSource(given, inner, PLAIN)
  const { target, init } = given
  const body = init?.['body']
  const own = target instanceof Request ? target : undefined
  const spare = own && body == null && !given.signal?.aborted ? newSpare(own, limitBytes) : undefined
  const streamed = isForeign(target) && body == null ? target.body : undefined
  const oneShot = streamed != null || isOneShot(body)
  const request = show(given, signal, oneShot ? lazily((streamed ?? body) as object) : (body ?? undefined))
  return new GivenSource(given, inner, { spare, oneShot, sent: false }, request)
}

/** What the caller gave. A class, as one is made for each call: a closure for each method costs more than all they do. */
export class GivenSource implements Source {
  owner: Owner | undefined
  readonly #given: Given
  readonly #inner: Fetch
  readonly #upload: Upload
  #shown: Request | undefined
  #headers: Headers | undefined
  #url: string | undefined
  /** The headers as they were first shown. */
  #print = ''
  #typeOfBody: string | null = null

  constructor(given: Given, inner: Fetch, upload: Upload, shown?: Request) {
    this.#given = given
    this.#inner = inner
    this.#upload = upload
    this.#shown = shown
    if (shown) this.#remember(shown)
  }

  #remember({ headers }: Request): void {
    this.#print = print(headers)
    if (this.#given.init?.['body'] != null) this.#typeOfBody = headers.get('content-type')
  }

  get shown(): Request | undefined {
    return this.#shown
  }

  get request(): Request {
    return this.#shown ?? this.#show()
  }

  #show(): Request {
    const { signal, init } = this.#given
    // When the call has ended, nothing is hung on the caller's signal any more.
    const follows = this.owner ? this.owner.followed() : signal?.aborted ? signal : new AbortController().signal
    const request = show(this.#given, follows, init?.['body'] ?? undefined)
    this.#shown = request
    this.#remember(request)
    this.owner?.adopt(request)
    return request
  }

  get method(): string {
    return this.#shown ? this.#shown.method : ((this.#given.init?.['method'] as string | undefined) ?? 'GET')
  }

  get url(): string {
    return this.#shown ? this.#shown.url : (this.#url ??= new URL(this.#given.target as string | URL).href)
  }

  get headers(): Headers {
    return (
      this.#shown?.headers ?? (this.#headers ??= new Headers(this.#given.init?.['headers'] as HeadersInit | undefined))
    )
  }

  get origin(): string {
    return this.#given.origin ?? originOf(this.url)
  }

  get canReplay(): boolean {
    const { oneShot, spare } = this.#upload
    return !oneShot && !spare?.lost
  }

  get reads(): boolean {
    return this.#upload.spare !== undefined
  }

  /** The headers, if a middleware changed them in place, or the caller those of its Request after the call. */
  #changed(): Headers | undefined {
    const request = this.#shown
    if (!request) return undefined
    const { init, headers: given, target } = this.#given
    const own = target instanceof Request ? target : undefined
    const theirs = own && init?.['headers'] == null && print(own.headers) !== print(given as Headers)
    if (!theirs && print(request.headers) === this.#print) return undefined
    const headers = new Headers(request.headers)
    // A type that only came with the body comes again with it; a form's would name another boundary.
    const before = new Headers((init?.['headers'] as HeadersInit | undefined) ?? given)
    if (!before.has('content-type') && headers.get('content-type') === this.#typeOfBody) headers.delete('content-type')
    return headers
  }

  #sendNow(signal: AbortSignal | undefined, sending: Sending, bytes?: Uint8Array): Promise<Response> {
    const { target, init, headers: theirs } = this.#given
    // Bun forgets the type of a body that is replaced.
    const headers = this.#changed() ?? (bytes && init?.['headers'] == null ? theirs : undefined)
    if (!headers && !signal && !bytes) return sendBy(this.#inner, sending, target, init)
    const more: Init = { ...(headers && { headers }), ...(signal && { signal }), ...(bytes && { body: bytes }) }
    // The caller's Request alone would keep its referrer.
    const kept = target instanceof Request && Object.keys(init ?? {}).length === 0 ? referrerOf(target) : undefined
    return sendBy(this.#inner, sending, target, { ...init, ...kept, ...more })
  }

  send(signal: AbortSignal | undefined, sending: Sending): Promise<Response> {
    const { spare, sent } = this.#upload
    if (!spare) return this.#sendNow(signal, sending)
    this.#upload.sent = true
    return sent ? spare.read().then(() => this.#sendNow(signal, sending, spare.bytes)) : this.#sendNow(signal, sending)
  }

  readBeside(): void {
    const { spare } = this.#upload
    const { target } = this.#given
    void spare?.read().then(() => {
      if (!spare.lost) return
      give(this.request)
      if (target instanceof Request && !this.#upload.sent) give(target)
    })
  }

  settle(ms: number): Promise<void> | undefined {
    return this.#upload.spare?.settle(ms)
  }

  renew(): Source | Promise<Source> {
    const { request } = this
    const { spare } = this.#upload
    const given = this.#given
    const headers = this.#changed()
    const now = headers ? { ...given, init: { ...given.init, headers } } : given
    const showing = (anew: Request): Source => new GivenSource(now, this.#inner, this.#upload, anew)
    if (!spare) return showing(show(now, request.signal, given.init?.['body'] ?? undefined))
    return spare.read().then(() => {
      const init = { ...referrerOf(request), headers: request.headers, body: spare.bytes ?? null }
      return showing(withOwn(new Request(request, init), request))
    })
  }

  cancel(reason: unknown): void {
    const { target } = this.#given
    this.#upload.spare?.drop(reason)
    if (this.#shown) give(this.#shown, reason)
    if (target instanceof Request) give(target, reason)
  }
}
