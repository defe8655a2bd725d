import { clock } from '@aplomb/pipeline'
/**
 * Finds out the time window of an API that refuses without naming a time: how many requests it lets through, and when
 * it opens again. Then calls wait for the opening instead of being refused.
 */
export interface WindowEstimator {
  /** Milliseconds until the window opens again, as far as is known; else 0. */
  waitMs(): number
  /** When this window let its first request through, if that is known. */
  openedAt(): number | undefined
  /** Whether the length that was found cannot be: it has more than doubled since. */
  contradicted(): boolean
  /** How many this window has let through; those without an answer are among them, as refusals are quick. */
  passed(): number
  /** Its length, as far as it is known. */
  lengthMs(): number | undefined
  /** How many requests a window takes; Infinity if that is not known. */
  quota(): number
  /** Whether the window, as far as it is known, still has quota left for one that was sent `at` this time. */
  hasQuota(at: number): boolean
  /** One of this window was refused for something else, and took nothing of it. */
  withdraw(): void
  sent(): void
  /** A request that was sent `at` was let through. */
  accepted(at: number): void
  /** A request that was sent `at` was refused. */
  refused(at: number): void
}

/** Windows have round lengths: of those that fit what was seen, one of these is taken. Without them each opening is missed by what was not seen. */
const ROUND_PERIODS_MS = [
  10, 20, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 300_000, 3_600_000,
]

/** How long the answer to the first request of a window is waited for, at least, in milliseconds: sooner, a slow one lets the next window's requests into a closed one. */
const FIRST_ANSWER_MS = 1000

/** Requests take more or less time on their way: what opens sooner than it was closed for, by no more than this factor, is as long as that. Without it jitter resets the length. */
const JITTER_TOLERANCE = 1.05

/** It may have been open before it was seen to be: a round length that is longer by this factor fits, too. Without it the period is a little short, and each window begins with a refusal. */
const OPENING_TOLERANCE = 1.1

/** After so many windows without a refusal, more is tried: one request, then two, four; after each refusal less often, up to the longest interval. Without it a quota that was seen low stays low. */
const PROBE_INTERVAL = 1
const LONGEST_PROBE_INTERVAL = 32
/** But no more often than once for so many that were let through: a window of one would pay a refusal for each. */
const REQUESTS_PER_PROBE = 4
/** And no less often than once in ten minutes: others may have left. */
const LONGEST_PROBE_INTERVAL_MS = 600_000

