import type { LiveCall } from './call.ts'

/** Emptied when the call ends: what a WeakMap holds and reaches its own key is only freed by a full collection. */
export interface Handle {
  live: LiveCall | undefined
}

export const handles: WeakMap<Request, Handle> = new WeakMap()

/** The call that a request belongs to, while it runs. */
export const liveCallOf = (request: Request): LiveCall | undefined => handles.get(request)?.live
