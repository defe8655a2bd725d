import type { Call, Fetch, Middleware, Next } from './contract.ts'
import type { EventListener } from './events.ts'
import { begin, type Chain, liveCallOf, type Setting } from './call.ts'
import { guarded } from './callback.ts'
import { type Constrainer, newConstrainer, newGateways } from './constrained.ts'
import type { Constraint, Line } from './constraint.ts'
import { responseOf } from './errors.ts'
import { type Sending, sendingNow } from './nested.ts'
import {
  boolean,
  callback,
  either,
  type Kind,
  type KindsOf,
  list,
  milliseconds,
  number,
  oneOf,
  read,
  readOptions,
  string,
} from './options.ts'
import { originOf } from './origin.ts'
import { pass } from './passage.ts'
import { type Repeatable } from './repeatable.ts'
import { fromGiven, type Given, type Source, take } from './source.ts'

/** A middleware that restricts when calls are sent, with a view of its state. */
export interface Constrained<C extends Constraint> extends Middleware {
  /** What stands at the door of each key. */
  constraints(): IterableIterator<[key: string, constraint: C]>
}

/** A middleware that wants to see the call. */
export type Handler = (request: Request, next: Next, call: Call) => Promise<Response>

/** Options of {@link createFetch}. */
export interface CreateFetchOptions {
  /**
   * What sends requests in the end. @default the global `fetch`, looked up at each call; once that is a `fetch` made
   * here, the one that was there before it
   */
  readonly fetch?: Fetch | undefined
  /** The partition of a request: holds, limits and budgets are kept per key. @default the origin of its URL; also where the function fails */
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
   * method or an idempotency key: `'all'`, methods, or a function of the request (one that fails says no).
   * @default those that their client library marks as ones that it would repeat by itself
   */
  readonly repeatable?: Repeatable | undefined
}

const REPLAY_LIMIT_BYTES = 2 ** 20
const MAX_TOTAL_WAIT_MS = 300_000
/** Beyond, a timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** It may be an API key. */
const KEY: Kind = { ...string(), secret: true }

/** What each option of {@link createFetch} takes. */
export const createFetchOptions: KindsOf<CreateFetchOptions> = {
  fetch: callback,
  key: either(KEY, callback),
  timeoutMs: milliseconds({ above: 0, to: LONGEST_TIMER_MS }),
  maxTotalWaitMs: milliseconds({ from: 0 }),
  onEvent: callback,
  replayLimitBytes: number({ from: 0 }, 'bytes'),
  repeatable: either(oneOf('all'), list(string(), 'a list of methods'), callback),
}

/** What constrained middlewares bring to the door. */
const constrainers = new WeakMap<Middleware, Constrainer>()

/** What a middleware of {@link compose} is made of: its constraints stand at the door of the whole. */
const parts = new WeakMap<Middleware, readonly Middleware[]>()

/** Handlers behind the middlewares made by {@link middleware}: a link hands them their call without a look-up. */
const handlers = new WeakMap<Middleware, Handler>()

const bottom: Chain = { by: 'fetch', run: (request, _call, last) => last(request) }

const link = (one: Middleware, rest: Chain): Chain => {
  const handler = handlers.get(one)
  return {
    by: `middleware ${one.name || 'without a name'}`,
    run: (request, call, last) => {
      const next: Next = async (sent) => responseOf(rest.by, await rest.run(sent, call, last))
      const run = (entered: Request): Promise<Response> => (handler ? handler(entered, next, call) : one(entered, next))
      const entered = call.enter(request)
      return entered instanceof Promise ? entered.then(run) : run(entered)
    },
  }
}

/** Every `fetch` made here: one in place of the global one must not send to itself. */
const ours = new WeakSet<Fetch>()

const isFetch = (value: Fetch): boolean =>
  ours.has(value) || value === globalThis.fetch || (/^\W?fetch$/i.test(value.name) && !handlers.has(value as never))

const isMiddleware = (value: unknown, most: number, least = 0): boolean =>
  typeof value === 'function' && value.length >= least && value.length <= most && !isFetch(value as Fetch)

const TAKES = 'a middleware (request, next)'

/** In a list: any function might be one, but a `fetch`, and what wants more than it is given, such as a {@link Handler}. */
const listedMiddleware: Kind = { takes: TAKES, is: (value) => isMiddleware(value, 2) }

export const middlewares: Kind = list(listedMiddleware, 'a list of middlewares')

/** In place of options: what takes a request and `next`, and nothing else. */
export const someMiddleware: Kind = { takes: TAKES, is: (value) => isMiddleware(value, 2, 2) }

/** Where calls pass the door. */
const doorway = (all: readonly Constrainer[], rest: Chain): Chain => {
  const gatewayOf = newGateways(all)
  return {
    by: rest.by,
    run: (request, call, last) => {
      const next: Next = async (sent) => responseOf(rest.by, await rest.run(sent, call, last))
      const gateway = gatewayOf(call.key)
      gateway.count(1)
      return pass(request, call, next, { urgency: 3, gatewayOf }).finally(() => gateway.count(-1))
    },
  }
}

const chainOf = (given: readonly Middleware[]): Chain => {
  const all = given.flatMap((one) => parts.get(one) ?? [one])
  const outermost = all.findIndex((one) => constrainers.has(one))
  const constraints = all.map((one) => constrainers.get(one)).filter((one) => one !== undefined)
  return all.reduceRight<Chain>((rest, one, place) => {
    const inside = constrainers.has(one) && !handlers.has(one) ? rest : link(one, rest)
    return place === outermost ? doorway(constraints, inside) : inside
  }, bottom)
}

