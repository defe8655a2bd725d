import { onAbort, type Verdict, verdictOf, verdictOfError } from '@aplomb/pipeline'
import { changed } from './changes.ts'
import { carrying } from './clones.ts'
import { type Judged, SentAgainError } from './errors.ts'
import type { Begin, Run, Turn } from './run.ts'

/** What is asked of ky's `shouldRetry`. */
interface RetryState {
  readonly error: Error
  readonly retryCount: number
}

/** ky's own options of one call, as its hooks see them. It looks at them before each retry. */
export interface KyRetry {
  limit: number
  methods: string[]
  delay: (attempt: number) => number
  jitter?: boolean | ((delayMs: number) => number) | undefined
  readonly retryOnTimeout: boolean
  shouldRetry?: ((state: RetryState) => boolean | undefined | Promise<boolean | undefined>) | undefined
}

export interface KyCallOptions {
  readonly retry: KyRetry
  readonly body?: unknown
  readonly priority?: unknown
}

/** One call of ky's: whatever ky asks between two requests is answered here. */
export interface Exchange {
  /** Before a request is sent: waits for its turn. Returns a Request to send instead, or a Response in place of an answer. */
  pass(request: Request, options: KyCallOptions, retryCount: number): Promise<Request | Response | undefined>
  /** A request is being sent: one that no hook has let pass, as another hook came before, waits for its turn now. */
  arrive(request: Request): Promise<Request | Response | undefined>
  /** The answer has come. Returns what is to be used; nothing, where ky is to throw for it and send again. */
  heard(response: Response): Promise<Response | undefined>
  /** The request has failed. Throws what it has failed with in the end. */
  failed(error: unknown): Promise<Response>
  /** An error that ky throws gets the verdict. */
  judge(error: unknown): void
  /** ky sends nothing more. */
  abandon(reason: unknown): void
}

/** How a call of the pipeline has ended. */
interface Outcome {
  readonly error: unknown
  /** Whether a middleware has decided that it is over; else ky's own rules have a say. */
  readonly decided: boolean
  readonly retryable: boolean
}

/** Methods that may be sent again by themselves (RFC 9110 section 9.2.2, RFC 10008): of these ky's own list decides. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['get', 'head', 'options', 'trace', 'put', 'delete', 'query'])

/** What can be shown to middlewares without being used up. */
const isReplayable = (body: unknown): body is BodyInit =>
  typeof body === 'string' ||
  body instanceof URLSearchParams ||
  body instanceof FormData ||
  body instanceof Blob ||
  body instanceof ArrayBuffer ||
  ArrayBuffer.isView(body)

const isAgain = (turn: Turn | undefined): boolean => turn?.kind === 'again' || turn?.kind === 'send'

/** Whether the pipeline has ordered a request, be it that its turn has come too soon. */
const isOrdered = (run: Run | undefined): boolean => run?.lapsed === true || isAgain(run?.turn)

/** What is known of a call of ky's before its first request. */
export interface KyCall {
  readonly retry: KyRetry
  /** For which answers ky throws. */
  readonly throws: (response: Response) => boolean
  /** Whether ky keeps all bodies for sending them again, whatever its limit. */
  readonly keepsBodies: boolean
  /** The signal that ky was given: after a time-out, that of its request has fired, and ky 2 makes it anew only when it sends. */
  readonly signal?: AbortSignal | undefined
}

