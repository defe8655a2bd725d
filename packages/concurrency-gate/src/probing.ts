import { clock } from '@aplomb/pipeline'
/** While the server is down, or refuses, one request at a time is sent, between pauses. */
export interface Probing {
  /** Since when, on the `clock`; else undefined. */
  since(): number | undefined
  /** Milliseconds until the next one may be sent. */
  waitMs(): number
  /** Whether a request that was sent `at` had no part in the last decision, and says nothing about its effect. */
  predates(at: number): boolean
  /** From now on, what was sent before is old. */
  decide(): void
  /** Pauses for a share of the time since `since`; that is now, if it had not begun. */
  pause(how: Pause, since?: number): void
  /** Pauses for so long, give or take a quarter. */
  pauseFor(ms: number): void
  /** Pauses for just so long from now on, in place of the pause in force. */
  sleep(ms: number): void
  /** It is well again. */
  end(): void
}

/** Pauses are proportional: what they delay is a bounded share of how long it was so. A pause is this share of the time that the server has been as it is, within bounds in milliseconds. */
interface Pause {
  readonly share: number
  readonly least: number
  readonly most: number
}

/** It fails: the end of that is noticed 15 % late at most. */
export const DOWN: Pause = { share: 0.15, least: 100, most: 4000 }
/** It refuses where it failed before: so it is up again, and others want it, too. */
export const BACK: Pause = { share: 0.1, least: 30, most: 4000 }
/** A window of which only the end was seen: it may be a short one. */
export const CLOSED: Pause = { share: 1, least: 30, most: 10_000 }
/** A window that was seen opening: that is how exactly its length will be known. */
export const OPENED: Pause = { share: 0.25, least: 30, most: 10_000 }

export const newProbing = (): Probing => {
  let since: number | undefined
  let until = 0
  let decidedAt = 0

  const now = clock
  const decide = (): void => {
    decidedAt = now()
  }
  const pauseFor = (ms: number): void => {
    since ??= now()
    // A part of it is chance: many processes that lost the same server must not come back together.
    until = now() + ms * (0.75 + Math.random() / 2)
    decide()
  }

  return {
    since: () => since,
    waitMs: () => Math.max(0, until - now()),
    predates: (at) => at < decidedAt,
    decide,
    pauseFor,
    pause: ({ share, least, most }, from = now()) => {
      since ??= from
      pauseFor(Math.min(most, Math.max(least, (now() - since) * share)))
    },
    sleep: (ms) => {
      until = now() + ms
    },
    end: () => {
      since = undefined
      until = 0
      decide()
    },
  }
}
