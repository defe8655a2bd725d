import { clock, later } from './clock.ts'
import type { NamedConstraint } from './constrained.ts'
import type { Ask, Departure } from './constraint.ts'
import type { Call, RequestLine } from './contract.ts'
import { QueueFullError, QueueTimeoutError } from './errors.ts'
import { type Entry, newEntry, newOrdered, type Place } from './line.ts'
import { onAbort } from './on-abort.ts'
import { newQueue, type Queue } from './queue.ts'

/** The one place where calls of a key wait until they may be sent: until no constraint asks for more. */
export interface Door {
  readonly queued: number
  /** Since when the key has only been refused or has failed, on the `clock`, if it has: the door's answers say. */
  barrenSince: number | undefined
  /** Lets a call through, now or when its turn comes. Rejects where it is aborted, or may not wait for so long. */
  enter(call: Call, request: RequestLine, place: Place): Departure | Promise<Departure>
  /** A wait may have ended. */
  wake(): void
}

/** The longest delay that a timer takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const waitedOut = (): Error =>
  new DOMException('The call has waited for as long as maxTotalWaitMs allows', 'TimeoutError')

/** Of a call that is on hold for longer than it may wait. */
const late = (call: Call, by: string, waitMs: number): Error => {
  const past = call.deadline < Infinity ? 'past the deadline' : 'more than maxTotalWaitMs leaves'
  const reason = `on hold for ${Math.ceil(waitMs / 100) / 10} s more, ${past}`
  call.giveUp(by, reason)
  return new DOMException(`The call was ${reason}`, 'TimeoutError')
}

/** Nobody shall retry: it was not turned away by chance. */
const refuse = (call: Call, by: string, error: Error): Error => {
  call.giveUp(by, error.message)
  return error
}

