import { createFetch, type Middleware } from '@aplomb/pipeline'
import { aplomb, type AplombOptions } from 'aplomb'
import { carrying } from './clones.ts'
import { type Exchange, type KyCallOptions, type KyRetry, newExchange } from './exchange.ts'
import { refuseMeaningless } from './meaningless.ts'
import { carried } from './run.ts'

/** Options of {@link kyHooks}: those of `aplomb()`, but for what ky does itself. */
export type KyHooksOptions = Omit<AplombOptions, 'fetch' | 'replayLimitBytes'>

/** A hook of either ky: 1.14 calls most of them with several values, 2 with one object. */
type Hook<Result> = (...given: unknown[]) => Result

/** Hooks for `ky.create()` and `ky.extend()`, of ky 1.14 as well as 2. */
export interface KyHooks {
  init: Hook<void>[]
  beforeRequest: Hook<Promise<Request | Response | undefined>>[]
  afterResponse: Hook<Promise<Response | undefined>>[]
  beforeError: Hook<never>[]
}

type Throwing = boolean | ((status: number) => boolean)

interface Hooks {
  readonly beforeRequest?: readonly unknown[]
  readonly afterResponse?: readonly unknown[]
  readonly beforeRetry?: readonly unknown[]
  readonly beforeError?: readonly unknown[]
}

/** What an `init` hook of ky 2 is given, to change it. */
interface InitOptions {
  fetch?: (request: Request, init?: RequestInit) => Promise<Response>
  hooks?: Hooks
  readonly throwHttpErrors?: Throwing
  readonly signal?: AbortSignal
}

/** What other hooks of ky 2 are given. */
interface HookState {
  readonly request: Request
  readonly options: KyCallOptions
  readonly retryCount: number
}

const throwsFor =
  (throwHttpErrors: Throwing = true) =>
  ({ ok, type, status }: Response): boolean =>
    !ok && type !== 'opaque' && (typeof throwHttpErrors === 'function' ? throwHttpErrors(status) : throwHttpErrors)

const without = (hooks: readonly unknown[] = [], own: unknown): readonly unknown[] => hooks.filter((one) => one !== own)

/** What is ky's own to decide, and by what. */
const DECIDED_BY_KY = { fetch: 'it is an option of ky itself', replayLimitBytes: 'ky keeps what it may send again' }
const ATTEMPTS = { attemptTimeoutMs: "ky's `timeout` is that" }

/**
 * Hooks by which ky's own loop is told whether, when and how often a request is sent again, and waits for its turn before
 * it sends: by these middlewares, or by all of aplomb with these options.
 *
 * @throws {TypeError | RangeError} if an option is unknown or makes no sense.
 * @example
 * const api = ky.extend({ hooks: kyHooks({ creditMeter: { budget: 10_000 } }) })
 * const items = await api.get('https://api.example.com/v1/items').json()
 */
export const kyHooks = (given: readonly Middleware[] | KyHooksOptions = {}): KyHooks => {
  const begin = carried((fetch, outermost) => {
    if (Array.isArray(given)) return createFetch([outermost, ...(given as readonly Middleware[])], { fetch })
    const options = given as KyHooksOptions
    refuseMeaningless('kyHooks: ', options, DECIDED_BY_KY)
    refuseMeaningless('kyHooks: backoffJitter.', options?.backoffJitter, ATTEMPTS)
    // What is wrong with them, it says itself.
    aplomb(options)
    const { observe = [] } = options
    return aplomb({ ...options, observe: [outermost, ...observe], fetch })
  })

  /** Of ky 1.14, whose hooks know their call by its options alone. */
  const exchanges = new WeakMap<KyRetry, Exchange>()

  const beforeRequest = async (
    request: Request,
    options?: KyCallOptions & { readonly throwHttpErrors?: Throwing },
    state?: { readonly retryCount: number },
  ): Promise<Request | Response | undefined> => {
    if (!options) return undefined
    const { retry, throwHttpErrors } = options
    const exchange =
      exchanges.get(retry) ?? newExchange(begin, { retry, throws: throwsFor(throwHttpErrors), keepsBodies: true })
    exchanges.set(retry, exchange)
    return exchange.pass(request, options, state?.retryCount ?? 0)
  }
  const afterResponse = async (
    _: Request,
    options?: KyCallOptions,
    response?: Response,
  ): Promise<Response | undefined> => options && response && exchanges.get(options.retry)?.heard(response)
  const beforeError = (error: Error & { readonly options?: KyCallOptions }): Error => {
    if (error.options) exchanges.get(error.options.retry)?.judge(error)
    return error
  }

  /** Of ky 2: here each call has hooks of its own, and a `fetch` that sees every answer before any hook does. */
  const init = (call: InitOptions): void => {
    const { fetch: theirs, hooks = {}, throwHttpErrors, signal } = call
    let exchange: Exchange | undefined
    const pass = ({ request, options, retryCount }: HookState): Promise<Request | Response | undefined> => {
      exchange ??= newExchange(begin, {
        retry: options.retry,
        throws: throwsFor(throwHttpErrors),
        keepsBodies: false,
        signal,
      })
      return exchange.pass(request, options, retryCount)
    }
    call.hooks = {
      ...hooks,
      // After theirs: what they stop takes no turn.
      beforeRequest: [...without(hooks.beforeRequest, beforeRequest), pass],
      beforeRetry: [...(hooks.beforeRetry ?? []), pass],
      afterResponse: without(hooks.afterResponse, afterResponse),
      beforeError: [
        ({ error }: { readonly error: Error }): Error => {
          exchange?.judge(error)
          exchange?.abandon(error)
          return error
        },
        ...without(hooks.beforeError, beforeError),
      ],
    }
    call.fetch = async (request, options) => {
      const sent = (await exchange?.arrive(request)) ?? request
      if (!(sent instanceof Request)) return sent
      let response: Response
      try {
        response = await (theirs ? theirs(sent, options) : globalThis.fetch(sent, options))
      } catch (error) {
        if (!exchange) throw error
        return exchange.failed(error)
      }
      return (await exchange?.heard(response)) ?? carrying(response)
    }
  }

  return {
    init: [init],
    beforeRequest: [beforeRequest],
    afterResponse: [afterResponse],
    beforeError: [beforeError],
  } as unknown as KyHooks
}
