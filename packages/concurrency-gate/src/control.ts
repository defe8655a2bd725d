import type { Verdict } from '@aplomb/classify'
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
  /** Whether one more may go out, with `active` in flight. */
  room(active: number): boolean
  /** What the server is taken to allow, for people to look at. */
  readonly limit: number
  /** Whether it has served somebody of late: then a refusal will pass. */
  readonly serving: boolean
  /** Whether the last thing heard of it, apart from refusals, was a failure. */
  readonly failing: boolean
  /** Milliseconds by which a call that failed comes back later, so that all who lost the same server do not come at once. */
  spreadMs(retry: number): number
  /** Milliseconds until the pause in force ends. */
  pauseMs(): number
  /** Nothing is in flight, and nobody waits. */
  rest(): void
  /** A request goes out, with `active` in flight, itself included. Its answer comes back with what this returns. */
  sent(active: number): Sent
  /** The answer or the error came; `active` in flight still, itself included. Returns why the limit changed, if it did. */
  learn(verdict: Verdict, sent: Sent, active: number): string | undefined
}

export interface Sent {
  readonly at: number
  readonly active: number
}

/** Enough to find out how fast the server is without being a burden to one that is small: at first, and after each rest. */
const START = 4
/** Up to here the limit doubles with each round, and beyond as long as none is refused and answers take no longer for it; else it grows by one. */
const SLOW_START = 16
/** A window that ran out halves what is in flight, as that many come too late each time; but this does no harm. */
const LATE = 8
/** Whoever needs more says so with `limit`. */
const MOST = 256
/** So many failures in a row, and the server is taken to be down. */
const DOWN_AFTER = 5
/** Failures further apart than that are not of one outage. */
const OUTAGE_MS = 10_000
/** A refusal that asks for a longer wait holds nobody. */
export const LONGEST_WAIT_MS = 60_000
/** Calls come back to a failing server spread over so many times the time since its first failure; with each retry a quarter. */
const SPREAD = 1.35
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

const FAILURES: ReadonlySet<string> = new Set(['server-error', 'network', 'timeout', 'overloaded'])
/** These say nothing about how the server fares. */
const SAY_NOTHING: ReadonlySet<string> = new Set(['aborted', 'unknown'])