export const newDoor = (constraints: readonly NamedConstraint[]): Door => {
  const outermost = constraints[0]?.by ?? 'pipeline'
  const line = newOrdered()
  /** Those that wait apart, by lane. */
  const lanes = new Map<string, Queue<Entry>>()
  let parked = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let pumping = false
  let soon = false
  let wokenMeanwhile = false
  let barrenSince: number | undefined
  /** When the first of those who may not wait for ever has to go. */
  let earliest = Infinity
  /** What the time in line was for: since when the key has been on hold, and for how long before that. */
  let heldSince: number | undefined
  let heldMs = 0

  const waiting = (): number => line.size + parked

  const heldBy = (now: number): number => heldMs + (heldSince === undefined ? 0 : now - heldSince)

  const noteHeld = (held: boolean, now: number): void => {
    if (held === (heldSince !== undefined)) return
    heldMs = heldBy(now)
    heldSince = held ? now : undefined
  }

  /** How long a call has to wait, and how much of it is certain. */
  const answer = { ms: 0, certainMs: 0, by: '' }
  const ask = (entry: Ask): typeof answer => {
    answer.ms = answer.certainMs = 0
    for (const { by, constraint } of constraints) {
      const ms = constraint.waitMs(entry)
      if (ms > answer.ms) answer.ms = ms
      if (ms > answer.certainMs && constraint.certain && ms < Infinity) {
        answer.certainMs = ms
        answer.by = by
      }
    }
    return answer
  }

  const laneOf = (entry: Ask): string | undefined => {
    for (const { by, constraint } of constraints) {
      const lane = constraint.laneOf?.(entry)
      if (lane !== undefined) return `${by} ${lane}`
    }
    return undefined
  }

  const depart = ({ call, request }: Pick<Ask, 'call' | 'request'>): Departure => {
    const departure: Departure = { call, request, at: clock() }
    for (const { constraint } of constraints) constraint.sent?.(departure)
    return departure
  }

  const remove = (entry: Entry): void => {
    if (!entry.queue) return
    if (line.holds(entry)) line.leave(entry)
    else {
      entry.queue.leave(entry)
      parked--
    }
  }

  const stop = ({ expiry, stopListening }: Entry): void => {
    clearTimeout(expiry)
    stopListening?.()
  }

  /** What it has waited for: the hold of the key, or its turn. */
  const note = (entry: Entry): void => {
    const { call, joinedAt, heldBeforeMs } = entry
    const now = clock()
    const waitedMs = now - joinedAt
    const onHoldMs = Math.min(waitedMs, heldBy(now) - heldBeforeMs)
    const behindMs = Math.max(0, now - behindSince(entry))
    if (onHoldMs > 0) call.waited('hold', onHoldMs, Math.min(onHoldMs, behindMs))
    if (waitedMs > onHoldMs) call.waited('queue', waitedMs - onHoldMs, Math.max(0, behindMs - onHoldMs))
  }

  const admit = (entry: Entry): void => {
    if (line.holds(entry)) line.take(entry)
    else remove(entry)
    stop(entry)
    note(entry)
    entry.resolve(depart(entry))
  }

  const turnAway = (entry: Entry, error: unknown): void => {
    stop(entry)
    const wasFirst = entry.queue?.first === entry
    remove(entry)
    entry.reject(error)
    if (wasFirst || waiting() === 0) pumpSoon()
  }

  /** Steps aside, so that others pass. */
  const park = (entry: Entry, name: string): void => {
    let lane = lanes.get(name)
    if (!lane) lanes.set(name, (lane = newQueue()))
    line.leave(entry)
    lane.join(entry)
    parked++
  }

  /** Those whose lane has gone stand in front again, in their order. */
  const unpark = (): void => {
    for (const [name, lane] of lanes) {
      const { first } = lane
      if (first && laneOf(first) === name) continue
      lanes.delete(name)
      for (let entry = lane.last; entry; entry = lane.last) {
        lane.leave(entry)
        parked--
        line.join(entry, true)
      }
    }
  }

  const everyone = function* (): Iterable<Entry> {
    yield* line
    for (const lane of lanes.values()) yield* lane
  }

  /** Who would wait in vain hears of it now. */
  const turnAwayLate = (now: number): void => {
    const { certainMs, by } = answer
    if (now + certainMs < earliest) return
    const sure = certainMs
    earliest = Infinity
    for (const entry of everyone()) {
      if (now + sure < entry.until) earliest = Math.min(earliest, entry.until)
      else turnAway(entry, late(entry.call, by, sure))
    }
  }

  const behindSince = ({ joinedAt }: Entry): number => Math.max(joinedAt, barrenSince ?? Infinity)

  /** Milliseconds until an entry has waited for as long as it may while nobody was served. */
  const overdueMs = (entry: Entry, now: number): number => Math.max(0, behindSince(entry) + entry.patienceMs - now)

  /** Sends those whose patience has ended. Returns the milliseconds until the next one is to be sent. */
  const releaseFrom = (next: () => Entry | undefined, now: number): number => {
    for (let entry = next(); entry; entry = next()) {
      const ms = overdueMs(entry, now)
      entry.overdue = ms === 0
      const waitMs = ms || ask(entry).ms
      if (waitMs > 0) return waitMs
      admit(entry)
    }
    return Infinity
  }

  const release = (now: number): number => {
    let nextMs = releaseFrom(() => line.first(false), now)
    for (const lane of lanes.values())
      nextMs = Math.min(
        nextMs,
        releaseFrom(() => lane.first, now),
      )
    return nextMs
  }

  /** Sends whoever may go. Returns the milliseconds until somebody else may. */
  const sendAll = (): number => {
    const now = clock()
    if (parked > 0) unpark()
    let nextMs = barrenSince === undefined ? Infinity : release(now)
    for (;;) {
      const first = line.first(constraints.some(({ constraint }) => constraint.probing))
      if (!first) {
        noteHeld(false, now)
        break
      }
      const lane = laneOf(first)
      if (lane !== undefined) {
        park(first, lane)
        continue
      }
      const { ms, certainMs } = ask(first)
      if (ms === 0) {
        admit(first)
        continue
      }
      noteHeld(certainMs > 0, now)
      nextMs = Math.min(nextMs, ms)
      if (certainMs > 0) turnAwayLate(now)
      break
    }
    for (const name of lanes.size > 1 ? [...lanes.keys()].sort() : lanes.keys()) {
      for (let first = lanes.get(name)?.first; first; first = lanes.get(name)?.first) {
        const { ms } = ask(first)
        if (ms === 0) admit(first)
        else {
          nextMs = Math.min(nextMs, ms)
          break
        }
      }
    }
    return nextMs
  }

  const pump = (): void => {
    wokenMeanwhile = true
    if (pumping) return
    pumping = true
    clearTimeout(timer)
    timer = undefined
    let nextMs = Infinity
    while (wokenMeanwhile && waiting() > 0) {
      wokenMeanwhile = false
      nextMs = sendAll()
    }
    pumping = false
    if (waiting() === 0) noteHeld(false, clock())
    else if (nextMs < Infinity) timer = later(pump, Math.min(LONGEST_TIMER_MS, Math.ceil(nextMs)))
  }

  /** Once for all who leave in this turn. */
  const pumpSoon = (): void => {
    if (soon) return
    soon = true
    queueMicrotask(() => {
      soon = false
      pump()
    })
  }

  const full = (): NamedConstraint | undefined =>
    constraints.find(({ constraint: { maxQueue = Infinity } }) => waiting() >= maxQueue)

  /** The constraint that limits the time in line, if one does. */
  const limiting = constraints.find(({ constraint }) => constraint.queueTimeoutMs !== undefined)

  const expire = (entry: Entry): void => {
    const { call, joinedAt } = entry
    const queueMs = limiting?.constraint.queueTimeoutMs ?? Infinity
    const timedOut = limiting && clock() >= joinedAt + queueMs && joinedAt + queueMs <= entry.until
    const by = timedOut ? limiting.by : outermost
    turnAway(entry, refuse(call, by, timedOut ? new QueueTimeoutError(call.key, queueMs) : waitedOut()))
  }

  // A hundred thousand calls may wait here: as few closures for each as will do.
  const lineUp = (entry: Entry, isFirst: boolean): Promise<Departure> =>
    new Promise((resolve, reject) => {
      const { call, joinedAt, until } = entry
      entry.resolve = resolve
      entry.reject = reject
      const queueMs = limiting?.constraint.queueTimeoutMs ?? Infinity
      const expiryMs = Math.min(queueMs, call.attempt > 0 ? until - joinedAt : Infinity)
      if (expiryMs < LONGEST_TIMER_MS) entry.expiry = later(() => expire(entry), Math.max(0, expiryMs))
      if (call.canAbort) entry.stopListening = onAbort(call.signal, () => turnAway(entry, call.signal.reason))
      line.join(entry, entry.place === 'front')
      earliest = Math.min(earliest, until)
      if (call.observed) for (const { constraint } of constraints) constraint.waits?.(entry, constraint.waitMs(entry))
      // Behind others nothing has changed.
      if (isFirst || timer === undefined) pump()
    })

  const enter: Door['enter'] = (call, request, place) => {
    if (call.aborted) throw call.signal.reason
    const entry = newEntry(call, request, { place, heldBeforeMs: heldBy(clock()) })
    const lane = laneOf(entry)
    const isFirst = lane === undefined ? line.size === 0 || place === 'front' : !lanes.get(lane)?.size
    if (isFirst && ask(entry).ms === 0) return depart(entry)
    const overfull = place === 'new' ? full() : undefined
    if (overfull) throw refuse(call, overfull.by, new QueueFullError(call.key, overfull.constraint.maxQueue ?? 0))
    if (entry.until < Infinity) {
      const { certainMs, by } = ask(entry)
      if (certainMs > 0 && !call.fits(certainMs)) throw late(call, by, certainMs)
    }
    return lineUp(entry, isFirst)
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
    wake: pump,
  }
}
