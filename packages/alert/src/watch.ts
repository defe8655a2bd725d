import {
  type AlertEvent,
  type AttemptEvent,
  type Call,
  type EventListener,
  isMoney,
  KINDS,
  type Verdict,
  verdictOf,
  verdictOfError,
} from '@aplomb/pipeline'
import type { Occurrence } from './incident.ts'
import * as say from './messages.ts'
import type { KeyState } from './state.ts'
import { type Desk, newTell } from './tell.ts'

/** Judges what happens to one call. */
export interface Watch {
  readonly hear: EventListener
  end(): void
}

/** Calls that were under way, or that cost nothing, still succeed when the money is gone. */
const STEADY_MS = 60_000

const verdictFor = ({ response, error, request }: AttemptEvent, call: Call): Verdict => {
  if (response) return verdictOf(response)
  // A middleware that calls an attempt off by a signal of its own is no failure of the server.
  const { aborted, reason } = request.signal
  const isOff = aborted && error === reason && (error as Error | undefined)?.name !== 'TimeoutError'
  return verdictOfError(error, { signal: isOff ? request.signal : call.signal, request })
}

export const newWatch = (
  call: Call,
  request: Request,
  state: KeyState,
  desk: Desk,
  { holdMs, leastCoolDownMs }: { readonly holdMs: number; readonly leastCoolDownMs: number },
): Watch => {
  let pending: { readonly event: AttemptEvent; readonly receivedAt: number } | undefined
  let sent = request
  const { incident, hold } = state
  const tell = newTell(call, request, () => sent, desk)

  const sign = (condition: string, always = false): Occurrence | undefined =>
    incident(condition).sign(condition, { always, leastCoolDownMs })

  const refused = (): void => {
    state.refused = { endpoint: desk.endpoint(request), until: performance.now() + STEADY_MS }
  }

  const wantsMoney = ({ kind, evidence, retryAt }: Verdict): void => {
    refused()
    tell('firing', sign(kind), ({ name, where, text }) => {
      const why = text(evidence)
      return {
        message: say.money(name, kind === 'quota-exhausted', where, why, retryAt),
        endpoint: where,
        evidence: why,
      }
    })
  }

  const isHeld = (until: number, evidence: string): void => {
    const heldMs = hold.extend(until)
    if (heldMs <= holdMs) return
    tell('firing', sign('hold'), ({ name, text }) => {
      const why = text(evidence)
      return { message: say.hold(name, heldMs, hold.until - performance.now(), why), evidence: why, heldMs }
    })
  }

  const served = (sentAt: number, cost: number | undefined): void => {
    hold.passed(sentAt)
    if (sentAt >= hold.until)
      tell('resolved', incident('hold').end(), ({ name }, since) => ({ message: say.served(name, since) }))
    if (!state.refused || sentAt < state.refused.until) return
    // What costs nothing is served without money; where costs are not told, the same endpoint is proof.
    if (cost === undefined ? desk.endpoint(request) !== state.refused.endpoint : cost === 0) return
    const money = incident('billing')
    tell('resolved', money.end(), ({ name }, since) => ({ message: say.served(name, since) }))
    if (!money.firing) state.refused = undefined
  }

  const count = (hasFailed: boolean, evidence: string): void => {
    const view = state.rate?.note(hasFailed)
    if (!view) return
    const { isHigh, ...figures } = view
    if (isHigh && hasFailed)
      tell('firing', sign('error-rate'), ({ name, where, text }) => {
        const why = text(evidence)
        return { message: say.errors(name, view, where, why), endpoint: where, evidence: why, ...figures }
      })
    if (!isHigh)
      tell('resolved', incident('error-rate').end(), ({ name }, since) => ({
        message: say.fewErrors(name, view, since),
        ...figures,
      }))
  }

  /** Judges an attempt when its verdict is there: before whatever follows it, and be it the call's end. */
  const judge = (): void => {
    if (!pending) return
    const { event, receivedAt } = pending
    pending = undefined
    const verdict = verdictFor(event, call)
    const { kind, status, evidence, retryAfterMs, tentative, limits } = verdict
    const { action, owner, failure: hasFailed, money } = KINDS[kind]
    // What was never sent, or called off, tells nothing of the server.
    if (status === undefined && !hasFailed) return
    count(hasFailed, evidence)
    if (money) wantsMoney(verdict)
    // What only words say holds nobody.
    if (owner === 'retry-after' && retryAfterMs !== undefined && !tentative) isHeld(receivedAt + retryAfterMs, evidence)
    if (action === 'use') served(receivedAt - event.headersMs, limits.credits?.cost)
  }

  const alerted = ({ condition, message }: AlertEvent): void => {
    judge()
    if (isMoney(condition)) refused()
    const { left } = state
    const isThreshold = condition === 'threshold'
    if (isThreshold) state.leftAtAlert = Math.max(state.leftAtAlert, left ?? 0)
    // The meter tells of each threshold once per period.
    tell('firing', sign(condition, isThreshold), ({ text }) => ({
      message: text(message),
      ...(isThreshold && { left }),
    }))
  }

  const hasCredits = (left: number): void => {
    state.left = left
    if (!incident('threshold').firing || left <= 2 * state.leftAtAlert) return
    const ended = incident('threshold').end()
    if (ended) state.leftAtAlert = 0
    tell('resolved', ended, ({ name }) => ({ message: say.credits(name, left), left }))
  }

  return {
    hear: (event) => {
      if (event.type === 'attempt') {
        judge()
        sent = event.request
        pending = { event, receivedAt: performance.now() }
      } else if (event.type === 'retry') judge()
      else if (event.type === 'hold' && !event.pacing) isHeld(performance.now() + event.waitMs, event.reason)
      else if (event.type === 'alert') alerted(event)
      else if (event.type === 'credits' && event.left !== undefined) hasCredits(event.left)
    },
    end: judge,
  }
}
