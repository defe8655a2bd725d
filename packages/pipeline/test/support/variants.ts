import { callOf, createFetch, middleware, type CallEvent, type Fetch, type Middleware } from '../../src/index.ts'

export const pass: Middleware = (request, next) => next(request)

/** Sends once more whatever the first answer was, unless the call says that it cannot. */
export const twice: Middleware = async (request, next) => {
  const first = await next(request)
  return callOf(request)?.canReplay === false ? first : next(request)
}

/** Bare fetch under the type of the house. */
export const bare: Fetch = (input, init) => (init === undefined ? fetch(input) : fetch(input, init))

const listen = (_event: CallEvent): void => {}

const ALL: Readonly<Record<string, (inner?: Fetch) => Fetch>> = {
  'an empty pipeline': (inner) => createFetch([], { fetch: inner }),
  'an observed, timed, empty pipeline': (inner) =>
    createFetch([], { fetch: inner, onEvent: listen, timeoutMs: 60_000 }),
  'a pass-through': (inner) => createFetch([pass], { fetch: inner }),
  'an observed, timed pass-through': (inner) =>
    createFetch([pass], { fetch: inner, onEvent: listen, timeoutMs: 60_000, key: 'k', replayLimitBytes: 16 }),
  'a pass-through that sees its call': (inner) =>
    createFetch([middleware('pass', (request, next) => next(request)), pass], { fetch: inner }),
  'a limit for each attempt': (inner) =>
    createFetch(
      [
        middleware('limit', (request, next, call) => {
          call.attemptTimeoutMs = 60_000
          return next(request)
        }),
      ],
      { fetch: inner },
    ),
  'a pipeline in a pipeline': (inner) => createFetch([pass], { fetch: createFetch([pass], { fetch: inner }) }),
}

/** Those that differ most; with DEEP set, as in CI, all are run. */
const BRIEF: ReadonlySet<string> = new Set([
  'an empty pipeline',
  'a pass-through',
  'an observed, timed pass-through',
  'a pipeline in a pipeline',
])

/** Pipelines that add nothing: each must be as good as its inner fetch. */
export const transparent: Readonly<Record<string, (inner?: Fetch) => Fetch>> = process.env['DEEP']
  ? ALL
  : Object.fromEntries(Object.entries(ALL).filter(([name]) => BRIEF.has(name)))