/** Changes `retry`: ky is to ask whether, and not to wait by itself for what has waited already. */
export const newExchange = (begin: Begin, { retry, throws, keepsBodies, signal: own }: KyCall): Exchange => {
  const { limit, delay, jitter, shouldRetry } = retry
  const methods = [...retry.methods]
  let run: Run | undefined
  let shown: Headers
  /** The request that ky sends now. Its signal fires only as long as it can be reached. */
  let current: Request | undefined
  let stopListening: (() => void) | undefined
  let retryCount = 0
  let passed = false
  let timedOut = false
  /** Requests of former calls that do not count against ky's limit. */
  let excusedBefore = 0
  /** Whether the pipeline has ordered the next retry, so that it is the one that waits. */
  let ordered = false
  let outcome: Outcome | undefined
  /** Comes in place of the next answer. */
  let kept: Response | undefined
  let verdict: Verdict | undefined

  const excused = (): number => excusedBefore + (run ? run.call.attempt - run.call.counted : 0)

  /** ky may send once more, and asks before it does. */
  const permit = (): void => {
    retry.limit = retryCount + 1
    retry.methods = [...IDEMPOTENT, 'post', 'patch', current?.method.toLowerCase() ?? 'get']
  }

  /** ky's own limits hold. */
  const restrict = (): void => {
    retry.limit = limit + excused()
    retry.methods = methods
  }

  const leave = (): void => {
    stopListening?.()
    excusedBefore = excused()
    run = undefined
    restrict()
  }

  const watch = (signal: AbortSignal | undefined): void => {
    stopListening?.()
    stopListening = undefined
    const watched = run
    if (!signal || !watched) return
    const stop = (): void => {
      // What is out fails by itself, and ky says with what.
      if (!watched.sending) watched.abandon(signal.reason)
    }
    if (signal.aborted) stop()
    else stopListening = onAbort(signal, stop)
  }

  const abandon = (reason: unknown): void => {
    if (!run) return
    run.abandon(reason)
    leave()
  }

  const start = (request: Request, { body, priority }: KyCallOptions): Run => {
    const method = request.method.toLowerCase()
    const oneShot = !keepsBodies && limit === 0 && request.body !== null && !isReplayable(body)
    const sent = oneShot ? new ReadableStream() : isReplayable(body) && request.body ? body : undefined
    shown = new Headers(request.headers)
    outcome = undefined
    const init = {
      method: request.method,
      headers: request.headers,
      ...(sent !== undefined && { body: sent }),
      ...(priority !== undefined && { priority: priority as RequestPriority }),
    }
    return begin(request.url, init, (call) => {
      call.maxCarried = Math.max(1, limit + 1 - (retryCount - excusedBefore))
      call.repeatable = methods.includes(method) || (!IDEMPOTENT.has(method) && call.repeatable)
    })
  }

  /** Its turn came while a hook of the user's took its time: it lines up anew, and what has failed counts on. */
  const restart = ({ call: before }: Run, request: Request, options: KyCallOptions): Run => {
    leave()
    const next = start(request, options)
    // The request that was not sent is among those that were counted.
    const left = Math.min(before.maxAttempts, before.maxCarried) - before.counted + 1
    next.call.maxCarried = Math.max(1, Math.min(next.call.maxCarried, left))
    return next
  }

  const conclude = (turn: Turn): void => {
    if (!run) return
    const { call } = run
    const error = turn.kind === 'failure' ? turn.error : undefined
    if (turn.kind === 'answer') verdict = verdictOf(turn.response)
    const { retryable } = turn.kind === 'answer' ? verdictOf(turn.response) : verdictOfError(error)
    outcome = { error, decided: call.repeating || call.gaveUp !== undefined, retryable }
    leave()
  }

  const end = (turn: Turn): Response => {
    conclude(turn)
    if (turn.kind === 'answer') return carrying(turn.response)
    throw (turn as Turn & { readonly kind: 'failure' }).error
  }

  /** ky had no answer: it has ended the request by itself, or has no hook that would have told before. */
  const miss = async (missing: Run, error: Error, forced: boolean): Promise<void> => {
    const signal = current?.signal
    // Of a signal of the user's own, such as AbortSignal.timeout(), that is the reason.
    timedOut = error.name === 'TimeoutError' && error !== signal?.reason
    if (!timedOut && signal?.aborted) {
      outcome = { error, decided: true, retryable: false }
      abandon(error)
      return
    }
    if (timedOut && !retry.retryOnTimeout && !forced)
      missing.call.giveUp('ky', 'it timed out, and retryOnTimeout is false')
    const turn = await missing.failed(error)
    if (isAgain(turn)) return permit()
    conclude(turn)
    if (turn.kind === 'answer') kept = turn.response
  }

  const judge = (error: unknown): void => {
    if (!(error instanceof Error) || !('response' in error) || typeof error.response !== 'object') return
    const response = error.response as Response
    // A hook may have put another in its place.
    const found = verdict?.status === response.status ? verdict : verdictOf(response)
    Object.assign(error, { verdict: found, retryAt: found.retryAt } satisfies Judged)
  }

  retry.shouldRetry = async (state) => {
    const { error } = state
    const theirs = error instanceof SentAgainError ? undefined : await shouldRetry?.(state)
    if (run?.sending) await miss(run, error, theirs === true)
    judge(error)
    if (theirs === false) {
      abandon(error)
      return false
    }
    ordered = kept !== undefined || isOrdered(run)
    if (ordered || theirs === true) return true
    if (!outcome) return undefined
    if (outcome.error !== undefined && outcome.error !== error && error.cause !== outcome.error) throw outcome.error
    return outcome.decided || !outcome.retryable ? false : undefined
  }
  retry.delay = (attempt) => (ordered ? 0 : delay(attempt))
  if (typeof jitter === 'function') retry.jitter = (delayMs) => (ordered ? delayMs : jitter(delayMs))

  const pass: Exchange['pass'] = async (request, options, count) => {
    retryCount = count
    ordered = false
    current = request
    const instead = kept
    kept = undefined
    if (instead) return carrying(instead)
    // Another hook has taken its answer before we saw it.
    if (run?.sending) abandon(new DOMException('The answer was not handed over', 'AbortError'))
    run = run?.lapsed ? restart(run, request, options) : (run ?? start(request, options))
    const passing = run
    watch(timedOut && request.signal.aborted ? own : request.signal)
    const turn = await passing.pass()
    if (turn.kind === 'send') {
      // Else ky would keep the whole of an upload.
      if (limit > 0 || passing.call.canReplay) permit()
      passed = true
      return changed(request, shown, turn.target, turn.init)
    }
    return end(turn)
  }

  return {
    pass,
    arrive: async (request) => {
      current = request
      if (!passed) return pass(request, { retry }, retryCount + 1)
      passed = false
      return undefined
    },
    heard: async (response) => {
      if (!run?.sending) return undefined
      const turn = await run.heard(response)
      if (isAgain(turn)) {
        verdict = verdictOf(response)
        permit()
        if (throws(response)) return undefined
        throw new SentAgainError(response)
      }
      return end(turn)
    },
    failed: async (error) => {
      // ky says whether it was a time-out of its own.
      if (!run?.sending || current?.signal.aborted) throw error
      const turn = await run.failed(error)
      if (isAgain(turn)) {
        permit()
        throw error
      }
      return end(turn)
    },
    judge,
    abandon,
  }
}
