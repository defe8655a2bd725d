import type { Call, Fetch, Middleware, Next } from './contract.ts'
import type { EventListener } from './events.ts'
import { begin, liveCallOf, type LiveCall, type Setting } from './call.ts'
import { type Sending, sendingNow } from './nested.ts'
import { checkRepeatable, type Repeatable } from './repeatable.ts'
import { fromGiven, type Given, type Source, take } from './source.ts'

/** A middleware that wants to see the call. */
export type Handler = (request: Request, next: Next, call: Call) => Promise<Response>

/** Options of {@link createFetch}. */
export interface CreateFetchOptions {
  /**
   * What sends requests in the end. @default the global `fetch`, looked up at each call; once that is a `fetch` made
   * here, the one that was there before it
   */
  readonly fetch?: Fetch | undefined
  /** The partition of a request: holds, limits and budgets are kept per key. @default the origin of its URL */
  readonly key?: string | ((request: Request) => string) | undefined
  /**
   * The time for the whole call with all its waits and attempts, to the response's headers, in milliseconds. Then it
   * rejects with a `TimeoutError`; a wait that would not fit is not begun. @default none
   */
  readonly timeoutMs?: number | undefined
  /**
   * How long a call may wait in all once it has been sent, in milliseconds: backing off, on hold, and in line for its
   * next attempt. Then its last answer is returned, its last error rethrown. @default 300000
   */
  readonly maxTotalWaitMs?: number | undefined
  /** Hears of everything that happens to every call. */
  readonly onEvent?: EventListener | undefined
  /** How much of the body of a `Request` is kept for sending it again, in bytes. @default 1 MiB */
  readonly replayLimitBytes?: number | undefined
  /**
   * Which requests may be sent again although the server may have carried them out, besides those with an idempotent
   * method or an idempotency key: `'all'`, methods, or a function of the request (one that throws says no).
   * @default those that their client library marks as ones that it would repeat by itself
   */
  readonly repeatable?: Repeatable | undefined
}

type Chain = (request: Request, call: LiveCall, last: Next) => Promise<Response>

/** Handlers behind the middlewares made by {@link middleware}: a link hands them their call without a look-up. */
const handlers = new WeakMap<Middleware, Handler>()

const REPLAY_LIMIT_BYTES = 2 ** 20
const MAX_TOTAL_WAIT_MS = 300_000

const bottom: Chain = (request, _call, last) => last(request)

const link = (one: Middleware, rest: Chain): Chain => {
  const handler = handlers.get(one)
  return (request, call, last) => {
    const next: Next = async (sent) => rest(sent, call, last)
    const run = (entered: Request): Promise<Response> => (handler ? handler(entered, next, call) : one(entered, next))
    const entered = call.enter(request)
    return entered instanceof Promise ? entered.then(run) : run(entered)
  }
}

const build = (middlewares: readonly Middleware[], where: string): Chain => {
  if (!Array.isArray(middlewares))
    throw new TypeError(`${where}: expected an array of middlewares, got ${describe(middlewares)}`)
  for (const [index, one] of middlewares.entries()) {
    if (typeof one !== 'function')
      throw new TypeError(`${where}: middleware ${index} must be a function, got ${describe(one)}`)
  }
  return middlewares.reduceRight<Chain>((rest, one) => link(one, rest), bottom)
}

const describe = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value

const PLAIN: Omit<Setting, 'inner'> = {
  key: undefined,
  timeoutMs: undefined,
  maxTotalWaitMs: MAX_TOTAL_WAIT_MS,
  replayLimitBytes: REPLAY_LIMIT_BYTES,
  onEvent: undefined,
  repeatable: undefined,
}

/** Runs a chain on a request: inside the call it belongs to, or in a call and on a transport of its own. */
const runOn = (chain: Chain, request: Request, next: Next): Promise<Response> => {
  const running = liveCallOf(request)
  if (running) return chain(request, running, next)
  const inner: Fetch = (input, init) => next(init ? new Request(input, init) : (input as Request))
  return startOn(take(request, undefined, REPLAY_LIMIT_BYTES), { ...PLAIN, inner }, (sent, call) =>
    chain(sent, call, call.send),
  )
}

/** Begins a call and runs it. Synchronous as far as it can be: `fetch` sends in the same turn. */
const startOn = (
  given: Given,
  setting: Setting,
  chain: (request: Request, call: LiveCall) => Promise<Response>,
): Promise<Response> => {
  const { inner, replayLimitBytes, timeoutMs } = setting
  // What is shown follows the call, not the caller's signal, which may live for long and would gather followers.
  const follows = timeoutMs !== undefined || (given.signal && given.init?.['signal'] !== undefined)
  const controller = follows ? new AbortController() : undefined
  let source: Source
  try {
    source = fromGiven(given, inner, replayLimitBytes, controller?.signal)
  } catch {
    // What the platform refuses, the inner fetch may take, or refuses in its own words.
    return given.init ? inner(given.target, given.init) : inner(given.target)
  }
  return begin(source, given, controller, setting).run(chain)
}

