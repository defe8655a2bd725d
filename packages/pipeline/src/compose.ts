import type { Call, Fetch, Middleware, Next } from './contract.ts'
import { newConstrainer, type Sharing } from './constrained.ts'
import type { Constraint, Line } from './constraint.ts'
import { LiveCall } from './call.ts'
import { liveCallOf } from './handles.ts'
import type { Setting } from './setting.ts'
import {
  bottom,
  type Chain,
  chainOf,
  type Handler,
  isHandled,
  type RelayHandler,
  setConstrainer,
  setHandler,
  setParts,
  setRelay,
} from './chain.ts'
import { responseOf } from './errors.ts'
import { type Given, take } from './given.ts'
import { callback, type Kind, list, read, string } from './options.ts'
import { sourceOf } from './requests.ts'
import { runCall } from './run.ts'
import { fromGiven, type GivenSource } from './source.ts'

export const REPLAY_LIMIT_BYTES: number = 2 ** 20
export const MAX_TOTAL_WAIT_MS = 300_000

/** Every `fetch` made here: one in place of the global one must not send to itself. */
export const ours: WeakSet<Fetch> = new WeakSet()

const isFetch = (value: Fetch): boolean =>
  ours.has(value) || value === globalThis.fetch || (/^\W?fetch$/i.test(value.name) && !isHandled(value as never))

const isMiddleware = (value: unknown, most: number, least = 0): boolean =>
  typeof value === 'function' && value.length >= least && value.length <= most && !isFetch(value as Fetch)

const TAKES = 'a middleware (request, next)'

/** In a list: any function might be one, but a `fetch`, and what wants more than it is given, such as a {@link Handler}. */
const listedMiddleware: Kind = { takes: TAKES, is: (value) => isMiddleware(value, 2) }

export const middlewares: Kind = list(listedMiddleware, 'a list of middlewares')

/** In place of options: what takes a request and `next`, and nothing else. */
export const someMiddleware: Kind = { takes: TAKES, is: (value) => isMiddleware(value, 2, 2) }

/** Builds its chain once, not per call. */
export const build = (of: string, given: readonly Middleware[]): Chain => {
  const all = read(middlewares, given, { of, path: 'middlewares', root: {} }) as readonly Middleware[]
  return chainOf(all)
}

const PLAIN: Omit<Setting, 'inner'> = {
  key: undefined,
  timeoutMs: undefined,
  maxTotalWaitMs: MAX_TOTAL_WAIT_MS,
  replayLimitBytes: REPLAY_LIMIT_BYTES,
  onEvent: undefined,
  repeatable: undefined,
  priority: undefined,
  weight: undefined,
}

/** Runs a chain on a request: inside the call it belongs to, or in a call and on a transport of its own. */
const runOn = (chain: Chain, request: Request, next: Next): Promise<Response> => {
  const running = liveCallOf(request)
  if (running) return chain.run(sourceOf(running, request), running, (source) => next(source.request))
  const inner: Fetch = (input, init) => next(init ? new Request(input, init) : (input as Request))
  return startOn(take(request, undefined, REPLAY_LIMIT_BYTES), { ...PLAIN, inner }, chain)
}

/** Begins a call and runs it. Synchronous as far as it can be: `fetch` sends in the same turn. */
export const startOn = (given: Given, setting: Setting, chain: Chain): Promise<Response> => {
  const { inner, replayLimitBytes, timeoutMs } = setting
  // What is shown follows the call, not the caller's signal, which may live for long and would gather followers.
  const follows = timeoutMs !== undefined || (given.origin === undefined && given.signal && given.init?.['signal'])
  const controller = follows ? new AbortController() : undefined
  let source: GivenSource
  try {
    source = fromGiven(given, inner, replayLimitBytes, controller?.signal)
  } catch {
    // What the platform refuses, the inner fetch may take, or refuses in its own words.
    const sending = given.init ? inner(given.target, given.init) : inner(given.target)
    return Promise.resolve(sending).then((answer) => responseOf(bottom.by, answer))
  }
  return runCall(new LiveCall(source, given, controller, setting), chain)
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
  setParts(composed, all)
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
export const middleware = (name: string, handler: Handler): Middleware => make(name, handler, setHandler)

/**
 * Makes a middleware that sends on what it is given, as it is, once or several times. It sees the method, the URL and its
 * {@link Call}; a Request is only made if it asks for that, which is most of what a call costs.
 *
 * @example
 * const again = relay('again', async (outgoing, next, call) => {
 *   const response = await next()
 *   return response.status === 503 && call.canReplay && outgoing.method === 'GET' ? next() : response
 * })
 */
export const relay = (name: string, handler: RelayHandler): Middleware => make(name, handler, setRelay)

/** A middleware that restricts when calls are sent, with a view of its state. */
export interface Constrained<C extends Constraint> extends Middleware {
  /** What stands at the door of each key. */
  constraints(): IterableIterator<[key: string, constraint: C]>
}

/**
 * Makes a middleware that restricts when calls are sent: its constraint stands at the door of each key, with those of the
 * other middlewares of the pipeline. `make` is called once for each key, and again for one that was not used for long. With
 * `sharing`, calls pass doors that are shared with other processes.
 *
 * @example
 * const oneAtATime = constrained('one-at-a-time', () => {
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
  sharing?: Sharing,
): Constrained<C> => {
  read(string(), name, { of: 'constrained', path: 'name', root: {} })
  read(callback, make, { of: `constrained ${name}`, path: 'make', root: {} })
  const constrainer = newConstrainer(name, make, sharing)
  const made: Middleware = async (request, next) => runOn(chain, request, next)
  Object.defineProperty(made, 'name', { value: name })
  setConstrainer(made, constrainer)
  const chain = chainOf([made])
  const constraints = function* (): IterableIterator<[string, C]> {
    for (const [key, { constraint }] of constrainer.states.entries()) yield [key, constraint]
  }
  return Object.assign(made, { constraints })
}

const make = <H>(name: string, handler: H, set: (made: Middleware, handler: H) => void): Middleware => {
  read(string(), name, { of: 'middleware', path: 'name', root: {} })
  read(callback, handler, { of: `middleware ${name}`, path: 'handler', root: {} })
  const made: Middleware = async (request, next) => runOn(chain, request, next)
  Object.defineProperty(made, 'name', { value: name })
  set(made, handler)
  const chain = chainOf([made])
  return made
}
