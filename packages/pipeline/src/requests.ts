import type { LiveCall } from './call.ts'
import { fromRequest } from './replaced.ts'
import type { Source } from './source.ts'

const keep = (call: LiveCall, found: Source): Source => {
  if (!found.canReplay) call.canReplay = false
  call.replacements ??= new WeakMap()
  call.replacements.set(found.request, found)
  return found
}

const replace = (call: LiveCall, request: Request): Source => {
  const { inner, replayLimitBytes } = call.setting
  const found = fromRequest(request, call.given, inner, call.source.canReplay ? replayLimitBytes : 0)
  if (found.reads) (call.unread ??= []).push(found)
  return keep(call, found)
}

/** Where the bytes of a Request come from that a middleware sends on. */
export const sourceOf = (call: LiveCall, request: Request): Source => {
  const known = request === call.source.shown ? call.source : call.replacements?.get(request)
  return known ?? replace(call, request)
}

/** For the next middleware that looks: a Request known to the call, its body not used up. A promise if that has to be read. */
export const enter = (call: LiveCall, source: Source): Source | Promise<Source> => {
  const { request } = source
  call.adopt(request)
  // The first that uses the body up leaves none for the next: whoever comes after gets the request anew.
  if (!request.bodyUsed || !source.canReplay) return source
  const renewed = (anew: Source): Source => {
    call.adopt(anew.request)
    return keep(call, anew)
  }
  const anew = source.renew()
  return anew instanceof Promise ? anew.then(renewed) : renewed(anew)
}
