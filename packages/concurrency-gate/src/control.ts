import { clock, KINDS, ownLimits, type RequestLine, type Verdict } from '@aplomb/pipeline'
import { type Breaker, newBreaker } from './breaker.ts'
import { newChance } from './chance.ts'
import { newCrowd } from './crowd.ts'
import { newLatency } from './latency.ts'
import { newNature } from './nature.ts'
import { BACK, CLOSED, DOWN, newProbing, OPENED } from './probing.ts'
import { newRhythm } from './rhythm.ts'

/**
 * How many at once, as TCP would decide it: double while all goes well, take what the server says as the ceiling, learn
 * from refusals what it takes, and while it is down send one probe at a time.
 */
export interface Control {
  /** Whether one more may go out, with `active` in flight, `streams` of them with headers already. */
  room(active: number, streams?: number): boolean
  /** Whether one more stays within the ceilings that are certain: the user's and the server's own. */
  allows(active: number, streams?: number): boolean
  /** What the server is taken to allow, for people to look at. */
  readonly limit: number
  /** Whether the server itself named the ceiling: then open streams count, too. */
  readonly announced: boolean
  /** When it last served somebody, on the `clock`. */
  readonly servedAt: number
  /** Whether it has served somebody of late: then a refusal will pass. */
  readonly serving: boolean
  /** Since when it has done nothing but refuse and fail, if it does. */
  readonly barrenSince: number | undefined
  /** Milliseconds until the time that the server has named for all of the key. */
  askedMs(): number
  /** Whether the last thing heard of it, apart from refusals, was a failure. */
  readonly failing: boolean
  /** Whether its outage is over, and began less than a minute ago: refusals are of others who come back, too. */
  readonly comingBack: boolean
  /** Whether it was just refused for a limit that is its endpoint's own: no matter of the key. */
  isOwn(request: RequestLine): boolean
  /** Whether one request at a time is sent, to find out. */
  readonly probing: boolean
  /** Whether it refuses at random: then nothing but a moment helps. */
  readonly random: boolean
  /** Whether a lone refusal may have been by chance: asking again tells. */
  readonly uncertain: boolean
  /** Half-open probes of what is down. */
  readonly breaker: Pick<Breaker, 'laneOf' | 'waitMs' | 'probe'>
  /** Milliseconds by which a call that failed again comes back later, so that all who lost the same server do not come at once. */
  spreadMs(retry: number, request: RequestLine): number
  /** Milliseconds until there may be room for one more. */
  pauseMs(active: number, streams?: number): number
  /** Nothing is in flight, and nobody waits. */
  rest(): void
  /** A request goes out, with `active` in flight, itself included. Its answer comes back with what this returns. */
  sent(active: number, request: RequestLine): Sent
  /** The answer or the error came; `active` in flight still, itself included. Returns why the limit changed, or why it probes. */
  learn(verdict: Verdict, sent: Sent, active: number): string | undefined
}

export interface Sent {
  readonly at: number
  readonly active: number
  readonly request: RequestLine
}

const DOWN_PROBING = 'the server fails: probing'
const REFUSED_PROBING = 'refused without a time: probing'
/** Reasons for which calls wait while single ones probe, be the limit what it was. */
export const PROBING: ReadonlySet<string | undefined> = new Set([DOWN_PROBING, REFUSED_PROBING])

