/** What an answer of a script may be. */
export type ScriptEntry =
  | number
  | ScriptedAnswer
  | Response
  | Error
  | ((request: Request) => Response | Promise<Response>)

export interface ScriptedAnswer {
  /** @default 200 */
  readonly status?: number | undefined
  // Not `HeadersInit`: only the DOM's types have that name.
  readonly headers?: ConstructorParameters<typeof Headers>[0]
  /** Text and bytes as they are; an object as JSON; `null` for no body. @default a small JSON object */
  readonly body?: string | Uint8Array<ArrayBuffer> | object | null | undefined
  /** Wait so long before answering, or until the request is aborted. @default 0 */
  readonly delayMs?: number | undefined
  /** Give this answer so often; `Infinity` for a script without an end. @default 1 */
  readonly times?: number | undefined
}

/**
 * What became of a response's body. `used` is for a `Response` object of your own: it was read or cancelled, which cannot
 * be told apart from outside.
 */
export type BodyState = 'none' | 'unread' | 'read' | 'cancelled' | 'used'

export interface ReceivedRequest {
  /** What the call was made with. */
  readonly input: string | URL | Request
  readonly init: RequestInit | undefined
  readonly method: string
  readonly url: string
  readonly headers: Headers
  /** The body as text; the call consumed it, as `fetch` does. */
  text(): Promise<string>
}

export interface SentResponse {
  readonly response: Response
  readonly bodyState: BodyState
}

export interface Respond {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>
  readonly calls: number
  readonly requests: readonly ReceivedRequest[]
  readonly responses: readonly SentResponse[]
  /** Responses whose body was neither read nor cancelled. */
  readonly unread: number
}

/** The script was called more often than it has answers. Not a TypeError: nobody may take it for a network failure. */
export class ScriptEndedError extends Error {
  override readonly name = 'ScriptEndedError' as const
  readonly calls: number

  constructor(calls: number, answers: number) {
    super(`respond: call ${calls} came, but the script has ${answers} answer${answers === 1 ? '' : 's'}`)
    this.calls = calls
  }
}

/**
 * A scripted `next` (or `fetch`) that gives its answers in order and remembers what it got. A number is a status, an `Error`
 * rejects, a function answers for itself (its Request has no signal). A call after the last answer rejects with `ScriptEndedError`.
 *
 * @example
 * const next = respond(503, { status: 429, headers: { 'retry-after': '1' } }, 200)
 */
export const respond = (...script: readonly ScriptEntry[]): Respond => {
  const answers = script.map(checked)
  const total = answers.reduce((sum, { times }) => sum + times, 0)
  const requests: ReceivedRequest[] = []
  const responses: SentResponse[] = []

  const take = (call: number): ScriptEntry | undefined => {
    let before = 0
    return answers.find(({ times }) => call <= (before += times))?.entry
  }

  const next = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const signal = init?.signal === undefined ? (input instanceof Request ? input.signal : null) : init.signal
    signal?.throwIfAborted()
    // Without the signal: a Request listens to it for as long as it lives, and tests count listeners.
    const request = new Request(input, { ...init, signal: null })
    requests.push(received(input, init, request))
    const entry = take(requests.length)
    if (entry === undefined) throw new ScriptEndedError(requests.length, total)
    if (entry instanceof Error) throw entry
    const sent = await unlessAborted(signal, (timer) => produce(entry, request, timer))
    responses.push(sent)
    return sent.response
  }

  return Object.defineProperties(next, {
    calls: { get: () => requests.length },
    requests: { value: requests },
    responses: { value: responses },
    unread: { get: () => responses.filter(({ bodyState }) => bodyState === 'unread').length },
  }) as Respond
}

const FIELDS = ['status', 'headers', 'body', 'delayMs', 'times']

const checked = (entry: ScriptEntry, index: number): { entry: ScriptEntry; times: number } => {
  const kind = entry === null ? 'null' : typeof entry
  if (!['number', 'object', 'function'].includes(kind)) {
    const accepted = 'a status, an object, a Response, an Error or a function'
    throw new TypeError(`respond: answer ${index + 1} is ${kind}, accepted: ${accepted}`)
  }
  const scripted = typeof entry === 'number' ? { status: entry } : isScripted(entry) ? entry : {}
  const { status = 200, delayMs = 0, times = 1 } = scripted
  const reject = (field: string, value: unknown, accepted: string): never => {
    throw new RangeError(`respond: answer ${index + 1} has the ${field} ${String(value)}, accepted: ${accepted}`)
  }
  for (const field of Object.keys(scripted)) {
    if (!FIELDS.includes(field)) {
      throw new TypeError(`respond: answer ${index + 1} has a field "${field}", accepted: ${FIELDS.join(', ')}`)
    }
  }
  if (!Number.isInteger(status) || status < 200 || status > 599) reject('status', status, '200 to 599')
  if (!(delayMs >= 0 && delayMs < 2 ** 31)) reject('delayMs', delayMs, '0 to 2147483647')
  if (!(times === Infinity || (Number.isInteger(times) && times > 0)))
    reject('times', times, 'a whole number from 1, or Infinity')
  return { entry, times }
}

const isScripted = (entry: ScriptEntry): entry is ScriptedAnswer =>
  typeof entry === 'object' && entry !== null && !(entry instanceof Response) && !(entry instanceof Error)

const received = (input: string | URL | Request, init: RequestInit | undefined, request: Request): ReceivedRequest => {
  const { method, url, headers } = request
  // A copy, so that a function in the script can read the body too.
  const text = request.body === null ? Promise.resolve('') : request.clone().text()
  // Whoever asks for the text still gets the error; nobody asking must not be an unhandled rejection.
  text.catch(() => {})
  return { input, init, method, url, headers, text: () => text }
}

type Timer = (ms: number) => Promise<void>

const produce = async (entry: Exclude<ScriptEntry, Error>, request: Request, wait: Timer): Promise<SentResponse> => {
  if (typeof entry === 'function') return own(await entry(request))
  if (entry instanceof Response) return own(entry)
  const {
    status = 200,
    headers,
    body,
    delayMs = 0,
  }: ScriptedAnswer = typeof entry === 'number' ? { status: entry } : entry
  if (delayMs > 0) await wait(delayMs)
  return build(status, new Headers(headers), body)
}

const own = (response: Response): SentResponse => ({
  response,
  get bodyState() {
    return response.body === null ? 'none' : response.bodyUsed ? 'used' : 'unread'
  },
})

const build = (status: number, headers: Headers, body: ScriptedAnswer['body']): SentResponse => {
  // These statuses cannot carry a body at all.
  if (body === null || [204, 205, 304].includes(status)) {
    return { response: new Response(null, { status, headers }), bodyState: 'none' }
  }
  const raw = typeof body === 'string' || body instanceof Uint8Array
  if (!raw && !headers.has('content-type')) headers.set('content-type', 'application/json')
  const text = raw ? body : JSON.stringify(body ?? { status })
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  let bodyState: BodyState = 'unread'
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        bodyState = 'read'
        if (bytes.length > 0) controller.enqueue(bytes)
        controller.close()
      },
      cancel() {
        bodyState = 'cancelled'
      },
    },
    { highWaterMark: 0 },
  )
  return {
    response: new Response(stream, { status, headers }),
    get bodyState() {
      return bodyState
    },
  }
}

const unlessAborted = <T>(signal: AbortSignal | null | undefined, run: (wait: Timer) => Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    run((ms) => new Promise((done) => (timer = setTimeout(done, ms))))
      .finally(() => signal?.removeEventListener('abort', onAbort))
      .then(resolve, reject)
  })
