import { connectionReset, watched } from './bodies.ts'
import { type Answer, enter, type Exchange, readThen, waveThrough } from './exchange.ts'
import { type MockApiOptions, settle } from './options.ts'
import { type Content, unlimited } from './profile.ts'
import { createRoutes } from './routes.ts'
import { creditsLeft, creditsSpent, type LogEntry, logOf, type MockApiStats, newRun, statsOf } from './stats.ts'

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

export interface MockApi {
  /** The API as a `fetch`: no network, the same answers and the same failures. */
  readonly fetch: Fetch
  /** One step below `fetch`, to serve the API on a runtime that `@aplomb/mock-api/server` does not know. */
  readonly open: (request: Request) => Exchange
  readonly stats: () => MockApiStats
  /** The latest requests, at most `logSize`, in the order in which they ended. */
  readonly log: () => readonly LogEntry[]
  /** Back to the beginning: limits, credits, outages, chance and statistics. */
  readonly reset: () => void
}

/**
 * Creates a metered API that behaves, and misbehaves, as told.
 *
 * @throws RangeError or TypeError for an option that makes no sense, naming it, its value and what is accepted.
 * @example
 * const api = createMockApi({ windows: [{ limit: 20, windowMs: 1000 }], concurrency: 5 })
 * const response = await api.fetch('https://api.test/v1/lookup/1.2.3.4')
 */
export const createMockApi = <Name extends string = never>(options: MockApiOptions<Name> = {}): MockApi => {
  const settings = settle(options)
  let run = newRun()
  const app = createRoutes(settings, () => ({ spent: creditsSpent(run), left: creditsLeft(settings, run) }))

  const open = (request: Request): Exchange => {
    const isExempt = settings.exempt(request)
    if (isExempt) run.exempt++
    const go = (content?: Content): Exchange =>
      isExempt
        ? waveThrough(app, request, content && unlimited(content, run.memory))
        : enter(settings, app, run, request, content)
    return settings.profile === undefined ? go() : readThen(settings, app, request, go)
  }

  const fetch: Fetch = async (input, init) => {
    const signal = init?.signal === undefined ? (input instanceof Request ? input.signal : null) : init.signal
    // A Request listens to its signal for as long as it lives: with one of its own, nothing stays on the caller's.
    const gone = new AbortController()
    const request = new Request(input, { ...init, signal: gone.signal })
    signal?.throwIfAborted()
    const { answer, leave } = open(request)
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        leave()
        gone.abort(signal?.reason)
        if (!request.bodyUsed) request.body?.cancel(signal?.reason).catch(() => {})
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      const stopListening = () => signal?.removeEventListener('abort', onAbort)

      const onAnswer = ({ response, cut, streams }: Answer) => {
        stopListening()
        if (response === undefined) {
          leave()
          return reject(connectionReset())
        }
        if (response.body !== null && (cut || streams || settings.slotUntil === 'body-end')) {
          const body = watched(response.body, signal, cut, leave)
          return resolve(addressed(new Response(body, response), request))
        }
        leave()
        resolve(addressed(response, request))
      }
      answer.then(onAnswer, (error: unknown) => {
        stopListening()
        leave()
        reject(error)
      })
    })
  }

  return {
    fetch,
    open,
    stats: () => statsOf(settings, run),
    log: () => logOf(settings, run),
    reset() {
      run = newRun()
    },
  }
}

/** `fetch` tells where an answer came from; a Response made by hand has no `url`. */
const addressed = (response: Response, { url }: Request): Response =>
  Object.defineProperty(response, 'url', { value: url.split('#')[0], configurable: true, enumerable: true })
