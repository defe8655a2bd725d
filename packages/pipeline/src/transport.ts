import { discard } from './discard.ts'
import { responseOf } from './errors.ts'
import type { LiveCall } from './call.ts'
import { Ending } from './ending.ts'
import { onAbort } from './on-abort.ts'
import { noteRedirect } from './origin.ts'
import type { Source } from './source.ts'
import { timeoutError } from './timeout.ts'

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

/** Whether it can be sent again is asked once an attempt has ended. */
const settle = async (call: LiveCall, from: Source, response?: Response): Promise<void> => {
  const settled = from.settle(isGood(response) ? 0 : UNREAD_MS)
  if (settled) await settled
  if (!from.canReplay) call.canReplay = false
}

/** The call's own signal, where it has a time limit. */
const limitOf = (call: LiveCall): AbortSignal | undefined =>
  call.setting.timeoutMs === undefined ? undefined : call.signal

/** What ends an attempt, where that is more than one signal. */
const endingOf = (call: LiveCall, from: Source): Ending | undefined => {
  const caller = call.given.signal
  const limit = limitOf(call)
  // A Request made from another follows its signal only while that one is reachable: so the caller's is named again.
  const own = from === call.source ? undefined : from.request.signal
  if (call.attemptTimeoutMs === undefined && !own && !(caller && limit)) return undefined
  return new Ending(caller, own, limit)
}

/** Reads the bodies of requests that are sent, or passed over. */
const readBeside = (call: LiveCall, unread: readonly Source[]): void => {
  for (const one of unread) one.readBeside()
  call.unread = undefined
}

/** How an attempt ended. */
type Outcome = { readonly response: Response } | { readonly error: unknown }

interface Attempt {
  readonly from: Source
  readonly number: number
  readonly spent: LiveCall['waits']
  readonly sentAt: number
  readonly started: number
}

/** Whoever prints an event shall not print the credentials in a request, the cookies in an answer or the URL in an error. */
const withHidden = <T extends object, H extends object>(event: T, hidden: H): T & H => {
  for (const [name, value] of Object.entries(hidden)) Object.defineProperty(event, name, { value })
  return event as T & H
}

const report = (call: LiveCall, { from, number, spent, sentAt, started }: Attempt, outcome: Outcome): void => {
  const headersMs = performance.now() - started
  const { queue: queueMs, hold: holdMs, backoff: backoffMs } = spent ?? { queue: 0, hold: 0, backoff: 0 }
  const { request } = from
  const facts = { call: call.id, key: call.key, attempt: number, sentAt, queueMs, holdMs, backoffMs, headersMs }
  call.emit(withHidden({ type: 'attempt' as const, ...facts }, { request, ...outcome }))
}

const heard = (call: LiveCall, attempt: Attempt, response: Response): Response => {
  if (call.aborted) {
    // An inner fetch that does not listen: nobody waits for its answer any more.
    discard(response)
    throw call.signal.reason
  }
  if (call.responses.length === 0) call.responses = [response]
  else call.responses.push(response)
  if (call.setting.key === undefined) noteRedirect(attempt.from, response)
  if (call.observed) report(call, attempt, { response })
  return response
}

/** The answer, within the time for an attempt: an inner fetch may not listen to its signal. */
const within = (call: LiveCall, limit: Ending, ms: number, answer: Promise<Response>): Promise<Response> =>
  new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer)
      stopListening?.()
    }
    const timer = setTimeout(() => {
      const error = timeoutError('attempt', ms)
      limit.abort(error)
      end()
      reject(error)
      answer.then(discard).catch(() => undefined)
    }, ms)
    const stopListening = call.canAbort ? onAbort(call.signal, end) : undefined
    answer.finally(end).then(resolve, reject)
  })

/** Small, as all that it has at hand is kept for as long as the answer takes. */
const awaitAnswer = async (call: LiveCall, attempt: Attempt): Promise<Response> => {
  const { from } = attempt
  const { attemptTimeoutMs } = call
  const ending = endingOf(call, from)
  try {
    const sent = from.send(ending ? ending.signal : limitOf(call), { call, request: from })
    const answer =
      ending && attemptTimeoutMs !== undefined ? within(call, ending, attemptTimeoutMs, Promise.resolve(sent)) : sent
    if (call.unread) readBeside(call, call.unread)
    const response = responseOf('fetch', await answer)
    ending?.done(response)
    if (from.reads) await settle(call, from, response)
    return heard(call, attempt, response)
  } catch (error) {
    ending?.done()
    if (from.reads) await settle(call, from)
    call.lastError = error
    if (call.observed) report(call, attempt, { error })
    throw error
  }
}

/** Sends a request: the bottom of the chain. */
export const send = (from: Source, call: LiveCall): Promise<Response> => {
  if (call.aborted) return Promise.reject(call.signal.reason as Error)
  call.counted++
  const number = ++call.attempt
  call.sent = from
  const attempt = { from, number, spent: call.waits, sentAt: Date.now(), started: performance.now() }
  call.waits = undefined
  return awaitAnswer(call, attempt)
}
