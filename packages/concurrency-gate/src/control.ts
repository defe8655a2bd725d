import type { Verdict } from '@aplomb/classify'
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

/** Enough to find out how fast the server is without being a burden to one that is small. */
const START = 4
/** After a moment with nothing in flight, a burst begins with so many: what was true before it may be so no more. */
const BURST = 8
/** Up to here the limit doubles with each round, and beyond as long as answers take no longer for it; else it grows by one. */
const SLOW_START = 16
/** Answers take so many times as long as the fastest: they wait for each other in the server. */
const QUEUEING = 2
/** A difference that is none, in milliseconds. */
const NOISE_MS = 5
/** Whoever needs more says so with `limit`. */
const MOST = 256
/** So many failures in a row, and the server is taken to be down. */
const DOWN_AFTER = 5
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 4000
/** Pauses are this share of the time that the server has been down: its end is noticed that much late at most. */
const PAUSE_SHARE = 0.2
/** Of a window that has not shown its length: asking more often would be refused more often. */
const WINDOW_PAUSE_SHARE = 0.3
/** A refusal that asks for a longer wait holds nobody. */
export const LONGEST_WAIT_MS = 60_000
/** For so long after a good answer, refusals are a matter of our pace. */
const SERVING_MS = 10_000
/** A learned ceiling is tried again after so many good answers for each slot. */
const PATIENCE = 20
/** So many signs against it, and a silent refusal is no longer taken for one of too many in flight. */
const DOUBTS = 3
/** How much of the past the share of failures remembers. */
const MEMORY = 0.8

const FAILURES: ReadonlySet<string> = new Set(['server-error', 'network', 'timeout', 'overloaded'])
/** These say nothing about how the server fares. */
const SAY_NOTHING: ReadonlySet<string> = new Set(['aborted', 'unknown'])

/** A 429 without a word is one for a window of time or one for too many in flight. */
type Nature = 'window' | 'in flight' | 'unknown'

