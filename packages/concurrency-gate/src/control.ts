import { clock, type RequestLine, type Verdict } from '@aplomb/pipeline'
import { INITIAL_LIMIT, newAimd } from './aimd.ts'
import { type Breaker, newBreaker } from './breaker.ts'
import { newCeiling } from './ceiling.ts'
import { newDelayGuard } from './delay-guard.ts'
import { newLiveness } from './liveness.ts'
import { newOutage, OUTAGE_MS } from './outage.ts'
import { DOWN, newProbing } from './probing.ts'
import { newRefusals, REFUSED_PROBING } from './refusals.ts'
import type { Sent } from './sent.ts'
import { type Congestion, signalOf } from './signal.ts'

/**
 * How many at once, as TCP would decide it. What an answer means for congestion is found out once, and goes to the parts:
 * each holds its own evidence, and only `aimd` writes the limit.
 */
export interface Control {
  /** Whether one more may go out, with `active` in flight, `streams` of them with headers already. */
  room(active: number, streams?: number): boolean
  /** Whether one more stays within the ceilings that are certain: the user's and the server's own. */
  allows(active: number, streams?: number): boolean
  /** What the server is taken to allow, for people to look at. */
  limit(): number
  /** How many may be in flight, where that is known: announced, the user's, or, unless it is to be `certain`, learned. */
  ceiling(certain?: boolean): number | undefined
  /** Whether nothing speaks against one more but the limit. */
  free(): boolean
  /** Whether the server itself named the ceiling: then open streams count, too. */
  announced(): boolean
  /** When it last served somebody, on the `clock`. */
  servedAt(): number
  /** Whether it has served somebody of late: then a refusal will pass. */
  serving(): boolean
  /** Milliseconds until the time that the server has named for all of the key. */
  askedMs(): number
  /** Whether the last thing heard of it, apart from refusals, was a failure. */
  failing(): boolean
  /** Whether an outage that had begun by then is over, and began less than a minute ago: refusals are of others who come back, too. */
  comingBack(failedAt: number): boolean
  /** Whether it was just refused for a limit that is its endpoint's own: no matter of the key. */
  isOwn(request: RequestLine): boolean
  /** Whether one request at a time is sent, to find out. */
  probing(): boolean
  /** Whether it refuses at random: then nothing but a moment helps. */
  random(): boolean
  /** Whether a lone refusal may have been by chance: asking again tells. */
  uncertain(): boolean
  /** Half-open probes of what is down. */
  readonly breaker: Pick<Breaker, 'laneOf' | 'waitMs' | 'probe'>
  /** Milliseconds by which a call that failed again comes back later. */
  spreadMs(retry: number, request: RequestLine): number
  /** Milliseconds until there may be room for one more. */
  pauseMs(active: number, streams?: number): number
  /** Nothing is in flight, and nobody waits. */
  rest(): void
  /** A request goes out, or went out at that time, with `active` in flight, itself included. Its answer comes back with what this returns. */
  sent(active: number, request: RequestLine, at?: number): Sent
  /** The answer or the error came; `active` in flight still, itself included. Returns why the limit changed, or why it probes. */
  learn(verdict: Verdict, sent: Sent, active: number): string | undefined
  /** Takes over what is announced by an answer that is of no call here. */
  overheard(verdict: Verdict, sent: Sent): void
}

const DOWN_PROBING = 'the server fails: probing'
/** Reasons for which calls wait while single ones probe, be the limit what it was. */
export const PROBING: ReadonlySet<string | undefined> = new Set([DOWN_PROBING, REFUSED_PROBING])

const finite = (most: number): number | undefined => (most < Infinity ? most : undefined)

