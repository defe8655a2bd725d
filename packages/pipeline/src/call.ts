import type { Call, Fetch, GiveUp, WaitKind } from './contract.ts'
import type { CallEvent, EventListener } from './events.ts'
import { discard } from './discard.ts'
import { notify } from './notify.ts'
import { fromRequest, type Source } from './source.ts'

/** What a pipeline knows before a call begins. */
export interface Setting {
  readonly inner: Fetch
  readonly key: string | ((request: Request) => string) | undefined
  readonly timeoutMs: number | undefined
  readonly replayLimitBytes: number
  readonly onEvent: EventListener | undefined
}

/** The pipeline's own side of a call. */
export interface LiveCall extends Call {
  /** The request for the next middleware: known to this call, its body not used up. */
  enter(request: Request): Request
  /** Sends a request: the bottom of the chain. */
  send(request: Request): Promise<Response>
  /** Runs the middlewares to the call's end. */
  run(chain: (request: Request, call: LiveCall) => Promise<Response>): Promise<Response>
}

const calls = new WeakMap<Request, LiveCall>()
const ended = new WeakSet<LiveCall>()

/** The call that a request belongs to, while it runs. */
export const liveCallOf = (request: Request): LiveCall | undefined => {
  const call = calls.get(request)
  return call && !ended.has(call) ? call : undefined
}

let count = 0
let prefix: string | undefined
// Drawn late: Workers allow no randomness while a module loads.
const nextId = (): string => `${(prefix ??= Math.random().toString(36).slice(2, 8))}-${(++count).toString(36)}`