export const newControl = (fixed: number | undefined): Control => {
  let limit = fixed ?? START
  let ceiling = fixed ?? MOST
  let slowStart = fixed ?? SLOW_START
  /** Whether the server itself named the ceiling: then there is nothing to find out beyond it. */
  let announced = false
  /** Good answers since the last refusal. */
  let streak = 0
  /** How long answers take: the fastest of late, and on average. */
  let fastestMs = Infinity
  let averageMs = 0
  /** Failures in a row, and their share of late. */
  let failures = 0
  let failing = 0
  let nature: Nature = 'unknown'
  /** What a silent refusal was is tried with one request, once others have shown that the server is well. */
  let trial: 'none' | 'waiting' | 'due' | 'sent' = 'none'
  let tried: Sent | undefined
  let contradictions = 0
  let crowdedAt = 0
  /** Requests without an answer yet: a stream is in flight for long after it. */
  let unanswered = 0
  const rhythm = newRhythm()

  /** While set, one at a time is sent, between pauses. */
  let badSince: number | undefined
  let pausedUntil = 0
  /** A time that the server has named: nothing shortens that. */
  let askedUntil = 0
  let decidedAt = 0
  let lastSuccessAt = -Infinity
  let rested = false
  let limitBefore = limit

  const now = (): number => performance.now()

  const pause = (share: number): void => {
    const elapsed = now() - (badSince ??= now())
    const ms = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, elapsed * share))
    // A part of it is chance: many processes that lost the same server must not come back together.
    pausedUntil = now() + ms * (0.75 + Math.random() / 2)
    decidedAt = now()
  }

  const recover = (): void => {
    badSince = undefined
    pausedUntil = 0
    decidedAt = now()
  }

  const grow = (sent: Sent, active: number): void => {
    // An idle gate learns nothing about what the server could take.
    if (Math.max(sent.active, active) < limit / 2) return
    const doubling = limit < slowStart || (slowStart >= SLOW_START && averageMs < fastestMs * QUEUEING + NOISE_MS)
    if (limit < ceiling) limit = Math.min(ceiling, limit + (doubling ? 1 : 1 / limit))
    else if (!announced && ceiling < (fixed ?? MOST) && streak > PATIENCE * ceiling) {
      streak = 0
      limit = ++ceiling
    }
  }

  const succeeded = (sent: Sent, active: number): void => {
    rhythm.accepted(sent.at)
    lastSuccessAt = now()
    const tookMs = lastSuccessAt - sent.at
    averageMs = averageMs * MEMORY + tookMs * (1 - MEMORY)
    // What was true once need not be for ever: the fastest slowly gives way.
    fastestMs = Math.min(fastestMs * 1.01, tookMs)
    failures = 0
    failing *= MEMORY
    streak++
    if (trial === 'waiting') trial = 'due'
    else if (trial === 'sent' && sent === tried) {
      trial = 'none'
      nature = 'in flight'
      ceiling = slowStart = limit
    }
    if (badSince !== undefined) {
      // An answer from before things went bad is no sign that they are well again.
      if (sent.at < decidedAt) return
      recover()
      limit = Math.min(ceiling, nature === 'window' ? limitBefore : Math.max(1, Math.min(limit, limitBefore / 2)))
    }
    grow(sent, active)
  }

  const failed = (sent: Sent, overloaded: boolean): string | undefined => {
    failures++
    failing = failing * MEMORY + 1 - MEMORY
    // What was sent before the last decision says nothing about its effect.
    if (sent.at < decidedAt) return undefined
    if (badSince !== undefined || failures >= DOWN_AFTER) {
      const news = badSince === undefined
      if (news) limitBefore = limit
      limit = Math.min(limit, START)
      pause(PAUSE_SHARE)
      return news ? 'the server fails: probing' : undefined
    }
    if (!overloaded || failing < 0.5) return undefined
    decidedAt = now()
    limit = slowStart = Math.max(1, limit / 2)
    return 'overloaded'
  }

  /** Too many in flight: those that still are is what the server takes. */
  const crowded = (sent: Sent, active: number): string | undefined => {
    streak = 0
    crowdedAt = now()
    limit = Math.max(1, Math.min(limit, active - 1))
    slowStart = Math.min(slowStart, limit)
    if (!announced) ceiling = limit
    // None is: others keep it full.
    if (active <= 1 && sent.at >= decidedAt) pause(PAUSE_SHARE)
    return `refused with ${active} in flight`
  }

  const outOfWindow = (sent: Sent): string | undefined => {
    rhythm.refused(sent.at)
    streak = 0
    if (sent.at < decidedAt) return undefined
    const news = badSince === undefined
    if (news) limitBefore = Math.max(limit, limitBefore)
    limit = Math.min(limitBefore, ceiling)
    const opensInMs = rhythm.waitMs()
    pause(WINDOW_PAUSE_SHARE)
    if (opensInMs > 0) pausedUntil = now() + opensInMs
    return news ? 'refused without a time: probing' : undefined
  }

  const refusedSilently = (sent: Sent, active: number): string | undefined => {
    if (nature === 'in flight') {
      // More were served before: so it is not that, after all.
      const fewer = active < ceiling || active <= 1
      if (fewer && sent.at > crowdedAt && ++contradictions >= DOUBTS) nature = 'window'
      else return crowded(sent, active)
    }
    if (nature === 'unknown' && trial === 'sent' && sent === tried) {
      nature = 'window'
      trial = 'none'
    }
    if (nature === 'window') return outOfWindow(sent)
    // Not known yet. Alone in flight, it was not for too many of ours.
    if (active <= 1 && trial !== 'due') {
      trial = 'none'
      return outOfWindow(sent)
    }
    rhythm.refused(sent.at)
    if (trial === 'none') {
      trial = 'waiting'
      limitBefore = limit
      decidedAt = now()
    }
    limit = Math.max(1, Math.min(limit, active - 1))
    return `refused with ${active} in flight`
  }

  const heed = ({ limits }: Verdict, sent: Sent, active: number): string | undefined => {
    const { limit: named, active: used, remaining } = limits.concurrency ?? {}
    const most = named ?? (used !== undefined && remaining !== undefined ? used + remaining : undefined)
    if (most === undefined || most < 1) return undefined
    const others = Math.max(0, (used ?? 0) - Math.max(active, sent.active))
    const share = Math.max(1, Math.min(fixed ?? Infinity, most - others))
    const news = !announced || share !== ceiling
    // Whoever was refused of late comes back step by step: others do, too.
    if (limit > share || !announced || (limit >= ceiling && streak > 0)) limit = share
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
    // With a time, the hold below does the waiting.
    if (kind === 'rate-limited')
      return (retryAfterMs === undefined ? refusedSilently(sent, active) : undefined) ?? reason
    if (FAILURES.has(kind)) return failed(sent, kind === 'overloaded') ?? reason
    if (!SAY_NOTHING.has(kind)) succeeded(sent, active)
    return reason
  }

  return {
    room: (active) => {
      if (now() < Math.max(pausedUntil, askedUntil)) return false
      if (badSince !== undefined) return active < 1
      if (trial === 'due') return active < (fixed ?? MOST)
      if (trial !== 'none') return false
      if (nature === 'window' && rhythm.waitMs() > 0) return false
      return active < Math.floor(limit)
    },
    get limit() {
      return Math.floor(limit)
    },
    get serving() {
      return now() - lastSuccessAt < SERVING_MS
    },
    pauseMs: () => Math.max(0, pausedUntil - now(), askedUntil - now(), nature === 'window' ? rhythm.waitMs() : 0),
    rest: () => {
      rested = true
    },
    sent: (active) => {
      if (rested && ceiling === MOST && nature === 'unknown') limit = Math.min(limit, BURST)
      rested = false
      rhythm.sent()
      unanswered++
      const one = { at: now(), active }
      if (trial === 'due') {
        trial = 'sent'
        tried = one
      }
      return one
    },
    learn: (verdict, sent, active) => {
      unanswered = Math.max(0, unanswered - 1)
      const reason = judge(verdict, sent, active)
      // Whatever becomes of the trial, or of the others that it waits for: it does not end all sending.
      if (trial === 'sent' && sent === tried) trial = 'due'
      if (trial === 'waiting' && unanswered === 0) trial = 'due'
      return reason
    },
  }
}