/** Enough to find out how fast the server is without being a burden to one that is small: at first, and after each rest. */
const START = 4
/** Up to here the limit doubles with each round, and beyond as long as none is refused and answers take no longer for it; else it grows by one. */
const SLOW_START = 16
/** A window that ran out halves what is in flight, as that many come too late each time; but this does no harm. */
const LATE = 8
/** Answers may take long: after so many milliseconds, slow start goes by the clock. */
const RAMP_AFTER_MS = 100
/** Then the limit doubles in so many milliseconds. */
const RAMP_MS = 40
/** What was learned is a hypothesis: with nothing sent for so long, in milliseconds, one request may go all the same. */
const PROBE_AT_LEAST_MS = 10_000
/** Failures further apart than that are not of one outage. */
const OUTAGE_MS = 10_000
/** A refusal that asks for a longer wait holds nobody. */
export const LONGEST_WAIT_MS = 60_000
/** From the second retry on, calls come back to a failing server spread over so many times the time since its first failure; with each further one a quarter. */
const SPREAD = 1.25
/** For so long after a good answer, refusals are a matter of our pace. */
const SERVING_MS = 10_000
/** A learned ceiling is tried again after so many good answers for each slot. */
const PATIENCE = 20
/** Where refusals follow each other, others keep the server full: then one slot more is tried so many times less often. */
const MOST_CAUTION = 4
/** Where others keep the server full, each slot is left free for so long a share of the last answer: then those who have none find one. */
const LEFT_FREE = 0.05
/** A single answer may take minutes: nobody is kept out for that long. */
const LONGEST_LEFT_FREE_MS = 500
/** How much of the past the share of failures remembers. */
const MEMORY = 0.8

/** A refusal that names no time to come back; one that has passed already is none. */
export const isSilent = ({ retryAfterMs = 0 }: Verdict): boolean => retryAfterMs <= 0

