import { newAdmissions } from './admission.ts'
import { clock, later } from './clock.ts'
import type { NamedConstraint } from './constrained.ts'
import type { Departure } from './constraint.ts'
import type { Call, RequestLine } from './contract.ts'
import { QueueFullError, QueueTimeoutError } from './errors.ts'
import { newHeldClock } from './held-clock.ts'
import { isSharedIsolate, LOOK_MS } from './isolate.ts'
import { newLanes } from './lanes.ts'
import { type Entry, newEntry, newOrdered, type Ordered, type Place } from './line.ts'
import { onAbort } from './on-abort.ts'
import { LONGEST_TIMER_MS, newPump } from './pump.ts'
import { late, refuse, waitedOut } from './turned-away.ts'

/** The one place where calls of a key wait until they may be sent: until no constraint asks for more. */
export interface Door {
  readonly queued: number
  /** Since when the key has only been refused or has failed, on the `clock`, if it has: the door's answers say. */
  barrenSince: number | undefined
  /** Lets a call through, now or when its turn comes. Rejects where it is aborted, or may not wait for so long. */
  enter(call: Call, request: RequestLine, place: Place): Departure | Promise<Departure>
  /** Counts a call as sent that is under way already, since `at` on the `clock`, whatever the constraints say. */
  admit(call: Call, request: RequestLine, at: number): Departure
  /** A wait may have ended. */
  wake(): void
}