/** Builds its chain once, not per call. */
const build = (of: string, given: readonly Middleware[]): Chain =>
  chainOf(read(middlewares, given, { of, path: 'middlewares', root: {} }) as readonly Middleware[])

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
  if (running) return chain.run(request, running, next)
  const inner: Fetch = (input, init) => next(init ? new Request(input, init) : (input as Request))
  return startOn(take(request, undefined, REPLAY_LIMIT_BYTES), { ...PLAIN, inner }, chain)
}

/** Begins a call and runs it. Synchronous as far as it can be: `fetch` sends in the same turn. */
const startOn = (given: Given, setting: Setting, chain: Chain): Promise<Response> => {
  const { inner, replayLimitBytes, timeoutMs } = setting
  // What is shown follows the call, not the caller's signal, which may live for long and would gather followers.
  const follows = timeoutMs !== undefined || (given.signal && given.init?.['signal'] !== undefined)
  const controller = follows ? new AbortController() : undefined
  let source: Source
  try {
    source = fromGiven(given, inner, replayLimitBytes, controller?.signal)
  } catch {
    // What the platform refuses, the inner fetch may take, or refuses in its own words.
    const sending = given.init ? inner(given.target, given.init) : inner(given.target)
    return Promise.resolve(sending).then((answer) => responseOf(bottom.by, answer))
  }
  return begin(source, given, controller, setting).run(chain)
}

/** The call that a request belongs to, while it runs: for middlewares that were not made by {@link middleware}. */
export const callOf = (request: Request): Call | undefined => liveCallOf(request)

/**
 * Joins middlewares into one, the first outermost. The result works in any pipeline, and without one.
 *
 * @throws {TypeError} if one of them is none.
 */
export const compose = (...all: readonly Middleware[]): Middleware => {
  const chain = build('compose', all)
  const composed: Middleware = async (request, next) => runOn(chain, request, next)
  parts.set(composed, all.flatMap((one) => parts.get(one) ?? [one]))
  return composed
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
  read(string(), name, { of: 'middleware', path: 'name', root: {} })
  read(callback, handler, { of: `middleware ${name}`, path: 'handler', root: {} })
  const made: Middleware = async (request, next) => runOn(chain, request, next)
  Object.defineProperty(made, 'name', { value: name })
  handlers.set(made, handler)
  const chain = link(made, bottom)
  return made
}

/**
 * Makes a middleware that restricts when calls are sent: its constraint stands at the door of each key, with those of the
 * other middlewares of the pipeline. `make` is called once for each key, and again for one that was not used for long.
 *
 * @example
 * const oneATime = constrained('one-a-time', (key, line) => {
 *   let busy = false
 *   return {
 *     waitMs: () => (busy ? Infinity : 0),
 *     sent: () => void (busy = true),
 *     ended: () => void (busy = false),
 *   }
 * })
 */
export const constrained = <C extends Constraint>(
  name: string,
  make: (key: string, line: Line) => C,
  handler?: Handler,
): Constrained<C> => {
  read(string(), name, { of: 'constrained', path: 'name', root: {} })
  read(callback, make, { of: `constrained ${name}`, path: 'make', root: {} })
  const constrainer = newConstrainer(name, make)
  const made: Middleware = async (request, next) => runOn(chain, request, next)
  Object.defineProperty(made, 'name', { value: name })
  constrainers.set(made, constrainer)
  if (handler) handlers.set(made, handler)
  const chain = chainOf([made])
  const constraints = function* (): IterableIterator<[string, C]> {
    for (const [key, { constraint }] of constrainer.states.entries()) yield [key, constraint]
  }
  return Object.assign(made, { constraints })
}

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
 * @throws {TypeError | RangeError} if a middleware is none, or an option is unknown or makes no sense.
 * @example
 * const fetch = createFetch([backoffJitter(), retryAfter()], { timeoutMs: 30_000 })
 * const response = await fetch('https://api.example.com/v1/items')
 */
export const createFetch = (all: readonly Middleware[], options: CreateFetchOptions = {}): Fetch => {
  const chain = build('createFetch', all)
  const {
    fetch,
    key,
    timeoutMs,
    onEvent,
    replayLimitBytes = REPLAY_LIMIT_BYTES,
    repeatable,
    maxTotalWaitMs = MAX_TOTAL_WAIT_MS,
  } = readOptions('createFetch', options, createFetchOptions)

  const { inner, isInside } = fetch ? { inner: fetch, isInside: () => false } : globalFetch()
  const setting: Setting = {
    inner,
    key:
      typeof key === 'function'
        ? guarded(key, {
            name: 'key',
            answers: KEY,
            instead: 'the origin is taken',
            fallback: ({ url }) => originOf(url),
          })
        : key,
    timeoutMs,
    maxTotalWaitMs,
    replayLimitBytes,
    onEvent,
    repeatable:
      typeof repeatable === 'function'
        ? guarded(repeatable, {
            name: 'repeatable',
            answers: boolean,
            instead: 'the request is not repeatable',
            fallback: () => false,
          })
        : repeatable,
  }
  const plain = all.length === 0 && timeoutMs === undefined && onEvent === undefined

  const run = async (...args: Parameters<Fetch>): Promise<Response> => {
    // Without any argument there is nothing to show: browsers refuse it in their own words.
    if (plain || args.length < 1 || isInside()) return responseOf(bottom.by, await inner(...args))
    const [input, init] = args
    const sending = sendingOf(input)
    const given = take(input, init, replayLimitBytes)
    return startOn(given, sending ? { ...setting, sending } : setting, chain)
  }
  // As the platform's own: a plain function of this name and length, which never throws.
  const made: Fetch = (...args) => run(...args)
  Object.defineProperties(made, { name: { value: 'fetch' }, length: { value: 1 } })
  ours.add(made)
  return made
}
