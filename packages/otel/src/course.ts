import {
  type AttemptEvent,
  type Call,
  type CallEvent,
  clock,
  type EventListener,
  notify,
  verdictOf,
  verdictOfError,
} from '@aplomb/pipeline'
import type { Context } from '@opentelemetry/api'
import { failureOf, type End, type Subject } from './subject.ts'
import type { Outcome, Sent, Watcher } from './watcher.ts'

/** The course of one call: puts together what the events tell piece by piece. */
export interface Course {
  readonly context: Context | undefined
  readonly hear: EventListener
  send(number: number, request: Request): Context | undefined
  done(number: number, end: End): void
  end(end: End): void
}

/** Only asking whether to wait takes time, too. */
const SHORTEST_MS = 1

export const newCourse = (call: Call, subject: Subject, watchers: readonly Watcher[]): Course => {
  const began = performance.now()
  const startedAt = Date.now()
  const now = (): number => startedAt + performance.now() - began
  const out = new Map<number, Sent>()
  /** An answer waits for its verdict, and for its price. */
  let pending: (Sent & { end: End; endedAt: number; cost?: number; left?: number | undefined }) | undefined
  const { redactor } = subject
  let queuedAt: number | undefined
  let credits: number | undefined
  let ended = false

  const tell = (what: (one: Watcher) => void): void => {
    for (const one of watchers) notify(what, one)
  }

  const judge = (end: End): Pick<Outcome, 'end' | 'verdict' | 'failure'> => {
    // Our own deadline is no abort of the caller's.
    const signal = clock() >= call.deadline ? undefined : call.signal
    const verdict = 'response' in end ? verdictOf(end.response) : verdictOfError(end.error, { signal })
    return { end, verdict, failure: failureOf(end, verdict, redactor) }
  }

  const charge = (cost: number | undefined, left: number | undefined): void => {
    if (cost !== undefined) credits = (credits ?? 0) + cost
    if (cost !== undefined || left !== undefined) tell((one) => one.credits?.(cost, left))
  }

  const flush = (): void => {
    if (!pending) return
    const { end, cost, left, ...sent } = pending
    pending = undefined
    redactor.learn(sent.request)
    const judged = judge(end)
    const said = judged.verdict.limits.credits
    const paid = cost ?? said?.cost
    charge(paid, left ?? said?.remaining)
    tell((one) => one.attempt({ ...sent, ...judged, cost: paid }))
  }

  const land = (number: number): Sent | undefined => {
    const sent = out.get(number)
    if (out.delete(number)) tell((one) => one.land?.())
    return sent
  }

  const hearAttempt = (event: AttemptEvent): void => {
    flush()
    const { attempt: number, request, response, error } = event
    const endedAt = now()
    const sentAt = land(number)?.startedAt ?? endedAt - event.headersMs
    let at = sentAt
    // From the last one back: each ended when the next began.
    for (const kind of ['hold', 'queue', 'backoff'] as const) {
      const ms = event[`${kind}Ms`]
      const from = (at -= ms)
      if (ms >= SHORTEST_MS) tell((one) => one.waited(kind, from, ms))
    }
    queuedAt = undefined
    pending = { number, request, startedAt: sentAt, endedAt, end: response ? { response } : { error } }
  }

  const hear = (event: CallEvent): void => {
    if (event.type === 'attempt') return hearAttempt(event)
    if (event.type === 'credits') {
      if (!pending) return charge(event.cost, event.left)
      pending.cost = (pending.cost ?? 0) + event.cost
      pending.left = event.left
      return
    }
    if (event.type === 'retry') flush()
    if (event.type === 'queue') queuedAt = now()
    tell((one) => one.event(event, now()))
  }

  const send = (number: number, request: Request): Context | undefined => {
    const sent = { number, request, startedAt: now() }
    out.set(number, sent)
    let active: Context | undefined
    tell((one) => (active = one.send(sent) ?? active))
    return active
  }

  /** No event has said what came of it: the call was over first, or it was answered without being sent. */
  const done = (number: number, end: End): void => {
    const sent = land(number)
    if (!sent) return
    flush()
    pending = { ...sent, end, endedAt: now() }
    flush()
  }

  const end = (how: End): void => {
    if (ended) return
    ended = true
    flush()
    for (const number of out.keys()) done(number, how)
    const endedAt = now()
    const from = queuedAt
    if (from !== undefined) tell((one) => one.waited('queue', from, endedAt - from))
    const judged = judge(how)
    tell((one) => one.end({ ...judged, startedAt, endedAt, cost: credits }))
  }

  return { context: watchers.find((one) => one.context)?.context, hear, send, done, end }
}
