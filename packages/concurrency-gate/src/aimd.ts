import { clock } from '@aplomb/pipeline'
import type { Announcement, Ceiling } from './ceiling.ts'
import type { DelayGuard } from './delay-guard.ts'
import { OUTAGE_MS } from './outage.ts'
import { newRamp } from './ramp.ts'
import type { Sent } from './sent.ts'

/** Initial limit, and after each rest: enough to find out how fast the server is, and no burden to a small one. */
export const INITIAL_LIMIT = 4
/** Slow start threshold: up to here the limit doubles with each round; beyond, as long as nothing was refused and answers take no longer for it. */
const SLOW_START_LIMIT = 16
/** Minimum limit after a timed 429: each such window makes as many come too late as are in flight, and this many do no harm. */
const TIMED_REFUSAL_MIN_LIMIT = 8
/** Good answers for each slot before more than a learned ceiling is tried: twice as many after each try that was refused, half after one that was not. Shorter, a ceiling is refused too often; longer, one that has moved is found late. */
const SHORTEST_PROBE_INTERVAL = 1
const LONGEST_PROBE_INTERVAL = 32
/** Good answers in a row after which others do not keep the server full. */
const CALM_AFTER = 20
/** Where refusals follow each other, others keep the server full: additive increase is so many times slower at most. */
const MOST_CAUTION = 4

/** The limit of what is in flight: slow start, additive increase, multiplicative decrease. Nothing else writes it. */
export interface Aimd {
  /** Without what slow start by time has added since it was last made use of. */
  limit(): number
  /** With that. */
  current(): number
  /** Milliseconds until slow start by time has room for this many. */
  roomInMs(active: number): number
  /** Nothing is in flight, and nobody waits. */
  rest(): void
  /** One goes out, with `active` in flight; `undecided` if nothing is known of windows and ceilings. */
  sent(active: number, undecided: boolean): void
  /** A good answer came, with at most so many in flight since it was sent: what was not made use of does not grow. */
  served(sent: Sent, inFlight: number): void
  /** Additive increase, or doubling in slow start. */
  increase(inFlight: number): void
  /** The server has named its ceiling. */
  follow(announcement: Announcement): void
  /** Slow start goes by the answers for a while. */
  delayRamp(): void
  endRamp(): void
  /** Too many in flight: those that still are is what the server takes. */
  refusedInFlight(sent: Sent, active: number): void
  /** Refused, and it is not known what for: fewer, until it is. */
  suspend(active: number, first: boolean): void
  /** A window has run out. */
  windowClosed(): void
  /** A pause begins: the limit until now is what `restore` goes back to. */
  pauseBegins(): void
  /** Back to that, or to the initial limit where a server comes back from an outage. */
  restore(afterOutage: boolean): void
  /** A pause ends, for a window that takes so many; Infinity if that is not known, undefined if there was none. */
  resume(quota: number | undefined): void
  /** A window that says until when has run out. Returns whether that lowers the limit. */
  refusedUntil(sent: Sent): boolean
  /** Multiplicative decrease, for overload. */
  overloaded(): void
  /** The server is down; if only an endpoint is, its failures were no overload of the key. */
  breakerOpened(whole: boolean): void
  /** The limit is the ceiling. */
  settle(): void
  /** It is up again: all that has waited must not come at once. */
  slowStart(): void
  /** What was learned from refusals was wrong. */
  reset(): void
}