/** As `new URL(url).origin` for a URL that a Request has normalised already, at a tenth of the cost. */
const originOf = (url: string): string => {
  const host = url.indexOf('://') + 3
  if (host < 3) return 'null'
  const end = url.slice(host).search(/[/?#]/)
  const authority = end < 0 ? url.slice(host) : url.slice(host, host + end)
  return url.slice(0, host) + authority.slice(authority.lastIndexOf('@') + 1)
}

const timeoutError = (what: string, ms: number): DOMException =>
  new DOMException(`The ${what} timed out after ${ms} ms`, 'TimeoutError')

/** Begins a call. Its state is here, whole: there is no other place to look. */
export const begin = (
  source: Source,
  caller: AbortSignal | undefined,
  { inner, key, timeoutMs, replayLimitBytes, onEvent }: Setting,
  init?: Record<string, unknown>,
): LiveCall => {
  const controller = new AbortController()
  const signal = caller && timeoutMs === undefined ? caller : controller.signal
  const interruptible = caller !== undefined || timeoutMs !== undefined
  const began = performance.now()
  const sources = new Map<Request, Source>()
  const responses: Response[] = []
  const listeners = new Set<EventListener>(onEvent ? [onEvent] : [])
  let waits = { queue: 0, hold: 0, backoff: 0 }
  let excused = 0
  let partition: string | undefined

  const adopt = (request: Request, known?: Source): Source => {
    const limitBytes = source.oneShot ? 0 : replayLimitBytes
    const found = known ?? sources.get(request) ?? fromRequest(request, inner, limitBytes, init)
    sources.set(request, found)
    calls.set(request, call)
    return found
  }

  /** The signal for an attempt, where it is not simply what the caller gave. */
  const signalFor = (request: Request, limit: AbortSignal | undefined): AbortSignal | undefined => {
    // A Request made from another follows its signal only while that one is reachable: so the caller's is named again.
    const own = request === source.request ? undefined : request.signal
    if (!limit && !own && timeoutMs === undefined) return undefined
    const signals = [caller, timeoutMs === undefined ? undefined : signal, own, limit].filter(
      (one) => one !== undefined,
    )
    return signals.length === 1 ? signals[0] : AbortSignal.any(signals)
  }

  const call: LiveCall = {
    id: nextId(),
    get key() {
      return (partition ??= typeof key === 'function' ? key(source.request) : (key ?? originOf(source.request.url)))
    },
    startedAt: Date.now(),
    attempt: 0,
    get counted() {
      return call.attempt - excused
    },
    signal,
    deadline: timeoutMs === undefined ? Infinity : began + timeoutMs,
    get canReplay() {
      for (const one of sources.values()) if (!one.canReplay) return false
      return true
    },
    gaveUp: undefined,
    get observed() {
      return listeners.size > 0
    },
    attemptTimeoutMs: undefined,
    fits: (waitMs) => performance.now() + waitMs < call.deadline,
    waited: (kind: WaitKind, ms) => {
      waits[kind] += ms
    },
    excuse: () => {
      excused++
    },
    giveUp: (by, reason) => {
      if (call.gaveUp) return
      ;(call as { gaveUp: GiveUp }).gaveUp = { by, reason }
      if (call.observed) call.emit({ type: 'give-up', call: call.id, key: call.key, by, reason, attempt: call.attempt })
    },
    emit: (event: CallEvent) => {
      for (const listener of listeners) notify(listener, event)
    },
    on: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    enter: (request) => {
      const known = adopt(request)
      if (!request.bodyUsed || !known.canReplay) return request
      const renewed = known.renew()
      adopt(renewed.request, renewed)
      return renewed.request
    },

    send: async (request) => {
      if (signal.aborted) throw signal.reason
      const from = adopt(request)
      const attempt = ((call as { attempt: number }).attempt += 1)
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
        const response = await from.send(signalFor(request, limit?.signal))
        if (signal.aborted) {
          // An inner fetch that does not listen: nobody waits for its answer any more.
          discard(response)
          throw signal.reason
        }
        await from.settle()
        responses.push(response)
        report({ response })
        return response
      } catch (error) {
        report({ error })
        throw error
      } finally {
        clearTimeout(timer)
      }
    },

    run: (chain) => {
      return new Promise<Response>((resolve, reject) => {
        const end = (returned: Response | undefined): void => {
          clearTimeout(timer)
          caller?.removeEventListener('abort', abort)
          if (interruptible) signal.removeEventListener('abort', stop)
          ended.add(call)
          for (const one of sources.values()) one.end()
          tidy(responses, returned, signal.aborted)
        }
        const abort = (): void => controller.abort(caller?.reason)
        const stop = (): void => {
          end(undefined)
          // As in `fetch`, whoever feeds the upload hears of the abort, even if nothing was sent yet.
          if (call.attempt === 0 && !source.request.body?.locked)
            source.request.body?.cancel(signal.reason).catch(() => undefined)
          reject(signal.reason)
        }
        const timer =
          timeoutMs === undefined
            ? undefined
            : setTimeout(() => controller.abort(timeoutError('call', timeoutMs)), timeoutMs)
        if (signal !== caller) caller?.addEventListener('abort', abort)
        if (interruptible) signal.addEventListener('abort', stop)
        if (signal.aborted) {
          stop()
          return
        }
        const work = async (): Promise<Response> => chain(source.request, call)
        work().then(
          (response) => {
            if (ended.has(call)) discard(response)
            else {
              end(response)
              resolve(response)
            }
          },
          (error: unknown) => {
            if (ended.has(call)) return
            end(undefined)
            reject(error)
          },
        )
      })
    },
  }
  adopt(source.request, source)
  return call
}

/**
 * Cancels the answers that nobody will read. Careful where a middleware answers with a Response of its own, or throws:
 * that may still draw on what it got.
 */
const tidy = (responses: readonly Response[], returned: Response | undefined, aborted: boolean): void => {
  const ours = returned !== undefined && responses.includes(returned)
  for (const response of responses) {
    if (response === returned || (returned && response.body === returned.body)) continue
    const superseded = response !== responses.at(-1)
    if (aborted || ours || (superseded && !response.ok)) discard(response)
  }
}
