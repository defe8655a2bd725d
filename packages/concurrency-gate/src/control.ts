import type { Verdict } from '@aplomb/classify'

/**
 * How many at once, as TCP would decide it: double while all goes well, take what the server says as the ceiling,
 * halve on overload, and while the server is down send one probe at a time, at growing intervals.
 */
export interface Control {
  /** Calls allowed in flight now. 0 while pausing. */
  readonly allowed: number
  /** The limit apart from pauses, for people to look at. */
  readonly limit: number
  /** Milliseconds until the pause in force ends. */
  pauseMs(): number
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
/** No API wants more from one client; whoever needs more says so with `limit`. */
const MOST = 256
/** So many failures in a row, and the server is taken to be down. */
const DOWN_AFTER = 3
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000
/** An outage is noticed to be over after a third of its time more, on average. */
const PAUSE_GROWTH = 1.5
/** A learned ceiling is tried again after so many good answers for each slot. */
const PATIENCE = 20

const FAILURES: ReadonlySet<string> = new Set(['server-error', 'network', 'timeout'])
/** These say nothing about how the server fares. */
const SILENT: ReadonlySet<string> = new Set(['aborted', 'unknown'])

export const newControl = (fixed: number | undefined): Control => {
  let limit = fixed ?? START
  let ceiling = fixed ?? MOST
  /** Whether the server itself named the ceiling: then there is nothing to find out beyond it. */
  let announced = false
  let doubling = fixed === undefined
  let streak = 0
  let failures = 0
  let down = false
  let pause = FIRST_PAUSE_MS
  let pausedUntil = 0
  let decidedAt = 0

  const now = (): number => performance.now()

  const pauseNow = (): void => {
    // Half of it is chance: many processes that lost the same server must not come back together.
    pausedUntil = now() + pause * (0.5 + Math.random() / 2)
    pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE_MS)
    decidedAt = now()
  }

  const succeeded = (sent: Sent, active: number): void => {
    failures = 0
    if (down) {
      down = false
      pausedUntil = 0
      doubling = true
      limit = 1
    }
    pause = FIRST_PAUSE_MS
    streak++
    // An idle gate learns nothing about what the server could take.
    if (Math.max(sent.active, active) < limit / 2) return
    if (doubling) limit = Math.min(ceiling, limit + 1)
    else if (limit < ceiling) limit = Math.min(ceiling, limit + 1 / limit)
    else if (!announced && ceiling < (fixed ?? MOST) && streak > PATIENCE * ceiling) {
      streak = 0
      ceiling++
      limit = ceiling
    }
  }

  const refused = (active: number): string => {
    streak = 0
    doubling = false
    if (!announced) {
      // Those still in flight are what the server takes; this one was too much.
      ceiling = Math.max(1, Math.min(ceiling, active - 1))
      limit = Math.min(limit, ceiling)
    }
    if (active <= 1) pauseNow()
    return `refused with ${active} in flight`
  }

  const failed = (sent: Sent, overloaded: boolean, silent: boolean): string | undefined => {
    // What was sent before the last decision says nothing about its effect.
    if (sent.at < decidedAt) return undefined
    failures++
    if (down || failures >= DOWN_AFTER || silent) {
      const news = !down
      down = true
      pauseNow()
      return news ? (silent ? 'refused without a time: probing' : 'the server fails: probing') : undefined
    }
    if (!overloaded) return undefined
    decidedAt = now()
    doubling = false
    limit = Math.max(1, limit / 2)
    return 'overloaded'
  }

  return {
    get allowed() {
      if (now() < pausedUntil) return 0
      return down ? 1 : Math.floor(limit)
    },
    get limit() {
      return down ? 1 : Math.floor(limit)
    },
    pauseMs: () => Math.max(0, pausedUntil - now()),
    sent: (active) => ({ at: now(), active }),
    learn: (verdict, sent, active) => {
      const { limit: named, active: used, remaining } = verdict.limits.concurrency ?? {}
      const most = named ?? (used !== undefined && remaining !== undefined ? used + remaining : undefined)
      let reason: string | undefined
      if (most !== undefined && most >= 1) {
        const others = Math.max(0, (used ?? 0) - Math.max(active, sent.active))
        const share = Math.max(1, Math.min(fixed ?? Infinity, most - others))
        if (!announced || share !== ceiling) reason = `the server allows ${most}, others use ${others}`
        if (!announced || limit > share || limit >= ceiling) limit = share
        ceiling = share
        announced = true
      }
      const { kind, retryAfterMs } = verdict
      if (kind === 'concurrency-limited') {
        const refusal = refused(active)
        return reason ?? refusal
      }
      // With a time, the hold below does the waiting.
      if (kind === 'rate-limited') return retryAfterMs === undefined ? (failed(sent, true, true) ?? reason) : reason
      if (kind === 'overloaded') return failed(sent, true, false) ?? reason
      if (FAILURES.has(kind)) return failed(sent, false, false) ?? reason
      if (!SILENT.has(kind)) succeeded(sent, active)
      return reason
    },
  }
}
