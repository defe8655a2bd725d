import type { Call, Fetch, Next, WaitKind } from './contract.ts'
import type { CallEvent, EventListener } from './events.ts'
import { clock, later } from './clock.ts'
import { discard } from './discard.ts'
import { notify } from './callback.ts'
import { isResponse, NoResponseError, responseOf } from './errors.ts'
import { neverFires, onAbort } from './on-abort.ts'
import { outerOf, type Sending, startRepeating, whileSending } from './nested.ts'
import { noteRedirect, originOf } from './origin.ts'
import { isRepeatable, type Repeatable } from './repeatable.ts'
import { fromRequest, type Given, type Source } from './source.ts'

/** What a pipeline knows before a call begins. */
export interface Setting {
  readonly inner: Fetch
  readonly key: string | ((request: Request) => string) | undefined
  readonly timeoutMs: number | undefined
  readonly maxTotalWaitMs: number
  readonly replayLimitBytes: number
  readonly onEvent: EventListener | undefined
  readonly repeatable: Repeatable | undefined
  /** The call of another `fetch` that is sending at this moment. */
  readonly sending?: Sending | undefined
}

/** The facts that change as a call goes on. */
type Facts = 'attempt' | 'counted' | 'canReplay' | 'gaveUp' | 'observed' | 'repeating'
type Changing = Omit<LiveCall, Facts> & { -readonly [K in Facts]: LiveCall[K] }

/** A middleware with all below it, and its name, for what it may answer. */
export interface Chain {
  readonly by: string
  run(request: Request, call: LiveCall, last: Next): Promise<Response>
}

/** The pipeline's own side of a call. */
export interface LiveCall extends Call {
  /** The request for the next middleware: known to this call, its body not used up. A promise if that has to be read. */
  enter(request: Request): Request | Promise<Request>
  /** Sends a request: the bottom of the chain. */
  send(request: Request): Promise<Response>
  /** Runs the middlewares to the call's end. */
  run(chain: Chain): Promise<Response>
}

/** Emptied when the call ends: what a WeakMap holds and reaches its own key is only freed by a full collection. */
interface Handle {
  live: LiveCall | undefined
}

const handles = new WeakMap<Request, Handle>()

/** The call that a request belongs to, while it runs. */
export const liveCallOf = (request: Request): LiveCall | undefined => handles.get(request)?.live

let count = 0
let prefix: string | undefined
// Drawn late: Workers allow no randomness while a module loads.
const nextId = (): string => `${(prefix ??= Math.random().toString(36).slice(2, 8))}-${(++count).toString(36)}`

const timeoutError = (what: string, ms: number): DOMException =>
  new DOMException(`The ${what} timed out after ${ms} ms`, 'TimeoutError')

/** As often as p-retry, ky and the SDKs send by default, or once more. */
const MAX_ATTEMPTS = 4

/**
 * How long a failed attempt waits for the rest of its body, without which it is not sent again. One that is in memory takes some
 * turns of the event loop, one that somebody still writes may never end.
 */
const UNREAD_MS = 50

/** Nobody sends again what was answered so. */
const isGood = (response: Response | undefined): boolean => {
  try {
    return response?.ok === true
  } catch {
    // A test double that cannot be looked at.
    return false
  }
}

/** No error is this one. */
const NOTHING = Symbol('nothing')