export const newControl = (fixed: number | undefined): Control => {
  let limit = fixed ?? START
  let ceiling = fixed ?? MOST
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
  const rhythm = newRhythm()
  const crowd = newCrowd()
  const nature = newNature(() => {
    // What was taken for the most in flight was none.
    if (!announced) ceiling = fixed ?? MOST
  })

  const probing = newProbing()
  /** Whether that is for failures, not for refusals alone. */
  let down = false
  /** A time that the server has named: nothing shortens that. */
  let askedUntil = 0
  let leftFreeUntil = 0
  let lastSuccessAt = -Infinity
  let rested = false
  let limitBefore = limit

  const now = (): number => performance.now()

  const grow = (sent: Sent, active: number): void => {
    if (proven > 0 && proven < Infinity) return
    // An idle gate learns nothing about what the server could take.
    if (Math.max(sent.active, active) < limit / 2) return
    if (latency.measuring || nature.trying) return
    const doubling = free ?? (!latency.wary && (limit < slowStart || slowStart >= SLOW_START))
    if (limit < ceiling) limit = Math.min(ceiling, limit + (doubling ? 1 : 1 / (limit * caution)))
    else if (!announced && ceiling < (fixed ?? MOST) && streak > PATIENCE * ceiling) {
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
    lastSuccessAt = now()
    const tookMs = lastSuccessAt - sent.at
    crowd.heard(tookMs)
    limit = latency.heard(sent.at, sent.active, tookMs, limit) ?? limit
    failures = 0
    failing *= MEMORY
    streak++
    served++
    if (streak > PATIENCE) caution = 1
    if (nature.served(sent, active, limit)) ceiling = slowStart = limit
    if (probing.since !== undefined) {
      // An answer from before things went bad is no sign that they are well again.
      if (probing.isOld(sent.at)) return
      if (!down) limit = Math.min(ceiling, afterRefusal())
      down = false
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
    // What was sent before the last decision says nothing about its effect.
    if (probing.isOld(sent.at)) return undefined
    const news = probing.since === undefined
    if (!news || failures >= DOWN_AFTER) {
      if (news) limitBefore = limit
      down = true
      limit = Math.min(limit, START)
      probing.pause(DOWN)
      return news ? 'the server fails: probing' : undefined
    }
    if (!overloaded || failing < 0.5) return undefined
    probing.decide()
    limit = slowStart = Math.max(1, limit / 2)
    return 'overloaded'
  }

  /** Too many in flight: those that still are is what the server takes. */
  const crowded = (sent: Sent, active: number): string | undefined => {
    streak = 0
    if (sent.at > crowdedAt) caution = Math.min(caution * 2, MOST_CAUTION)
    crowdedAt = now()
    limit = Math.max(1, Math.min(limit, active - 1))
    slowStart = Math.min(slowStart, limit)
    if (!announced) ceiling = limit
    // None is: others keep it full.
    if (active <= 1 && !probing.isOld(sent.at)) {
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
      down = true
      limit = Math.min(limit, START)
      probing.pause(BACK, failingSince)
    } else probing.pause(rhythm.openedAt === undefined ? CLOSED : OPENED, rhythm.openedAt)
    const opensInMs = rhythm.waitMs()
    if (opensInMs > 0) probing.sleep(opensInMs)
    return news ? 'refused without a time: probing' : undefined
  }

  const refusedSilently = (sent: Sent, active: number): string | undefined => {
    // Long after its last failure, a server that refuses is not one that comes back.
    if (probing.since === undefined && now() - failedAt > OUTAGE_MS) failures = 0
    const fewer = (active < ceiling || active <= 1) && sent.at > crowdedAt
    const news = !nature.trying
    const what = nature.refused(sent, active, fewer)
    if (what === 'in flight') return crowded(sent, active)
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
    if (kind === 'concurrency-limited') {
      if (retryAfterMs !== undefined && retryAfterMs <= LONGEST_WAIT_MS)
        askedUntil = Math.max(askedUntil, now() + retryAfterMs)
      return crowded(sent, active) ?? reason
    }
    if (kind === 'rate-limited')
      return (retryAfterMs === undefined ? refusedSilently(sent, active) : outrun(sent)) ?? reason
    if (FAILURES.has(kind)) return failed(sent, kind === 'overloaded') ?? reason
    if (!SAY_NOTHING.has(kind)) succeeded(sent, active)
    return reason
  }

  return {
    room: (active) => {
      if (probing.waitMs() > 0 || now() < Math.max(askedUntil, leftFreeUntil)) return false
      if (probing.since !== undefined) return active < 1
      if (nature.trying) return nature.due && active < (fixed ?? MOST)
      if (nature.is === 'window' && rhythm.waitMs() > 0) return false
      return active < Math.floor(limit)
    },
    get limit() {
      return Math.floor(limit)
    },
    get failing() {
      return failures > 0
    },
    spreadMs: (retry) => {
      // A probe at a time needs no spreading.
      if (failures === 0 || probing.since !== undefined) return 0
      return (Math.random() * SPREAD * (now() - failingSince)) / 4 ** (retry - 1)
    },
    get serving() {
      return now() - lastSuccessAt < SERVING_MS
    },
    pauseMs: () =>
      Math.max(
        0,
        probing.waitMs(),
        askedUntil - now(),
        leftFreeUntil - now(),
        probing.since === undefined ? nature.waitMs() : 0,
        nature.is === 'window' ? rhythm.waitMs() : 0,
      ),
    rest: () => {
      rested = true
      served = 0
      nature.rest()
    },
    sent: (active) => {
      if (rested && ceiling === MOST && nature.is === undefined) {
        limit = Math.min(limit, START)
        latency.rebase(limit)
      }
      rested = false
      rhythm.sent()
      if (--proven === 0) limit = 1
      const one = { at: now(), active }
      nature.sent(one)
      return one
    },
    learn: (verdict, sent, active) => {
      const reason = judge(verdict, sent, active)
      nature.ended(sent)
      return reason
    },
  }
}
