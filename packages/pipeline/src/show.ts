import { type Given, isForeign, isSignal } from './given.ts'
import type { Init } from './snapshot.ts'

/** Stands in for the base of a URL that only the inner fetch can resolve. */
const SOMEWHERE = 'http://localhost'

/** What the middlewares see of what was given to `fetch`. Throws what that would reject with, if this makes no request. */
export const show = (given: Given, signal: AbortSignal | undefined, body: unknown): Request => {
  const { target, init } = given
  const streams: Init = body instanceof ReadableStream ? { body, duplex: 'half' } : body === undefined ? {} : { body }
  const follows: Init = signal && isSignal(init?.['signal']) ? { signal } : {}
  const args = { ...init, ...follows, ...streams }
  if (target instanceof Request) return ofRequest(target, given, args)
  if (isForeign(target)) {
    const { url, method, headers } = target
    return new Request(url, { method, headers: [...headers], ...(signal && { signal }), ...args })
  }
  return made(target, init || signal ? args : undefined, given.signal?.aborted)
}

const ofRequest = (target: Request, { init, signal }: Given, args: Init): Request => {
  const again = init?.['body'] != null && target.bodyUsed
  // Nobody will send it, but whoever feeds its body is to hear that from the body itself.
  if (signal?.aborted && !target.bodyUsed) return withOwn(new Request(target.url, { method: target.method }), target)
  // What is made of the Request itself uses it up in Chromium.
  const from = again ? target : target.clone()
  return withOwn(init ? new Request(from, args) : from, target)
}

const made = (target: string | URL, args: Init | undefined, aborted: boolean | undefined): Request => {
  try {
    return new Request(target, args)
  } catch (error) {
    const url = aborted || URL.canParse(target) ? undefined : URL.parse(target, SOMEWHERE)
    if (!url) throw error
    return new Request(url, args)
  }
}

/** Own properties that somebody has set on a Request (openapi-fetch does). What is under symbols is the platform's. */
export const withOwn = (request: Request, from: Request): Request => {
  for (const name of Object.keys(from))
    Object.defineProperty(request, name, Object.getOwnPropertyDescriptor(from, name) ?? {})
  return request
}
