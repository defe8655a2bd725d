/**
 * Finds out the time window of an API that refuses without naming a time: how many requests it lets through, and when
 * it opens again. Then calls wait for the opening instead of being refused.
 */
export interface Rhythm {
  /** Milliseconds until the window opens again, as far as is known; else 0. */
  waitMs(): number
  sent(): void
  /** A request that was sent `at` was let through. */
  accepted(at: number): void
  /** A request that was sent `at` was refused. */
  refused(at: number): void
}

/** Windows have round lengths: of those that fit what was seen, one of these is taken. */
const ROUND_MS = [10, 20, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 300_000, 3_600_000]

/** After so many windows without a refusal, more is tried: one request, then two, four; after each refusal less often. */
const CONTENT = 2
const MOST_CONTENT = 32

export const newRhythm = (): Rhythm => {
  /** When the first request of this window was let through; unknown for the window in which we began. */
  let openedAt: number | undefined
  let sent = 0
  let accepted = 0
  let closed = false
  let firstRefusedAt = 0
  let lastRefusedAt = 0
  let quota = Infinity
  let periodMs: number | undefined
  let content = 0
  let patience = CONTENT
  let step = 1
  let tried = false
  let lastOpenedAt: number | undefined

  const tryMore = (): void => {
    if (++content < patience) return
    content = 0
    tried = true
    quota += step
    step = Math.min(step * 2, Math.ceil(quota / 4))
  }

  /** It was closed at the last refusal, and open `at` this time: the window's length is in between. */
  const measure = (at: number): void => {
    const above = lastRefusedAt - (openedAt ?? firstRefusedAt)
    const most = openedAt === undefined ? Infinity : at - openedAt
    if (periodMs !== undefined && periodMs > above && periodMs <= most) return
    // Too short is found out by one refusal, too long by nothing.
    periodMs = ROUND_MS.find((ms) => ms > above && ms <= most) ?? Math.min(most, above * 1.25 + 1)
  }

  const open = (at: number): void => {
    if (!closed) tryMore()
    else {
      // Refused from its beginning on: it was still the one before.
      if (accepted === 0) openedAt = lastOpenedAt
      measure(at)
    }
    if (accepted > 0) lastOpenedAt = openedAt
    closed = false
    openedAt = at
    accepted = 0
    sent = 0
  }

  return {
    waitMs: () => {
      if (openedAt === undefined || periodMs === undefined || (!closed && sent < quota)) return 0
      return Math.max(0, openedAt + periodMs - performance.now())
    },
    sent: () => {
      const now = performance.now()
      if (!closed && openedAt !== undefined && periodMs !== undefined && now >= openedAt + periodMs) open(now)
      sent++
    },
    accepted: (at) => {
      if (closed && at > lastRefusedAt) {
        open(at)
        sent = 1
      }
      accepted++
      // Underway when the window closed, and let through all the same.
      if (closed && openedAt !== undefined) quota = Math.max(quota, accepted)
    },
    refused: (at) => {
      // It was sent in the window before.
      if (openedAt !== undefined && at < openedAt) return
      if (!closed) {
        closed = true
        content = 0
        if (tried) patience = Math.min(patience * 2, MOST_CONTENT)
        tried = false
        step = 1
        firstRefusedAt = at
        // Few let through: that may be the end of the window before, and ours begun too early.
        const least = accepted === 0 ? quota : quota === Infinity ? 0 : Math.floor(quota / 2)
        if (openedAt !== undefined) quota = Math.max(1, accepted, least)
      }
      lastRefusedAt = at
    },
  }
}
