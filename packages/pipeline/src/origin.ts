import type { Call, RequestLine } from './contract.ts'

/** As `new URL(url).origin` for a URL that a Request has normalised already, at a tenth of the cost. */
export const originOf = (url: string): string => {
  if (!url.startsWith('http')) return new URL(url).origin
  const host = url.indexOf('://') + 3
  const end = url.slice(host).search(/[/?#]/)
  const authority = end < 0 ? url.slice(host) : url.slice(host, host + end)
  return url.slice(0, host) + authority.slice(authority.lastIndexOf('@') + 1)
}

/** What comes before the path, and its origin; undefined if no fetch takes such a URL, or it names a user. */
const origins = new Map<string, string | undefined>()
/** A crawler meets more. */
const MOST_ORIGINS = 1000

/** The origin of an absolute http(s) URL that every platform makes a Request of; undefined of what has to be tried. */
export const plainOrigin = (url: string): string | undefined => {
  const host = url.startsWith('https://') ? 8 : url.startsWith('http://') ? 7 : 0
  if (host === 0) return undefined
  const end = url.indexOf('/', host)
  const head = end < 0 ? url : url.slice(0, end)
  const known = origins.get(head)
  if (known !== undefined || origins.has(head)) return known
  // The path may be anything; without one, a space at the end would be cut off.
  const parsed = URL.parse(`${head}/`)
  const origin = parsed && !parsed.username && !parsed.password ? parsed.origin : undefined
  if (origins.size >= MOST_ORIGINS) origins.clear()
  origins.set(head, origin)
  return origin
}

/** Where an answer came from, and when another process had sent its request, and heard it, on the `clock`. */
interface Origin {
  readonly key?: string | undefined
  readonly sentAt?: number | undefined
  readonly heardAt?: number | undefined
}

/** Of answers that came from another origin than was asked, or to another process. */
const NOWHERE: Origin = {}
const elsewhere = new WeakMap<Response, Origin>()

/**
 * Notes where an answer came from, if redirects led to another origin than the request was sent to. What came from elsewhere
 * without one is the work of the inner fetch: a proxy speaks for the API.
 */
export const noteRedirect = (request: RequestLine, response: Response | undefined): void => {
  try {
    if (response?.redirected !== true || !response.url) return
    const origin = originOf(response.url)
    if (origin !== originOf(request.url)) elsewhere.set(response, { key: origin })
  } catch {
    // A test double that cannot be looked at.
  }
}

/** Of an answer that another process has heard: it may have come from elsewhere, and its request was sent later than it was let through here. */
export const setOriginOfAnswer = (response: Response, origin: Origin): void => void elsewhere.set(response, origin)

/** When another process had sent it, and heard its answer. */
export const datesOf = (response: Response): Pick<Origin, 'sentAt' | 'heardAt'> => elsewhere.get(response) ?? NOWHERE

/**
 * The key that an answer's limits, waits and credits are about: the call's own; but where keys are origins, what another origin
 * says after a redirect is about that one. The verdict holds for the call all the same.
 */
export const keyOfAnswer = (call: Call, response: Response): string => elsewhere.get(response)?.key ?? call.key