/** Begins a call. Its state is here, whole: there is no other place to look. */
export const begin = (
  source: Source,
  given: Given,
  controller: AbortController | undefined,
  { inner, key, timeoutMs, maxTotalWaitMs, replayLimitBytes, onEvent, repeatable, sending }: Setting,
): LiveCall => {
  const caller = given.signal
  const outer = outerOf(sending, source.request)
  if (caller?.aborted) controller?.abort(caller.reason)
  // Of a call that nobody can abort, its Request's own serves as well as a new one.
  // A polyfill's signal is followed, as is a time limit; the caller's own goes on after the call has ended.
  const ours = timeoutMs === undefined && (!caller || caller instanceof AbortSignal) ? undefined : controller?.signal
  const signal = ours ?? caller ?? source.request.signal
  if (!controller && !caller) neverFires(signal)
  const began = clock()
  // Weak: a long poll replaces its request a thousand times.
  let replacements: WeakMap<Request, Source> | undefined
  const responses: Response[] = []
  let listeners: readonly { readonly listener: EventListener }[] = []
  let waits = { queue: 0, hold: 0, backoff: 0 }
  /** Since the first attempt was sent, or behind others that were refused, in milliseconds. */
  let totalWaitMs = 0
  let lastExcused = 0
  let lastError: unknown = NOTHING

  /** Requests whose bytes nobody reads yet. */
  const unread = new Set<Source>([source])

  const adopt = (known: Source): Source => {
    if (known !== source) (replacements ??= new WeakMap()).set(known.request, known)
    if (!known.canReplay) call.canReplay = false
    handles.set(known.request, handle)
    return known
  }

  const sourceOf = (request: Request): Source => {
    const known = request === source.request ? source : replacements?.get(request)
    if (known) return known
    const found = fromRequest(request, given, inner, source.canReplay ? replayLimitBytes : 0)
    unread.add(found)
    return adopt(found)
  }

  /** The signal for an attempt, where it is not simply what the caller gave. */
  const signalFor = (request: Request, limit: AbortSignal | undefined): AbortSignal | undefined => {
    // A Request made from another follows its signal only while that one is reachable: so the caller's is named again.
    const own = request === source.request ? undefined : request.signal
    if (!limit && !own && timeoutMs === undefined) return undefined
    // A polyfill's is followed by the call's.
    const theirs = timeoutMs === undefined && caller instanceof AbortSignal ? undefined : signal
    const signals = [caller, theirs, own, limit].filter((one) => one instanceof AbortSignal)
    return signals.length === 1 ? signals[0] : AbortSignal.any(signals)
  }

  /** Whether it can be sent again is asked once an attempt has ended. */
  const settle = async (from: Source, response?: Response): Promise<void> => {
    const settled = from.settle(isGood(response) ? 0 : UNREAD_MS)
    if (settled) await settled
    if (!from.canReplay) call.canReplay = false
  }

  const listen = (those: typeof listeners): void => {
    listeners = those
    call.observed = onEvent !== undefined || those.length > 0
  }

  // No getters: they would give each call a hidden class of its own, which only a full collection frees.
  const call: Changing = {
    id: nextId(),
    key: typeof key === 'function' ? key(source.request) : (key ?? originOf(source.request.url)),
    startedAt: Date.now(),
    attempt: 0,
    counted: 0,
    signal,
    deadline: timeoutMs === undefined ? Infinity : began + timeoutMs,
    canReplay: true,
    repeatable: isRepeatable(source.request, given.init?.['body'], repeatable),
    repeating: false,
    gaveUp: undefined,
    observed: onEvent !== undefined,
    attemptTimeoutMs: undefined,
    maxAttempts: MAX_ATTEMPTS,
    mayWaitMs: () => {
      const leftMs = call.deadline - clock()
      return call.attempt === 0 ? leftMs : Math.min(leftMs, maxTotalWaitMs - totalWaitMs)
    },
    fits: (waitMs) => waitMs < call.mayWaitMs(),
    maxTotalWaitMs,
    waited: (kind: WaitKind, ms, behindMs = 0) => {
      waits[kind] += ms
      totalWaitMs += call.attempt > 0 ? ms : behindMs
    },
    excuse: () => {
      if (call.attempt > lastExcused) call.counted--
      lastExcused = call.attempt
    },
    repeats: () => {
      call.gaveUp ??= startRepeating(outer, given.headers || given.init?.['headers'] ? source.request : undefined)
      call.repeating = true
    },
    giveUp: (by, reason) => {
      if (call.gaveUp) return
      call.gaveUp = { by, reason }
      outer?.giveUp(by, reason)
      if (call.observed) call.emit({ type: 'give-up', call: call.id, key: call.key, by, reason, attempt: call.attempt })
    },
    emit: (event: CallEvent) => {
      if (onEvent) notify(onEvent, event)
      for (const { listener } of listeners) notify(listener, event)
    },
    on: (listener) => {
      const entry = { listener }
      if (handle.live) listen([...listeners, entry])
      return () => listen(listeners.filter((one) => one !== entry))
    },

    enter: (request) => {
      const known = adopt(sourceOf(request))
      // The first that uses the body up leaves none for the next: whoever comes after gets the request anew.
      if (!known.request.bodyUsed || !known.canReplay) return known.request
      const anew = known.renew()
      return anew instanceof Promise ? anew.then((one) => adopt(one).request) : adopt(anew).request
    },

    send: async (request) => {
      if (signal.aborted) throw signal.reason
      const from = sourceOf(request)
      const attempt = (call.attempt += 1)
      call.counted++
      const spent = waits
      waits = { queue: 0, hold: 0, backoff: 0 }
      const sentAt = Date.now()
      const started = performance.now()
      const limitMs = call.attemptTimeoutMs
      const limit = limitMs === undefined ? undefined : new AbortController()
      const timer = limit && setTimeout(() => limit.abort(timeoutError('attempt', limitMs as number)), limitMs)
      const report = (outcome: { response: Response } | { error: unknown }): void => {
        if (!call.observed) return
        const { queue: queueMs, hold: holdMs, backoff: backoffMs } = spent
        const headersMs = performance.now() - started
        const facts = { call: call.id, key: call.key, attempt, request, sentAt, queueMs, holdMs, backoffMs, headersMs }
        call.emit({ type: 'attempt', ...facts, ...outcome })
      }
      try {
        const answer = from.send(signalFor(request, limit?.signal), (send) => whileSending({ call, request }, send))
        for (const one of unread) one.readBeside()
        unread.clear()
        const response = responseOf('fetch', await answer)
        clearTimeout(timer)
        await settle(from, response)
        if (signal.aborted) {
          // An inner fetch that does not listen: nobody waits for its answer any more.
          discard(response)
          throw signal.reason
        }
        responses.push(response)
        if (key === undefined) noteRedirect(request, response)
        report({ response })
        return response
      } catch (error) {
        clearTimeout(timer)
        await settle(from)
        lastError = error
        report({ error })
        throw error
      }
    },

    run: (chain) => {
      return new Promise<Response>((resolve, reject) => {
        const end = (returned: Response | undefined, all: boolean): void => {
          clearTimeout(timer)
          stopFollowing?.()
          stopListening()
          handle.live = undefined
          listen([])
          tidy(responses, returned, all)
        }
        const abort = (): void => controller?.abort(caller?.reason)
        const stop = (): void => {
          end(undefined, true)
          // As in `fetch`, whoever feeds the upload hears of the abort, even if nothing was sent yet.
          if (call.attempt === 0) source.cancel(signal.reason)
          reject(signal.reason)
        }
        const timer =
          timeoutMs === undefined
            ? undefined
            : later(() => controller?.abort(timeoutError('call', timeoutMs)), timeoutMs)
        const stopFollowing = caller && controller ? onAbort(caller, abort) : undefined
        const stopListening = onAbort(signal, stop)
        if (signal.aborted) {
          stop()
          return
        }
        const fail = (error: unknown): void => {
          if (!handle.live) return
          end(undefined, error === lastError)
          reject(error)
        }
        const work = async (): Promise<Response> => chain.run(source.request, call, call.send)
        work().then((response) => {
          if (!isResponse(response)) return fail(new NoResponseError(chain.by, response))
          if (!handle.live) return discard(response)
          end(response, responses.includes(response))
          resolve(response)
        }, fail)
      })
    },
  }
  const handle: Handle = { live: call }
  adopt(source)
  return call
}

/**
 * Cancels the answers that nobody will read: all of them, if what is handed on came from the transport itself. A
 * middleware's own Response or Error may still draw on what it got, but hardly on a failure that others followed.
 */
const tidy = (responses: readonly Response[], returned: Response | undefined, all: boolean): void => {
  for (const response of responses) {
    if (response === returned || (returned && response.body === returned.body)) continue
    if (all || (response !== responses.at(-1) && !response.ok)) discard(response)
  }
}