export const newWindowEstimator = (): WindowEstimator => {
  /** When the first request of this window was let through; unknown for the window in which we began. */
  let openedAt: number | undefined
  let lastOpenedAt: number | undefined
  /** When it was last seen shut before that. */
  let shutAt = 0
  let lastPassed = 0
  /** Requests in this window, how many of them were refused, and how many were sent after that. */
  let sent = 0
  let refused = 0
  let sentSince = 0
  let closed = false
  /** When its first and its last refused request was sent. */
  let firstRefusedAt = 0
  let lastRefusedAt = 0
  /** What was sent until then says nothing about whether it is open again. */
  let closedAt = 0
  let sentAt = 0
  let quota = Infinity
  let periodMs: number | undefined
  let firstPeriodMs: number | undefined
  /** The period is longer than this. */
  let minPeriodMs = 0
  /** Whether the period has held: until then a window begins with one request. */
  let confirmed = true
  let cleanWindows = 0
  let probeInterval = PROBE_INTERVAL
  let quotaStep = 1
  /** Whether more is being tried than was proven to fit. */
  let probingQuota = false
  let provenQuota = 0

  /** What this window has let through. Those without an answer yet are among them: refusals are quick. */
  const passed = (): number => sent - refused - sentSince

  /** What was open for long may have been several windows, whose length is not known yet. */
  const spansSeveral = (): boolean =>
    periodMs === undefined && openedAt !== undefined && firstRefusedAt - openedAt > 2 * minPeriodMs

  const tryMore = (): void => {
    if (quota === Infinity) return
    // More was let through: it is no longer as it was.
    const more = probingQuota && passed() >= quota
    if (more) probeInterval = PROBE_INTERVAL
    const enough = more ? 1 : probeInterval * Math.max(1, REQUESTS_PER_PROBE / quota)
    if (++cleanWindows < enough && cleanWindows * (periodMs ?? 0) < LONGEST_PROBE_INTERVAL_MS) return
    cleanWindows = 0
    const shorter = ROUND_PERIODS_MS.findLast((ms) => ms <= (periodMs ?? 0))
    if (confirmed && shorter !== undefined && shorter !== periodMs) {
      periodMs = shorter
      confirmed = false
      return
    }
    if (!probingQuota) provenQuota = quota
    probingQuota = true
    quota += quotaStep
    quotaStep = Math.min(quotaStep * 2, Math.ceil(quota / 2))
  }

  /** It was closed at the last refusal, and open `at` this time: the window's length is in between. */
  const measure = (at: number): void => {
    if (openedAt === undefined) {
      // It was closed all the time: so long is each at least.
      minPeriodMs = Math.max(minPeriodMs, lastRefusedAt - firstRefusedAt)
      return
    }
    const most = at - openedAt
    const known = minPeriodMs < most * JITTER_TOLERANCE
    minPeriodMs = Math.max(lastRefusedAt - openedAt, known ? Math.min(minPeriodMs, most) : 0)
    const held = periodMs !== undefined && periodMs > minPeriodMs && periodMs <= most
    if (!confirmed && !held) probeInterval = Math.min(probeInterval * 2, LONGEST_PROBE_INTERVAL)
    confirmed = held
    if (confirmed) return
    // One request finds out that it is too short.
    const round = ROUND_PERIODS_MS.find(
      (ms) => ms > minPeriodMs && ms <= Math.min(at - shutAt, most * OPENING_TOLERANCE),
    )
    periodMs = round ?? Math.min(most, minPeriodMs * 1.25 + 1)
    firstPeriodMs ??= periodMs
  }

  const open = (at: number): void => {
    const some = passed() > 0
    if (closed) {
      if (spansSeveral() && Math.abs(passed() - lastPassed) > 1) openedAt = undefined
      // Refused from its beginning on: it was still the one before.
      if (!some) {
        openedAt = lastOpenedAt
        quota = Math.max(1, lastPassed)
      }
      measure(at)
    }
    if (refused === 0) tryMore()
    else {
      // Few let through: that may be the end of the window before, and ours begun too early.
      const least = probingQuota ? provenQuota : quota === Infinity ? 0 : Math.floor(quota / 2)
      if (some && openedAt !== undefined) quota = Math.max(passed(), least)
      // Refused less than was proven to fit: it is not as it was.
      probeInterval = probingQuota ? Math.min(probeInterval * 2, LONGEST_PROBE_INTERVAL) : PROBE_INTERVAL
      probingQuota = false
    }
    if (some) {
      lastOpenedAt = openedAt
      lastPassed = passed()
    }
    openedAt = at
    shutAt = lastRefusedAt
    sent = sentSince
    refused = sentSince = 0
    closed = false
  }

  const close = (): void => {
    closed = true
    sentSince = 0
  }

  return {
    openedAt: () => (spansSeveral() ? undefined : openedAt),
    contradicted: () => firstPeriodMs !== undefined && periodMs !== undefined && periodMs > 2 * firstPeriodMs,
    passed,
    lengthMs: () => periodMs,
    quota: () => quota,
    hasQuota: (at) => {
      if (closed || openedAt === undefined) return false
      // Until its length is known it is as long as it was seen shut, and lets through what the one before did.
      const lastsMs = confirmed ? (periodMs ?? minPeriodMs) : minPeriodMs
      const atLeast = quota === Infinity ? lastPassed : probingQuota ? provenQuota : quota
      return at >= openedAt && clock() < openedAt + lastsMs && passed() <= atLeast
    },
    withdraw: () => {
      sent--
    },
    waitMs: () => {
      if (openedAt === undefined || (!closed && sent < quota)) return 0
      if (periodMs === undefined) return closed && !spansSeveral() ? Math.max(0, openedAt + minPeriodMs - clock()) : 0
      // Open again, as far as is known; until an answer says so, it gets no more than it took before.
      const most = confirmed ? Math.max(1, Math.min(quota, passed())) : 1
      const opensAt = openedAt + periodMs + (closed && sentSince >= most ? Math.max(periodMs, FIRST_ANSWER_MS) : 0)
      return Math.max(0, opensAt - clock())
    },
    sent: () => {
      const now = clock()
      if (!closed && openedAt !== undefined && periodMs !== undefined && now >= openedAt + periodMs) {
        if (confirmed) open(now)
        else {
          closedAt = sentAt
          close()
        }
      }
      sentAt = now
      sent++
      if (closed) sentSince++
    },
    accepted: (at) => {
      // Sent before the refusal came back, it may have overtaken the refused one.
      if (closed && at > closedAt) open(at)
    },
    refused: (at) => {
      // It was sent in the window before.
      if (openedAt !== undefined && at < openedAt) return
      if (refused++ === 0) {
        cleanWindows = 0
        quotaStep = 1
        firstRefusedAt = at
      }
      lastRefusedAt = at
      closedAt = clock()
      close()
    },
  }
}