/** The call that a request belongs to, while it runs: for middlewares that were not made by {@link middleware}. */
export const callOf = (request: Request): Call | undefined => liveCallOf(request)

/**
 * Joins middlewares into one, the first outermost. The result works in any pipeline, and without one.
 *
 * @throws {TypeError} if one of them is not a function.
 */
export const compose = (...middlewares: readonly Middleware[]): Middleware => {
  const chain = build(middlewares, 'compose')
  return async function composed(request, next) {
    return runOn(chain, request, next)
  }
}

/**
 * Makes a middleware that sees its {@link Call}. Used outside of any pipeline, it begins a call of its own.
 *
 * @example
 * const stamp = middleware('stamp', async (request, next, call) => {
 *   const response = await next(request)
 *   console.log(`${request.url}: ${response.status} after ${call.attempt} attempts`)
 *   return response
 * })
 */
export const middleware = (name: string, handler: Handler): Middleware => {
  if (typeof handler !== 'function')
    throw new TypeError(`middleware ${name}: handler must be a function, got ${describe(handler)}`)
  const made: Middleware = async (request, next) => runOn(chain, request, next)
  Object.defineProperty(made, 'name', { value: name })
  handlers.set(made, handler)
  const chain = link(made, bottom)
  return made
}

/** Every `fetch` made here: one in place of the global one must not send to itself. */
const ours = new WeakSet<Fetch>()

/** The call that a `fetch` made here is called by, if it is: at its bottom, or in one of its middlewares. */
const sendingOf = (input: string | URL | Request): Sending | undefined => {
  const call = input instanceof Request ? liveCallOf(input) : undefined
  return call ? { call, request: input as Request } : sendingNow()
}

/** The global `fetch` as an inner one, and whether it is being called at this moment. */
const globalFetch = (): { readonly inner: Fetch; readonly isInside: () => boolean } => {
  const before = globalThis.fetch
  let depth = 0
  const inner: Fetch = (...args) => {
    const current = globalThis.fetch
    // A wrapper around the `fetch` made here comes back while it is being called.
    const target = depth > 0 || ours.has(current) ? before : current
    depth++
    try {
      // On its object: browsers insist on it.
      return target.apply(globalThis, args)
    } finally {
      depth--
    }
  }
  return { inner, isInside: () => depth > 0 }
}

/**
 * Makes a drop-in `fetch` that sends every request through the middlewares, the first outermost.
 *
 * @throws {TypeError | RangeError} if a middleware is not a function or an option makes no sense.
 * @example
 * const fetch = createFetch([backoffJitter(), retryAfter()], { timeoutMs: 30_000 })
 * const response = await fetch('https://api.example.com/v1/items')
 */
export const createFetch = (middlewares: readonly Middleware[], options: CreateFetchOptions = {}): Fetch => {
  const { fetch, key, timeoutMs, onEvent, replayLimitBytes = REPLAY_LIMIT_BYTES, repeatable } = options
  const { maxTotalWaitMs = MAX_TOTAL_WAIT_MS } = options
  const chain = build(middlewares, 'createFetch')
  for (const [name, value] of Object.entries({ fetch, onEvent })) {
    if (value !== undefined && typeof value !== 'function')
      throw new TypeError(`createFetch: ${name} must be a function, got ${describe(value)}`)
  }
  if (key !== undefined && typeof key !== 'function' && typeof key !== 'string') {
    throw new TypeError(`createFetch: key must be a string or a function, got ${describe(key)}`)
  }
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= 2 ** 31 - 1)) {
    throw new RangeError(`createFetch: timeoutMs must be above 0 and at most 2147483647, got ${timeoutMs}`)
  }
  if (!(typeof maxTotalWaitMs === 'number' && maxTotalWaitMs >= 0))
    throw new RangeError(`createFetch: maxTotalWaitMs must be 0 or more, got ${maxTotalWaitMs}`)
  if (!(replayLimitBytes >= 0))
    throw new RangeError(`createFetch: replayLimitBytes must be 0 or more, got ${replayLimitBytes}`)
  checkRepeatable('createFetch', repeatable)

  const { inner, isInside } = fetch ? { inner: fetch, isInside: () => false } : globalFetch()
  const setting: Setting = { inner, key, timeoutMs, maxTotalWaitMs, replayLimitBytes, onEvent, repeatable }
  const plain = middlewares.length === 0 && timeoutMs === undefined && onEvent === undefined

  const run = async (...args: Parameters<Fetch>): Promise<Response> => {
    // Without any argument there is nothing to show: browsers refuse it in their own words.
    if (plain || args.length < 1 || isInside()) return inner(...args)
    const [input, init] = args
    const sending = sendingOf(input)
    const given = take(input, init, replayLimitBytes)
    return startOn(given, sending ? { ...setting, sending } : setting, (request, call) =>
      chain(request, call, call.send),
    )
  }
  // As the platform's own: a plain function of this name and length, which never throws.
  const made: Fetch = (...args) => run(...args)
  Object.defineProperties(made, { name: { value: 'fetch' }, length: { value: 1 } })
  ours.add(made)
  return made
}
