import {
  type Again,
  type Ask,
  BreakerOpenError,
  type Call,
  clock,
  type Constraint,
  type Departure,
  isSharedIsolate,
  KINDS,
  type Line,
  type Signal,
  type Verdict,
} from '@aplomb/pipeline'
import pLimit from 'p-limit'
import { isStream, whenRead } from './body.ts'
import { type Control, newControl, PROBING } from './control.ts'
import { againFor, type History } from './refused.ts'
import type { Sent } from './sent.ts'

/** The congestion control of one key, as a constraint at its door. */
export interface Gate extends Constraint {
  limit(): number
  active(): number
  queued(): number
}

export interface GateSetting {
  readonly fixed: number | undefined
  readonly maxQueue: number
  readonly queueTimeoutMs: number | undefined
  readonly slotUntil: 'auto' | 'headers' | 'body'
  /** Whether calls of what is down are turned away. */
  readonly failsFast: boolean
}

/** The right to have one request in flight. */
interface Slot {
  readonly sent: Sent
  readonly free: () => void
}

/** Of all calls: one that the backoff sends again comes back with what became of it before. */
export type Histories = WeakMap<Call, History>

/** What another key's answer says about the server of this one: nothing, if it is a refusal. */
const ofAnother = (verdict: Verdict): Verdict => ({
  ...verdict,
  kind: verdict.action === 'use' ? 'ok' : 'unknown',
  limits: { windows: [] },
})

export const newGate = (
  ofKey: string,
  { fixed, maxQueue, queueTimeoutMs, slotUntil, failsFast }: GateSetting,
  line: Line,
  histories: Histories,
): Gate => {
  const control: Control = newControl(fixed)
  const { breaker } = control
  const slots = pLimit(1)
  const shared = isSharedIsolate()
  const taken = new Map<Departure, Slot>()
  const historyOf = (call: Call): History => {
    const history = histories.get(call) ?? { refusals: 0, failedAt: -Infinity }
    histories.set(call, history)
    return history
  }
  /** As p-limit's count, but exact at once: of several answers in one turn, each is judged by those still out. */
  let active = 0
  /** Of those, open streams: their headers have come. */
  let streams = 0

  /** p-limit's own count lags by some turns of the microtask queue: what answers come in one turn are judged before slots are given again. */
  const inSlots = (): number => (shared ? active : slots.activeCount)

  /** In flight for what is learned from it: an open stream counts where the server itself counts. */
  const measured = (): number => (control.announced() ? active : active - streams)

  /** One slot of p-limit's for each that is in flight: the door has asked before, so that none waits there. */
  const take = (): (() => void) => {
    active++
    // Its bookkeeping would go on in a request that has ended.
    if (shared) return line.wake
    slots.concurrency = slots.activeCount + 1
    const { promise, resolve } = Promise.withResolvers<void>()
    void slots(() => promise).then(line.wake)
    return resolve
  }

  const release = ({ free }: Slot): void => {
    if (--active === 0 && line.queued() === 0) control.rest()
    free()
  }

  const asked = ({ request, overdue }: Ask): number => {
    if (!overdue) {
      const lane = breaker.laneOf(request)
      if (lane === undefined) {
        if (control.room(inSlots(), streams)) return 0
        const pauseMs = control.pauseMs(inSlots(), streams)
        // A pause may have ended between the two questions: then there is room after all.
        return control.room(inSlots(), streams) ? 0 : pauseMs || Infinity
      }
      const probeMs = breaker.waitMs(lane)
      if (probeMs > 0) return probeMs
    }
    return control.allows(inSlots(), streams) ? control.askedMs() : Infinity
  }

  const refusal = ({ request, call }: Ask): Error | undefined => {
    const lane = breaker.laneOf(request)
    const probeMs = lane === undefined ? 0 : breaker.waitMs(lane)
    return probeMs > 0 ? new BreakerOpenError(ofKey, probeMs, call.attempt) : undefined
  }

  const learn = (call: Call, { verdict, elsewhere }: Signal, { sent }: Slot): void => {
    const previous = control.limit()
    const reason = control.learn(elsewhere ? ofAnother(verdict) : verdict, sent, measured())
    const limit = control.limit()
    // It may be what it was, and yet all wait while single ones ask whether the server is back.
    if (!call.observed || (limit === previous && !PROBING.has(reason))) return
    const { id, key } = call
    const why = reason ?? 'all goes well'
    call.emit({ type: 'limit', call: id, key, limit, previous, reason: why, queued: line.queued() })
  }

  const lasts = (response: Response): boolean => slotUntil === 'body' || (slotUntil === 'auto' && isStream(response))

  return {
    maxQueue,
    queueTimeoutMs,
    probing: () => control.probing(),
    limit: () => control.limit(),
    ceiling: control.ceiling,
    free: control.free,
    lasts: (response, over) => {
      const does = lasts(response)
      if (does) whenRead(response, over)
      return does
    },
    active: () => active,
    queued: line.queued,
    standing: () => (active === 0 ? 'idle' : 'in use'),
    waitMs: asked,
    ...(failsFast && { refuses: refusal }),
    laneOf: ({ request }) => breaker.laneOf(request),
    delayMs: ({ call, request }) => control.spreadMs(call.attempt - (histories.get(call)?.refusals ?? 0), request),
    waits: ({ call }) => {
      if (!call.observed) return
      const { id, key } = call
      call.emit({ type: 'queue', call: id, key, queued: line.queued(), active, limit: control.limit() })
    },
    sent: (departure) => {
      const { request, at } = departure
      const lane = breaker.laneOf(request)
      if (lane !== undefined) breaker.probe(lane, request)
      const free = take()
      taken.set(departure, { sent: control.sent(measured(), request, at), free })
    },
    heard: (departure, signal): Again | undefined => {
      const slot = taken.get(departure)
      const { call } = departure
      if (!slot) return undefined
      learn(call, signal, slot)
      const { failure } = KINDS[signal.verdict.kind]
      if (!failure && !signal.repeatable) return undefined
      const history = historyOf(call)
      if (failure) history.failedAt = clock()
      if (!signal.repeatable || signal.elsewhere) return undefined
      return againFor(departure, signal, { control, history, unanswered: active - streams, queued: line.queued() })
    },
    overheard: ({ request, at }, { verdict }) => control.overheard(verdict, { at, request, active: measured() + 1 }),
    ended: (departure, response) => {
      const slot = taken.get(departure)
      if (!slot) return
      taken.delete(departure)
      if (!response || !lasts(response)) return release(slot)
      streams++
      let open = true
      whenRead(response, () => {
        if (!open) return
        open = false
        streams--
        release(slot)
      })
    },
  }
}
