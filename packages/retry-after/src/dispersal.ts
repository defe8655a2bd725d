import { clock } from '@aplomb/pipeline'

/** Calls come back one after the other once a pause has ended, so that its end is no stampede. */
export interface Dispersal {
  /** Milliseconds until the next one of those who wait may go, if the pause is this long. */
  waitMs(pauseMs: number, queued: number): number
  sent(): void
}

/** Over this share of the pause that they sat out. */
const SPREAD = 0.1
/** For a few waiters less is enough: so many milliseconds for each. */
const APART_MS = 20

export const newDispersal = (): Dispersal => {
  /** Since when they wait; unset once they are let through, each some chance time after the one before. */
  let since: number | undefined
  let apartMs = 0
  let nextAt = 0
  /** How many were sent since the last pause, and before it since the one before. */
  let sent = 0
  let before = 0
  return {
    waitMs: (pauseMs, queued) => {
      if (queued === 0) {
        since = undefined
        apartMs = 0
        return pauseMs
      }
      const now = clock()
      if (pauseMs > 0) {
        if (since === undefined) [before, sent] = [sent, 0]
        since ??= now
        return pauseMs
      }
      if (since !== undefined) {
        // No more go at once than went before it, be it for a ceiling or for want of room.
        const coming = Math.min(queued, Math.max(1, before))
        apartMs = Math.min((now - since) * SPREAD, APART_MS * coming) / coming
        nextAt = now + Math.random() * apartMs
        since = undefined
      }
      return Math.max(0, nextAt - now)
    },
    sent: () => {
      sent++
      nextAt += Math.random() * apartMs
    },
  }
}