export const newControl = (fixed: number | undefined): Control => {
  const ceiling = newCeiling(fixed)
  const guard = newDelayGuard(fixed ?? INITIAL_LIMIT)
  const probing = newProbing()
  const breaker = newBreaker()
  const outage = newOutage()
  const liveness = newLiveness()
  const mayRamp = (): boolean => refusals.undecided() && !refusals.testing() && probing.since() === undefined
  const aimd = newAimd(ceiling, guard, mayRamp)
  const refusals = newRefusals({ aimd, breaker, ceiling, liveness, outage, probing })

  const served = (sent: Sent, active: number): void => {
    const inFlight = Math.max(sent.active, active)
    liveness.served()
    outage.served()
    aimd.served(sent, inFlight)
    const othersServed = breaker.othersServed()
    // It is up again: all that has waited must not come at once, unless others have shown how many it takes.
    if (breaker.served(sent.request, sent.at) && !othersServed) aimd.slowStart()
    refusals.served(sent, active)
    if (probing.since() !== undefined) {
      // An answer from before things went bad is no sign that they are well again.
      if (probing.predates(sent.at)) return
      refusals.resume()
      probing.end()
      // One more alone before there are two.
      if (aimd.limit() === 1) return
    }
    if (!refusals.testing()) aimd.increase(inFlight)
  }

  const failed = (sent: Sent, overloaded: boolean): string | undefined => {
    outage.failed()
    refusals.failed()
    const opened = breaker.failed(sent.request, sent.at)
    if (opened !== undefined) {
      aimd.breakerOpened(opened === 'key')
      return DOWN_PROBING
    }
    // What was sent before the last decision says nothing about its effect.
    if (probing.predates(sent.at)) return undefined
    // It had come back from an outage, and has not.
    if (probing.since() !== undefined) probing.pause(DOWN)
    else if (
      overloaded &&
      outage.prevails() &&
      liveness.servedAt() > outage.since() - OUTAGE_MS &&
      !breaker.laneOf(sent.request)
    ) {
      aimd.overloaded()
      probing.decide()
      return 'overloaded'
    }
    return undefined
  }

  /** Why the limit changes with this signal. */
  const takeIn = (signal: Congestion, verdict: Verdict, sent: Sent, active: number): string | undefined => {
    switch (signal) {
      case 'served':
        served(sent, active)
        break
      case 'failed':
      case 'overloaded':
        return failed(sent, signal === 'overloaded')
      case 'refused in flight':
        return refusals.inFlight(verdict, sent, active)
      case 'refused silently':
        return refusals.silently(sent, active)
      case 'refused until':
        // The hold below does the waiting.
        return aimd.refusedUntil(sent) ? 'refused until a time' : undefined
      case 'says nothing':
    }
    return undefined
  }

  const heed = (verdict: Verdict, sent: Sent, active: number): string | undefined => {
    const announcement = ceiling.heed(verdict, sent, active)
    if (announcement === undefined) return undefined
    aimd.follow(announcement)
    const { news, slots, others } = announcement
    return news ? `the server allows ${slots}, others use ${others}` : undefined
  }

  /** Milliseconds until a request may go although what was learned speaks against it. */
  const floorMs = (active: number, streams: number): number =>
    active > streams && active >= Math.floor(aimd.limit()) ? Infinity : liveness.floorMs()

  return {
    breaker,
    allows: (active, streams = 0) => ceiling.allows(active, streams),
    room: (active, streams = 0) => {
      if (refusals.namedMs() > 0) return false
      const unanswered = active - streams
      if (floorMs(active, streams) === 0 && ceiling.allows(active, streams)) return true
      if (probing.waitMs() > 0 || ceiling.yieldMs() > 0) return false
      if (probing.since() !== undefined) return unanswered < refusals.probesAmong()
      if (refusals.testing()) return refusals.testReady() && active < (fixed ?? Infinity)
      if (refusals.closedMs() > 0) return false
      // An open stream keeps nobody out, unless the server itself counts.
      return (
        active < Math.max(Math.floor(aimd.current()), refusals.testAmong()) ||
        (unanswered === 0 && !ceiling.announced() && fixed === undefined)
      )
    },
    limit: () => Math.floor(aimd.limit()),
    ceiling: (certain = false) => (certain && ceiling.learned() ? fixed : finite(ceiling.most())),
    free: () =>
      probing.since() === undefined &&
      !refusals.testing() &&
      refusals.namedMs() <= 0 &&
      refusals.closedMs() <= 0 &&
      breaker.quiet(),
    announced: () => ceiling.announced(),
    servedAt: () => liveness.servedAt(),
    serving: () => liveness.serving(),
    failing: () => outage.failing(),
    comingBack: (failedAt) => refusals.comingBack(failedAt),
    probing: () => probing.since() !== undefined || refusals.testing(),
    random: () => refusals.random(),
    uncertain: () => refusals.uncertain(),
    askedMs: refusals.namedMs,
    isOwn: refusals.isOwn,
    // A probe at a time needs no spreading.
    spreadMs: (retry, request) =>
      probing.since() !== undefined || breaker.laneOf(request) ? 0 : outage.spreadMs(retry),
    pauseMs: (active, streams = 0) => {
      const namedMs = refusals.namedMs()
      const testMs = probing.since() === undefined ? refusals.testMs() : 0
      const learnedMs = Math.max(0, probing.waitMs(), ceiling.yieldMs(), testMs, refusals.closedMs())
      const floor = floorMs(active, streams)
      const ownMs = Math.min(learnedMs > 0 ? learnedMs : aimd.roomInMs(active), floor)
      if (namedMs > 0) return learnedMs > 0 ? Math.max(namedMs, ownMs) : namedMs
      return ownMs === Infinity ? 0 : Math.max(1, ownMs)
    },
    rest: () => {
      aimd.rest()
      refusals.rest()
    },
    sent: (active, request, at = clock()) => {
      const one = { at, active, request }
      liveness.sent()
      aimd.sent(active, refusals.undecided())
      refusals.sent(one)
      return one
    },
    learn: (verdict, sent, active) => {
      const signal = signalOf(verdict)
      const announced = heed(verdict, sent, active)
      const refused = signal.startsWith('refused')
      const own = refused && refusals.own(verdict, sent)
      if (refused && !own) liveness.refused(sent.request)
      const reason = own ? undefined : takeIn(signal, verdict, sent, active)
      if (refused || signal === 'says nothing') breaker.ended(sent.request)
      refusals.ended(sent)
      return reason ?? announced
    },
    overheard: (verdict, sent) => void heed(verdict, sent, sent.active),
  }
}
