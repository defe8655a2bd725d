import type { Call, Fetch, GiveUp, RequestLine } from './contract.ts'
import { type Marked, repetitionMark } from './repeatable.ts'
import { warnOnce } from './warn-once.ts'

/** A call at the moment that it hands a request to its inner fetch. */
export interface Sending {
  readonly call: Call
  readonly request: RequestLine
}

let current: Sending | undefined

/** Sends a request by the inner fetch. One of ours that is called in the same turn sees by which call. */
export const sendBy = (
  inner: Fetch,
  sending: Sending,
  target: string | URL | Request,
  init?: RequestInit,
): Promise<Response> => {
  const before = current
  current = sending
  try {
    return init ? inner(target, init) : inner(target)
  } catch (error) {
    return Promise.reject(error)
  } finally {
    current = before
  }
}

/** Which call is handing a request to its inner fetch in this turn. */
export const sendingNow = (): Sending | undefined => current

/** The call that this request is sent by: not one of which it only fetches a token in between. */
export const outerOf = (sending: Sending | undefined, request: RequestLine): Call | undefined =>
  sending?.request.url === request.url && sending.request.method === request.method ? sending.call : undefined

const NESTED =
  'one aplomb sends through another one. The inner one does not send again what the outer one does; give `fetch` to one of them only.'
const REPEATED = (mark: string): string =>
  `a client library sends requests again that aplomb has sent again already (${mark}): switch its own retries off, \`maxRetries: 0\` or as it names it.`

/** Why a call that is sent by another one is not sent again by its own middlewares. */
const BY_OUTER: GiveUp = { by: 'pipeline', reason: 'the fetch around this one sends again' }

/**
 * A middleware sends failed requests again. Returns why it is not to, if the call around this one does. `marked` is a
 * request that may have a mark.
 */
export const startRepeating = (outer: Call | undefined, marked: Marked | undefined): GiveUp | undefined => {
  const mark = marked && repetitionMark(marked)
  if (mark) warnOnce('client-retries', REPEATED(mark))
  if (!outer?.repeating) return undefined
  warnOnce('nested', NESTED)
  return BY_OUTER
}
