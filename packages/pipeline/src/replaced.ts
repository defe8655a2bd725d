import type { Fetch } from './contract.ts'
import type { Given } from './given.ts'
import { sendBy, type Sending } from './nested.ts'
import { originOf } from './origin.ts'
import { withOwn } from './show.ts'
import { beside, type Init, referrerOf } from './snapshot.ts'
import { give, type Source } from './source.ts'
import { newSpare, type Spare } from './spare.ts'

/**
 * A Request that a middleware put in place of another: it is what is sent. `given` is what the call began with, for
 * what that Request does not keep.
 */
export const fromRequest = (request: Request, given: Given, inner: Fetch, limitBytes: number): Source => {
  // A body that is used already fails in the inner fetch, with its own words.
  const gone = request.bodyUsed
  return replaced(request, given, inner, gone ? undefined : newSpare(request, limitBytes), gone)
}

const replaced = (request: Request, given: Given, inner: Fetch, spare: Spare | undefined, gone: boolean): Source => {
  const { target, init } = given
  const from: Init = { ...(target instanceof Request && referrerOf(target)), ...init }
  const kept: Init = { ...beside(init) }
  for (const name of ['referrer', 'referrerPolicy']) if (from[name] !== undefined) kept[name] = from[name]
  const again = (bytes: Uint8Array): Init => ({ ...referrerOf(request), headers: request.headers, body: bytes })
  let sent = false

  const sendNow = (signal: AbortSignal | undefined, sending: Sending, bytes?: Uint8Array): Promise<Response> => {
    const args: Init = { ...kept, ...(bytes && again(bytes)), ...(signal && { signal }) }
    return sendBy(inner, sending, request, Reflect.ownKeys(args).length > 0 ? args : undefined)
  }

  const source: Source = {
    request,
    shown: request,
    get method() {
      return request.method
    },
    get url() {
      return request.url
    },
    get headers() {
      return request.headers
    },
    get origin() {
      return originOf(request.url)
    },
    get canReplay() {
      return !gone && !spare?.lost
    },
    reads: spare !== undefined,
    send: (signal, sending) => {
      if (!spare || (!sent && !request.bodyUsed)) {
        sent = true
        return sendNow(signal, sending)
      }
      return spare.read().then(() => sendNow(signal, sending, spare.bytes))
    },
    readBeside: () => {
      void spare?.read().then(() => {
        if (spare.lost && !sent) give(request)
      })
    },
    settle: (ms) => spare?.settle(ms),
    renew: async () => {
      await spare?.read()
      const bytes = spare?.bytes
      if (!bytes) return source
      return fromRequest(withOwn(new Request(request, again(bytes)), request), given, inner, Infinity)
    },
    cancel: (reason) => {
      spare?.drop(reason)
      give(request, reason)
    },
  }
  return source
}