/** `looked` is called by those who look by themselves. */
export const newDoor = (
  constraints: readonly NamedConstraint[],
  looked?: () => void,
  line: Ordered = newOrdered(),
): Door => {
  const outermost = constraints[0]?.by ?? 'pipeline'
  /** The constraint that limits the time in line, if one does. */
  const limiting = constraints.find(({ constraint }) => constraint.queueTimeoutMs !== undefined)
  const queueMs = limiting?.constraint.queueTimeoutMs ?? Infinity
  const admissions = newAdmissions(constraints)
  const refusing = constraints.filter(({ constraint }) => constraint.refuses)
  const lanes = newLanes(line, admissions.laneOf)
  const shared = isSharedIsolate()
  let barrenSince: number | undefined
  /** When the first of those who may not wait for ever has to go. */
  let earliest = Infinity
  const held = newHeldClock()

  const waiting = (): number => line.size + lanes.size

  /** Since when it has waited behind others that were refused. */
  const behindSince = ({ joinedAt }: Entry): number => Math.max(joinedAt, barrenSince ?? Infinity)

  const leave = (entry: Entry): void => {
    clearTimeout(entry.expiry)
    clearTimeout(entry.look)
    entry.stopListening?.()
    if (line.holds(entry)) line.leave(entry)
    else if (entry.queue) lanes.leave(entry)
  }

  /** What it has waited for: the hold of the key, or its turn. */
  const noteWait = (entry: Entry): void => {
    const { call, joinedAt, heldBeforeMs } = entry
    const now = clock()
    const waitedMs = now - joinedAt
    const onHoldMs = Math.min(waitedMs, held.ms(now) - heldBeforeMs)
    const behindMs = Math.max(0, now - behindSince(entry))
    if (onHoldMs > 0) call.waited('hold', onHoldMs, Math.min(onHoldMs, behindMs))
    if (waitedMs > onHoldMs) call.waited('queue', waitedMs - onHoldMs, Math.max(0, behindMs - onHoldMs))
  }

  const admit = (entry: Entry): void => {
    if (line.holds(entry)) line.took(entry)
    leave(entry)
    noteWait(entry)
    entry.resolve(admissions.sent(entry.call, entry.request))
  }

  /** Of a call that a constraint does not let wait. */
  const refusalOf = (entry: Entry): Error | undefined => {
    for (const { by, constraint } of refusing) {
      const error = constraint.refuses?.(entry)
      if (error) return refuse(entry.call, by, error)
    }
    return undefined
  }

  const turnAway = (entry: Entry, error: unknown): void => {
    const wasFirst = entry.queue?.first === entry
    leave(entry)
    entry.reject(error)
    if (wasFirst || waiting() === 0) wakeSoon()
  }

  /** Who would wait in vain hears of it now. */
  const turnAwayLate = (now: number, certainMs: number, by: string): void => {
    if (now + certainMs < earliest) return
    earliest = Infinity
    for (const waiters of [line, lanes])
      for (const entry of waiters) {
        if (now + certainMs < entry.until) earliest = Math.min(earliest, entry.until)
        else turnAway(entry, late(entry.call, by, certainMs))
      }
  }

  /** Sends one after the other. Returns the milliseconds until the next may go. */
  const sendFrom = (next: () => Entry | undefined, waitMs: (entry: Entry) => number): number => {
    for (let entry = next(); entry; entry = next()) {
      try {
        const refusal = refusalOf(entry)
        if (refusal) throw refusal
        const ms = waitMs(entry)
        if (ms > 0) return ms
        admit(entry)
      } catch (error) {
        // A constraint has refused it.
        turnAway(entry, error)
      }
    }
    return Infinity
  }

  /** Of one that has waited for as long as it may while nobody was served: whatever was learned, it is sent. */
  const overdueMs = (entry: Entry): number => {
    const ms = Math.max(0, behindSince(entry) + entry.patienceMs - clock())
    entry.overdue = ms === 0
    return ms || admissions.ask(entry).ms
  }

  const release = (): number => {
    let nextMs = sendFrom(() => line.first(false), overdueMs)
    for (const first of lanes.firsts()) nextMs = Math.min(nextMs, sendFrom(first, overdueMs))
    return nextMs
  }

  const firstInLine = (): Entry | undefined => {
    for (;;) {
      const first = line.first(admissions.probing)
      const lane = first && admissions.laneOf(first)
      if (lane === undefined) return first
      lanes.park(first as Entry, lane)
    }
  }

  /** Tells constraints of a call that waits: all of them, or those that are certain. */
  const tell = (entry: Entry, certain: boolean): void => {
    for (const { constraint } of constraints) {
      if (certain && !constraint.certain) continue
      const ms = constraint.waitMs(entry)
      entry.told ||= constraint.certain === true && ms > 0
      constraint.waits?.(entry, ms)
    }
  }

  const lineMs = (entry: Entry): number => {
    const { ms, certainMs, by } = admissions.ask(entry)
    if (ms === 0) return 0
    const now = clock()
    // It begins to wait for something else than its turn.
    if (certainMs > 0 && !held.running() && !entry.told && entry.call.observed) tell(entry, true)
    held.note(certainMs > 0, now)
    if (certainMs > 0) turnAwayLate(now, certainMs, by)
    return ms
  }

  /** Sends whoever may go. Returns the milliseconds until somebody else may. */
  const sendAll = (): number => {
    if (lanes.size > 0) lanes.unpark()
    const overdue = barrenSince === undefined ? Infinity : release()
    let nextMs = Math.min(overdue, sendFrom(firstInLine, lineMs))
    for (const first of lanes.firsts())
      nextMs = Math.min(
        nextMs,
        sendFrom(first, (entry) => admissions.ask(entry).ms),
      )
    return nextMs
  }

  const pump = newPump(sendAll, waiting, () => {
    if (line.size === 0) held.note(false, clock())
  })
  const { wake, wakeSoon } = pump

  /** Looks by itself for as long as it waits. */
  const look = (entry: Entry): void => {
    const ms = Math.max(1, Math.min(LOOK_MS, Math.ceil(pump.dueInMs())))
    entry.look = later(() => {
      looked?.()
      wake()
      if (entry.queue) look(entry)
    }, ms)
  }

  const expire = (entry: Entry): void => {
    const { call, joinedAt, until } = entry
    const timedOut = limiting && joinedAt + queueMs <= until
    const by = timedOut ? limiting.by : outermost
    turnAway(entry, refuse(call, by, timedOut ? new QueueTimeoutError(call.key, queueMs, call.attempt) : waitedOut()))
  }

  // A hundred thousand calls may wait here: as few closures for each as will do.
  const lineUp = (entry: Entry, lane: string | undefined, isFirst: boolean): Promise<Departure> =>
    new Promise((resolve, reject) => {
      const { call, joinedAt, until } = entry
      entry.resolve = resolve
      entry.reject = reject
      const expiryMs = Math.min(queueMs, call.attempt > 0 ? until - joinedAt : Infinity) - (call.linedUpMs ?? 0)
      if (expiryMs < LONGEST_TIMER_MS) entry.expiry = later(() => expire(entry), Math.max(0, expiryMs))
      if (call.canAbort) entry.stopListening = onAbort(call.signal, () => turnAway(entry, call.signal.reason))
      line.join(entry, entry.place === 'front')
      if (lane !== undefined) lanes.park(entry, lane)
      earliest = Math.min(earliest, until)
      if (call.observed) tell(entry, false)
      // Behind others nothing has changed.
      if (isFirst || pump.idle()) wake()
      if (shared && entry.queue) look(entry)
    })

  const enter: Door['enter'] = (call, request, place) => {
    if (call.aborted) throw call.signal.reason
    const entry = newEntry(call, request, { place, heldBeforeMs: held.ms(clock()) })
    const refusal = refusalOf(entry)
    if (refusal) throw refusal
    const lane = admissions.laneOf(entry)
    const isFirst = lane === undefined ? line.size === 0 || place === 'front' : lanes.isFree(lane)
    if (isFirst && admissions.ask(entry).ms === 0) return admissions.sent(call, request)
    const full = constraints.find(({ constraint: { maxQueue = Infinity } }) => waiting() >= maxQueue)
    if (full && place === 'new')
      throw refuse(call, full.by, new QueueFullError(call.key, full.constraint.maxQueue ?? 0, call.attempt))
    if (entry.until < Infinity) {
      const { certainMs, by } = admissions.ask(entry)
      if (certainMs > 0 && !call.fits(certainMs)) throw late(call, by, certainMs)
    }
    return lineUp(entry, lane, isFirst)
  }

  return {
    get queued() {
      return waiting()
    },
    get barrenSince() {
      return barrenSince
    },
    set barrenSince(since) {
      barrenSince = since
    },
    enter,
    admit: admissions.sent,
    wake,
  }
}