export const newControl = (fixed: number | undefined): Control => {
  let limit = fixed ?? START
  let ceiling = fixed ?? Infinity
  let slowStart = fixed ?? SLOW_START
  /** Whether the server itself named the ceiling: then there is nothing to find out beyond it. */
  let announced = false
  /** How many slots it has in all: few, as long as it does not say. */
  let slots = 3
  /** Whether enough of them are free to double, as the last answer says: as many as ours, or any where nobody else is. */
  let free: boolean | undefined
  /** Good answers since the last refusal. */
  let streak = 0
  /** The same since we began, or since the last failure. */
  let served = 0
  /** How many more a window takes for sure whose quota is not known; after those it is one at a time again. */
  let proven = Infinity
  const latency = newLatency(limit)
  /** Failures in a row, and their share of late. */
  let failures = 0
  let failing = 0
  let failingSince = 0
  let failedAt = -Infinity
  let crowdedAt = 0
  let outrunAt = -Infinity
  /** How many good answers, for each slot, it takes to try one slot more. */
  let caution = 1
  const crowd = newCrowd()
  const noCeiling = (): void => {
    // What was taken for the most in flight was none.
    if (!announced) ceiling = fixed ?? Infinity
  }
  let rhythm = newRhythm()
  let nature = newNature(noCeiling)
  const chance = newChance()

  const breaker = newBreaker()
  const endpoints = ownLimits()
  /** The last request that was refused for a limit of its endpoint's own. */
  let ownRefusal: RequestLine | undefined
  const probing = newProbing()
  /** Whether that is for a server that comes back from an outage, not for its limits alone. */
  let back = false
  /** The last call that was refused since the last success, and whether another one was, too. */
  let refusedCall: RequestLine | undefined
  let severalRefused = false
  /** When the ramp was at `limit`; undefined once something was refused, until a rest. */
  let rampAt: number | undefined = clock() + RAMP_AFTER_MS
  let sentAt = -Infinity
  let barrenSince: number | undefined
  /** A time that the server has named: nothing shortens that. */
  let askedUntil = 0
  let leftFreeUntil = 0
  let lastSuccessAt = -Infinity
  let rested = false
  let limitBefore = limit
  /** What halving for overload has taken away. */
  let spared:
    | { readonly at: number; readonly limit: number; readonly slowStart: number; readonly rampAt: number | undefined }
    | undefined

  const now = clock

  const ramping = (): boolean =>
    rampAt !== undefined &&
    ceiling === Infinity &&
    nature.is === undefined &&
    !nature.trying &&
    probing.since === undefined

  /** The limit with what the ramp adds to it by now: never more than a doubling at one moment. */
  const ramped = (): number =>
    ramping() ? limit * 2 ** Math.max(0, Math.min(1, (now() - (rampAt ?? 0)) / RAMP_MS)) : limit

  /** Slow start goes by the answers for a while. */
  const waitWithRamp = (): void => {
    limit = ramped()
    if (rampAt !== undefined) rampAt = now() + RAMP_AFTER_MS
  }

  const endRamp = (): void => {
    limit = ramped()
    rampAt = undefined
  }

  const noteRefused = ({ request }: Sent): void => {
    barrenSince ??= now()
    if (refusedCall !== undefined && refusedCall !== request) severalRefused = true
    refusedCall = request
  }

  const grow = (sent: Sent, active: number): void => {
    if (proven > 0 && proven < Infinity) return
    // An idle gate learns nothing about what the server could take.
    if (Math.max(sent.active, active) < limit / 2) return
    if (latency.measuring || nature.trying) return
    // On the clock.
    if (ramping() && rampAt !== undefined && rampAt <= now()) return
    const doubling = free ?? (!latency.wary && (limit < slowStart || slowStart >= SLOW_START))
    if (limit < ceiling) limit = Math.min(ceiling, limit + (doubling ? 1 : 1 / (limit * caution)))
    else if (!announced && ceiling < (fixed ?? Infinity) && streak > PATIENCE * ceiling) {
      streak = 0
      limit = ++ceiling
    }
  }

  /** As many as the window takes; if that is not known, no more than it took before. */
  const afterRefusal = (): number => {
    if (rhythm.known && nature.is === 'window') return limitBefore
    // One more finds out whether that is all.
    if (nature.is === 'window') proven = served - 1
    return Math.max(1, Math.min(nature.is === 'window' ? limit : limitBefore / 2, served - 1))
  }

  const succeeded = (sent: Sent, active: number): void => {
    rhythm.accepted(sent.at)
    chance.served(sent)
    endpoints.served(sent.request, sent.at)
    lastSuccessAt = now()
    refusedCall = undefined
    severalRefused = false
    barrenSince = undefined
    const tookMs = lastSuccessAt - sent.at
    crowd.heard(tookMs)
    // What was not made use of does not grow.
    if (Math.max(sent.active, active) > limit / 2) limit = ramped()
    if (rampAt !== undefined) rampAt = Math.max(rampAt, lastSuccessAt)
    const enough = latency.heard(sent.at, sent.active, tookMs, limit)
    if (enough !== undefined) {
      rampAt = undefined
      limit = enough
    }
    failures = 0
    failing *= MEMORY
    streak++
    served++
    if (streak > PATIENCE) caution = 1
    const { othersServed } = breaker
    // It is up again: all that has waited must not come at once, unless others have shown how many it takes.
    if (breaker.served(sent.request, sent.at) && !othersServed) {
      endRamp()
      limit = Math.min(limit, START)
    }
    if (rhythm.contradicted) relearn()
    if (nature.served(sent, active, limit)) ceiling = slowStart = limit
    if (nature.is === 'window' && chance.likely) refuseByChance()
    if (probing.since !== undefined) {
      // An answer from before things went bad is no sign that they are well again.
      if (probing.isOld(sent.at)) return
      if (!back) limit = Math.min(ceiling, afterRefusal())
      back = false
      probing.end()
      // One more alone before there are two.
      if (limit === 1) return
    }
    grow(sent, active)
  }

  const failed = (sent: Sent, overloaded: boolean): string | undefined => {
    if (failures++ === 0 || now() - failedAt > OUTAGE_MS) failingSince = now()
    failedAt = now()
    failing = failing * MEMORY + 1 - MEMORY
    served = 0
    chance.outage()
    barrenSince ??= now()
    const opened = breaker.failed(sent.request, sent.at)
    if (opened !== undefined) {
      // It was its endpoint that failed, not the key that had too much to do.
      if (opened === 'endpoint' && spared && failedAt - spared.at < OUTAGE_MS) {
        limit = Math.min(ceiling, Math.max(limit, spared.limit))
        slowStart = spared.slowStart
        rampAt = spared.rampAt
      }
      spared = undefined
      limitBefore = limit
      return DOWN_PROBING
    }
    // What was sent before the last decision says nothing about its effect.
    if (probing.isOld(sent.at)) return undefined
    // It had come back from an outage, and has not.
    if (probing.since !== undefined) probing.pause(DOWN)
    else if (
      overloaded &&
      failing >= 0.5 &&
      lastSuccessAt > failingSince - OUTAGE_MS &&
      !breaker.laneOf(sent.request)
    ) {
      limit = ramped()
      spared = { at: failedAt, limit, slowStart, rampAt }
      rampAt = undefined
      probing.decide()
      limit = slowStart = Math.max(1, limit / 2)
      return 'overloaded'
    }
    return undefined
  }

  /** Too many in flight: those that still are is what the server takes. */
  const crowded = (sent: Sent, active: number): string | undefined => {
    streak = 0
    endRamp()
    if (sent.at > crowdedAt) caution = Math.min(caution * 2, MOST_CAUTION)
    crowdedAt = now()
    limit = Math.max(1, Math.min(limit, active - 1))
    slowStart = Math.min(slowStart, limit)
    if (!announced) ceiling = limit
    // None is: others keep it full. A single call may have met something that is only about itself.
    if (active <= 1 && !probing.isOld(sent.at) && (announced || severalRefused)) {
      probing.pauseFor(crowd.lost(now() - (probing.since ?? now()), slots))
    }
    return `refused with ${active} in flight`
  }

  const outOfWindow = (sent: Sent): string | undefined => {
    rhythm.refused(sent.at)
    streak = 0
    proven = Infinity
    if (probing.isOld(sent.at)) return undefined
    const news = probing.since === undefined
    if (news) {
      limitBefore = Math.max(limit, limitBefore)
      nature.closed()
    }
    limit = Math.min(limitBefore, ceiling)
    if (failures > 0) {
      // The breaker has nothing to probe for: it answers.
      breaker.close()
      back = true
      limit = Math.min(limit, START)
      probing.pause(BACK, failingSince)
    } else probing.pause(rhythm.openedAt === undefined ? CLOSED : OPENED, rhythm.openedAt)
    const opensInMs = rhythm.waitMs()
    if (opensInMs > 0) probing.sleep(opensInMs)
    // Before the key pauses: is it not chance?
    if (news && failures === 0 && chance.wantsTest()) probing.sleep(0)
    return news ? REFUSED_PROBING : undefined
  }

  /** What was learned from refusals does not hold. */
  const relearn = (): void => {
    nature = newNature(noCeiling)
    rhythm = newRhythm()
    noCeiling()
  }

  /** Nothing was to be learned from refusals so far. */
  const unlearn = (): void => {
    relearn()
    probing.end()
    limit = Math.min(ceiling, Math.max(limit, limitBefore, START))
    slowStart = fixed ?? SLOW_START
    proven = Infinity
    caution = 1
    crowdedAt = 0
  }

  const refuseByChance = (): void => {
    chance.believe()
    unlearn()
  }

  const refusedSilently = (sent: Sent, active: number): string | undefined => {
    chance.refused(sent)
    if (chance.believed) return undefined
    // One refusal among successes: a limit would refuse the next one, too.
    if (nature.is === undefined && !nature.trying && active > 1 && chance.negligible) {
      waitWithRamp()
      return undefined
    }
    endRamp()
    if (nature.is === undefined && chance.likely) {
      refuseByChance()
      return 'refused at random'
    }
    // Long after its last failure, a server that refuses is not one that comes back.
    if (probing.since === undefined && now() - failedAt > OUTAGE_MS) failures = 0
    const fewer = (active < ceiling || active <= 1) && sent.at > crowdedAt
    const news = !nature.trying
    const what = nature.refused(sent, active, fewer)
    if (what === 'in flight') {
      const reason = crowded(sent, active)
      if (active <= 1 && chance.wantsTest()) probing.sleep(0)
      return reason
    }
    if (what === 'window' && chance.likely) {
      refuseByChance()
      return 'refused at random'
    }
    if (what !== undefined) return outOfWindow(sent)
    rhythm.refused(sent.at)
    if (news) {
      limitBefore = limit
      probing.decide()
    }
    limit = Math.max(1, Math.min(limit, active - 1))
    return `refused with ${active} in flight`
  }

  /** A window has run out, and says until when: the hold below does the waiting. Once is no habit. */
  const outrun = (sent: Sent): string | undefined => {
    endRamp()
    if (sent.at <= outrunAt) return undefined
    const first = outrunAt === -Infinity
    outrunAt = now()
    if (first || limit <= LATE) return undefined
    limit = Math.max(LATE, limit / 2)
    latency.rebase(limit)
    return 'refused until a time'
  }

  const heed = ({ limits }: Verdict, sent: Sent, active: number): string | undefined => {
    const { limit: named, active: used, remaining } = limits.concurrency ?? {}
    const most = named ?? (used !== undefined && remaining !== undefined ? used + remaining : undefined)
    free = undefined
    if (most === undefined || most < 1) return undefined
    slots = most
    const others = Math.max(0, (used ?? 0) - Math.max(active, sent.active))
    const share = Math.max(1, Math.min(fixed ?? Infinity, most - others))
    const news = !announced || share !== ceiling
    // Whoever was refused of late comes back step by step: others do, too.
    if (limit > share || (others === 0 && (!announced || (limit >= ceiling && streak > 0)))) limit = share
    if (used !== undefined) {
      free = most - used >= (others > 0 ? limit : 1)
      if (others > 0 && used >= most)
        leftFreeUntil = now() + Math.min(LONGEST_LEFT_FREE_MS, (now() - sent.at) * LEFT_FREE)
    }
    ceiling = share
    announced = true
    return news ? `the server allows ${most}, others use ${others}` : undefined
  }

  const judge = (verdict: Verdict, sent: Sent, active: number): string | undefined => {
    const { kind, retryAfterMs } = verdict
    const reason = heed(verdict, sent, active)
    // The prose of an answer to something else is about that call alone.
    if (verdict.tentative) return reason
    if (kind === 'rate-limited' || kind === 'concurrency-limited') {
      const counts = verdict.limits.concurrency !== undefined || retryAfterMs !== undefined
      const own = !counts && !chance.believed ? endpoints.refused(sent.request, sent.at) : undefined
      ownRefusal = own && sent.request
      // What was learned from its refusals before was no matter of the key, either.
      if (own === 'found') unlearn()
      if (own) return reason
      noteRefused(sent)
    }
    if (kind === 'concurrency-limited') {
      if (retryAfterMs !== undefined && retryAfterMs <= LONGEST_WAIT_MS)
        askedUntil = Math.max(askedUntil, now() + retryAfterMs)
      return crowded(sent, active) ?? reason
    }
    if (kind === 'rate-limited') return (isSilent(verdict) ? refusedSilently(sent, active) : outrun(sent)) ?? reason
    if (KINDS[kind].failure) return failed(sent, kind === 'overloaded') ?? reason
    // What was given up, or is unknown, says nothing about how the server fares.
    if (KINDS[kind].action !== 'stop') succeeded(sent, active)
    return reason
  }

  /** Milliseconds until the window opens again, as long as the evidence is not against there being one. */
  const closedMs = (): number => (nature.is === 'window' && !chance.leaning ? rhythm.waitMs() : 0)

  /** Where all that is in flight are open streams, the server may not count them, whatever it announces. */
  const allows = (active: number, streams: number): boolean =>
    active < (fixed ?? Infinity) && (!announced || active < slots || active === streams)

  /** Milliseconds until a request may go although what was learned speaks against it. */
  const floorMs = (active: number, streams: number): number =>
    active > streams && active >= Math.floor(limit) ? Infinity : Math.max(0, sentAt + PROBE_AT_LEAST_MS - now())

  return {
    allows: (active, streams = 0) => allows(active, streams),
    room: (active, streams = 0) => {
      if (now() < askedUntil) return false
      const unanswered = active - streams
      if (floorMs(active, streams) === 0 && allows(active, streams)) return true
      if (probing.waitMs() > 0 || now() < leftFreeUntil) return false
      if (probing.since !== undefined) return unanswered < 1
      if (nature.trying) return nature.due && active < (fixed ?? Infinity)
      if (closedMs() > 0) return false
      // An open stream keeps nobody out, unless the server itself counts.
      return active < Math.floor(ramped()) || (unanswered === 0 && !announced && fixed === undefined)
    },
    get limit() {
      return Math.floor(limit)
    },
    get announced() {
      return announced
    },
    get barrenSince() {
      return barrenSince
    },
    askedMs: () => Math.max(0, askedUntil - now()),
    get failing() {
      return failures > 0
    },
    isOwn: (request) => request === ownRefusal,
    get probing() {
      return probing.since !== undefined || nature.trying
    },
    get comingBack() {
      return back && now() - failingSince < LONGEST_WAIT_MS
    },
    get random() {
      return chance.believed
    },
    get uncertain() {
      return !nature.trying && chance.possible
    },
    breaker,
    spreadMs: (retry, request) => {
      // The first retry comes when it is said to; a probe at a time needs no spreading.
      if (retry < 2 || failures === 0 || probing.since !== undefined || breaker.laneOf(request)) return 0
      return (Math.random() * SPREAD * (failedAt - failingSince)) / 4 ** (retry - 2)
    },
    get serving() {
      return now() - lastSuccessAt < SERVING_MS
    },
    get servedAt() {
      return lastSuccessAt
    },
    pauseMs: (active, streams = 0) => {
      const askedMs = Math.max(0, askedUntil - now())
      const learnedMs = Math.max(
        0,
        probing.waitMs(),
        leftFreeUntil - now(),
        probing.since === undefined ? nature.waitMs() : 0,
        closedMs(),
      )
      // When the ramp has come to one slot more.
      const rampMs = ramping() ? (rampAt ?? 0) + RAMP_MS * Math.log2((active + 1) / limit) - now() : Infinity
      const floor = floorMs(active, streams)
      const ownMs = learnedMs > 0 ? Math.min(learnedMs, floor) : Math.min(rampMs, floor)
      if (askedMs > 0) return learnedMs > 0 ? Math.max(askedMs, ownMs) : askedMs
      return ownMs === Infinity ? 0 : Math.max(1, ownMs)
    },
    rest: () => {
      rested = true
      served = 0
      nature.rest()
    },
    sent: (active, request) => {
      sentAt = now()
      if (rested && ceiling === Infinity && nature.is === undefined) {
        limit = Math.min(limit, START)
        latency.rebase(limit)
        rampAt = sentAt + RAMP_AFTER_MS
      }
      rested = false
      // What is not made use of does not grow; what is goes on from where it has come to.
      if (rampAt !== undefined && active <= limit / 2) rampAt = Math.max(rampAt, sentAt)
      else if (rampAt !== undefined && rampAt < sentAt && ramping() && active > limit) {
        rampAt = Math.max(rampAt, sentAt - RAMP_MS) + RAMP_MS * Math.log2(active / limit)
        limit = active
      }
      rhythm.sent()
      if (--proven === 0) limit = 1
      const one = { at: sentAt, active, request }
      chance.sent(one, nature.is === 'window')
      nature.sent(one)
      return one
    },
    learn: (verdict, sent, active) => {
      const reason = judge(verdict, sent, active)
      if (
        verdict.kind === 'rate-limited' ||
        verdict.kind === 'concurrency-limited' ||
        KINDS[verdict.kind].action === 'stop'
      )
        breaker.ended(sent.request)
      nature.ended(sent)
      chance.ended(sent)
      return reason
    },
  }
}