/** `mayRamp` tells whether nothing is known, or being found out, that speaks against slow start by time. */
export const newAimd = (ceiling: Ceiling, guard: DelayGuard, mayRamp: () => boolean): Aimd => {
  const { fixed } = ceiling
  let limit = fixed ?? INITIAL_LIMIT
  let threshold = fixed ?? SLOW_START_LIMIT
  const ramp = newRamp()
  let rested = false
  /** Good answers since the last refusal, or try to raise a learned ceiling; since we began, or since the last failure. */
  let sinceRefusal = 0
  let sinceFailure = 0
  /** How many more a window takes for sure whose quota is not known; after those it is one at a time again. */
  let proven = Infinity
  let probeInterval = SHORTEST_PROBE_INTERVAL
  /** Whether the last try to raise a learned ceiling has not been refused, and its size. */
  let raised = false
  let step = 1
  let caution = 1
  let decreasedAt = 0
  let timedRefusalAt = -Infinity
  let limitBefore = limit
  let beforeOverload:
    | { readonly at: number; readonly limit: number; readonly threshold: number; readonly startsAt: number | undefined }
    | undefined

  const ramping = (): boolean => ceiling.most() === Infinity && mayRamp()
  const current = (): number => (ramping() ? limit * ramp.factor() : limit)
  const endRamp = (): void => {
    limit = current()
    ramp.end()
  }
  /** At a learned ceiling that is in full use: is there more? */
  const probe = (inFlight: number): void => {
    if (inFlight < limit || sinceRefusal <= (raised ? SHORTEST_PROBE_INTERVAL : probeInterval) * limit) return
    // The last try was let through: the ceiling has moved, and may be far up.
    step = raised ? Math.min(step * 2, Math.ceil(limit / 2)) : 1
    if (raised) probeInterval = Math.max(SHORTEST_PROBE_INTERVAL, probeInterval / 2)
    raised = true
    sinceRefusal = 0
    limit = ceiling.raise(step)
  }
  const capped = (wanted: number): number => Math.min(ceiling.most(), wanted)

  return {
    limit: () => limit,
    current,
    roomInMs: (active) => (ramping() ? ramp.reachesMs((active + 1) / limit) : Infinity),
    rest: () => {
      rested = true
      sinceFailure = 0
    },
    sent: (active, undecided) => {
      if (rested && ceiling.most() === Infinity && undecided) {
        limit = Math.min(limit, INITIAL_LIMIT)
        guard.rebase(limit)
        ramp.begin()
      }
      rested = false
      // What is not made use of does not grow; what is goes on from where it has come to.
      if (active <= limit / 2) ramp.hold()
      else if (active > limit && ramping() && ramp.consume(active / limit)) limit = active
      if (--proven === 0) limit = 1
    },
    served: (sent, inFlight) => {
      if (inFlight > limit / 2) limit = current()
      ramp.hold()
      const enough = guard.report(sent.at, sent.active, clock() - sent.at, limit)
      if (enough !== undefined) {
        ramp.end()
        limit = enough
      }
      sinceRefusal++
      sinceFailure++
      if (sinceRefusal > CALM_AFTER) caution = 1
    },
    increase: (inFlight) => {
      if (proven > 0 && proven < Infinity) return
      // An idle gate learns nothing about what the server could take.
      if (inFlight < limit / 2 || guard.measuring()) return
      // On the clock.
      if (ramping() && ramp.started()) return
      const doubles =
        ceiling.roomToDouble(limit) ?? (!guard.wary() && (limit < threshold || threshold >= SLOW_START_LIMIT))
      if (limit < ceiling.most()) limit = capped(limit + (doubles ? 1 : 1 / (limit * caution)))
      else if (ceiling.learned()) probe(inFlight)
    },
    follow: ({ share, others, first, before }) => {
      // Whoever was refused of late comes back step by step: others do, too.
      const alone = others === 0 && (first || (limit >= before && sinceRefusal > 0))
      if (limit > share || alone) limit = share
    },
    delayRamp: () => {
      limit = current()
      ramp.delay()
    },
    endRamp,
    refusedInFlight: (sent, active) => {
      sinceRefusal = 0
      endRamp()
      const news = sent.at > decreasedAt
      if (news) caution = Math.min(caution * 2, MOST_CAUTION)
      decreasedAt = clock()
      limit = Math.max(1, Math.min(limit, active - 1))
      if (news && raised) probeInterval = Math.min(probeInterval * 2, LONGEST_PROBE_INTERVAL)
      // Refused at less than was learned, it has moved.
      else if (news && limit < ceiling.most()) probeInterval = SHORTEST_PROBE_INTERVAL
      raised &&= !news
      // Those that were sent with it may all have met the end of a window.
      if (news) limitBefore = limit
      threshold = Math.min(threshold, limit)
      ceiling.learn(limit)
    },
    suspend: (active, first) => {
      if (first) limitBefore = limit
      limit = Math.max(1, Math.min(limit, active - 1))
    },
    windowClosed: () => {
      sinceRefusal = 0
      proven = Infinity
    },
    pauseBegins: () => {
      limitBefore = Math.max(limit, limitBefore)
    },
    restore: (afterOutage) => {
      limit = Math.min(capped(limitBefore), afterOutage ? INITIAL_LIMIT : Infinity)
    },
    resume: (quota) => {
      if (quota !== undefined && quota < Infinity) {
        limit = capped(Math.min(limitBefore, quota))
        return
      }
      // One more finds out whether that is all.
      if (quota !== undefined) proven = sinceFailure - 1
      const most = quota !== undefined ? limit : limitBefore / 2
      limit = capped(Math.max(1, Math.min(most, sinceFailure - 1)))
    },
    refusedUntil: ({ at }) => {
      endRamp()
      if (at <= timedRefusalAt) return false
      const first = timedRefusalAt === -Infinity
      timedRefusalAt = clock()
      // Once is no habit.
      if (first || limit <= TIMED_REFUSAL_MIN_LIMIT) return false
      limit = Math.max(TIMED_REFUSAL_MIN_LIMIT, limit / 2)
      guard.rebase(limit)
      return true
    },
    overloaded: () => {
      limit = current()
      beforeOverload = { at: clock(), limit, threshold, startsAt: ramp.startsAt() }
      ramp.end()
      limit = threshold = Math.max(1, limit / 2)
    },
    breakerOpened: (whole) => {
      if (!whole && beforeOverload && clock() - beforeOverload.at < OUTAGE_MS) {
        limit = capped(Math.max(limit, beforeOverload.limit))
        threshold = beforeOverload.threshold
        ramp.resume(beforeOverload.startsAt)
      }
      beforeOverload = undefined
      limitBefore = limit
    },
    settle: () => {
      threshold = limitBefore = limit
      ceiling.learn(limit)
    },
    slowStart: () => {
      endRamp()
      limit = Math.min(limit, INITIAL_LIMIT)
    },
    reset: () => {
      limit = capped(Math.max(limit, limitBefore, INITIAL_LIMIT))
      threshold = fixed ?? SLOW_START_LIMIT
      proven = Infinity
      caution = 1
      decreasedAt = 0
    },
  }
}
