import ky2, { type KyInstance } from 'ky'
import ky1 from 'ky-1'
import ky1Oldest from 'ky-1-oldest'

/** Each version that the package is for. Their types differ in what hooks are given; the tests give both. */
export const VERSIONS: readonly (readonly [version: string, ky: KyInstance, major: 1 | 2])[] = [
  ['2.1.0', ky2, 2],
  ['1.14.3', ky1 as unknown as KyInstance, 1],
  ['1.14.2', ky1Oldest as unknown as KyInstance, 1],
]

/** What a hook is given, whichever version calls it. */
export interface Seen {
  readonly request: Request
  readonly options: { readonly context: Record<string, unknown>; readonly retry: { limit: number } }
  readonly response: Response
  readonly error: Error & { readonly response?: Response; readonly data?: unknown; readonly code?: string }
  readonly retryCount: number
}

type Hook = (seen: Seen) => unknown

const HOOKS = ['beforeRequest', 'afterResponse', 'beforeError'] as const

/** Hooks written once for both: 1.14 gives most of them several values, 2 one object. */
export const hooksOf = (
  major: 1 | 2,
  hooks: Readonly<Partial<Record<(typeof HOOKS)[number] | 'beforeRetry', Hook>>>,
) => {
  const { beforeRequest, afterResponse, beforeError, beforeRetry } = hooks
  const made: Record<string, unknown[]> = {}
  if (beforeRetry) made['beforeRetry'] = [beforeRetry]
  if (beforeRequest)
    made['beforeRequest'] = [
      major === 2
        ? beforeRequest
        : (request: Request, options: Seen['options'], state: object) =>
            beforeRequest({ request, options, ...state } as Seen),
    ]
  if (afterResponse)
    made['afterResponse'] = [
      major === 2
        ? afterResponse
        : (request: Request, options: Seen['options'], response: Response, state: object) =>
            afterResponse({ request, options, response, ...state } as Seen),
    ]
  if (beforeError)
    made['beforeError'] = [
      major === 2 ? beforeError : (error: Seen['error'], state: object) => beforeError({ error, ...state } as Seen),
    ]
  return made as object
}
