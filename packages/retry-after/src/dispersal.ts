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
  let pausedMs = 0
  let apartMs = 0
  let nextAt = 0
  /** How many were sent since the last pause. */
  let sent = 0
  /** As many come back as went between the last two pauses, then twice as many: so the pace of before is found again. If none went, all. */
  let coming = Infinity
  /** Of those, before the next ones; without end where nobody is spread. */
  let toCome = Infinity

  const spread = (count: number): void => {
    coming = toCome = count
    apartMs = Math.min(pausedMs * SPREAD, APART_MS * count) / count
  }

  return {
    waitMs: (pauseMs, queued) => {
      if (queued === 0) {
        since = undefined
        apartMs = 0
        toCome = Infinity
        return pauseMs
      }
      const now = clock()
      if (pauseMs > 0) {
        if (since === undefined) [coming, sent] = [sent || Infinity, 0]
        since ??= now
        return pauseMs
      }
      if (since !== undefined) {
        pausedMs = now - since
        spread(Math.min(coming, queued))
        nextAt = now + Math.random() * apartMs
        since = undefined
      }
      return Math.max(0, nextAt - now)
    },
    sent: () => {
      sent++
      if (--toCome < 0) spread(2 * coming)
      nextAt += Math.random() * apartMs
    },
  }
}
