import { clock } from '@aplomb/pipeline'
/** How much of a window is for this client, where others use it, too. */

/** What was used of a window: by us, and by others at least. */
export interface Use {
  readonly ours: number
  readonly others: number
}

export const NONE: Use = { ours: 0, others: 0 }

/** This share of each window is for whoever comes first, one request after the other: so in time each gets an equal part. */
const OPEN = 0.15

/** Tries for what is open are this share of the window apart, on average, and so many milliseconds at most. */
const APART = 0.05
const MOST_APART_MS = 250

/** Windows up to this length are short: each of them is one of many, and what is missed of one is soon made up for. */
export const SHORT_MS = 10_000

/** A short window for so many or more that is used up within this share of its length is a race: whoever holds back has nothing of it. */
const MANY = 10
const RACE = 0.3

/** Whether it was a race, in which a window was used up in so long after our first request. */
export const wasRace = (limit: number, tookMs: number, lengthMs: number): boolean =>
  limit >= MANY && lengthMs <= SHORT_MS && tookMs < lengthMs * RACE

/** A client that was refused again stays away from up to four times as many windows, if there is room for few requests in each. */
const GROWTH = 4
/** So many at most where there is room for one, a quarter of it where there is room for two; and so many milliseconds. */
const LONGEST_ABSENCE = 32
const LONGEST_ABSENCE_MS = 60_000

/** A client that had nothing of a window begins with the next one so late, as a share of it, on average; and so many milliseconds at most. */
const LATE = 0.2
const MOST_LATE_MS = 1000

/** A window as it is now. `toCome` is the share of it that is still to come, `owed` what is ours of it already. */
interface Rest {
  readonly limit: number
  readonly remaining: number
  readonly toCome?: number
  readonly owed?: number
}

/**
 * Our portion of what is left, as we had it of all that was used. Others are expected to come for what they had of the
 * window before: the less so, the less of this one is to come. Negative if there is less than that left.
 */
export const portion = ({ limit, remaining, toCome = 1, owed = 0 }: Rest, use: Use, past: Use = NONE): number => {
  const theirs = Math.max(0, past.others - use.others) * (1 - OPEN)
  const ours = use.ours + past.ours * toCome
  const all = ours + use.others + past.others * toCome
  return all === 0 ? 0 : ((remaining - owed - (theirs + limit * OPEN) * toCome) * ours) / all
}

/** Tries for what others leave of a window: one after the other. */
export interface Tries {
  /** When the next one is due, on the `clock`. */
  at(): number
  /** One is due: how many requests may go, now that others have used `others` and so many remain. */
  take(others: number, remaining: number): number
  /** All that we were to send was sent. */
  spent(lengthMs: number): void
  /** A window ended, in which so many of our requests were served and refused. Whether the beginning of the next one is for others. */
  ended(served: number, refused: number, limit: number, lengthMs: number): boolean
}

export const newTries = (): Tries => {
  let at = 0
  let step = 0
  let othersBefore: number | undefined
  let missed = 0
  /** As long as it knows of one window only, it may be alone by the next. */
  let fresh = true
  return {
    at: () => at,
    take: (others, remaining) => {
      const taken = others - (othersBefore ?? others)
      othersBefore = others
      // As many are after the rest as have taken some of it. Each leaves it to chance whether it is one for whom that is enough.
      if (Math.random() * taken >= remaining) {
        at = Infinity
        return 0
      }
      // Where they leave it, that is found out faster and faster.
      step = taken <= step ? Math.max(1, step * 2) : 1
      return Math.min(step, Math.ceil(remaining / 2))
    },
    spent: (lengthMs) => {
      at = clock() + Math.min(lengthMs * APART, MOST_APART_MS) * (0.5 + Math.random())
    },
    ended: (served, refused, limit, lengthMs) => {
      step = 0
      othersBefore = undefined
      if (at === Infinity) at = 0
      if (served > 0) missed = Math.max(0, missed - 1)
      else if (refused > 0) missed++
      else return clock() < at
      const first = fresh
      fresh = false
      // More clients than requests that are open to them: they cannot all come to each window.
      const most = Math.min(LONGEST_ABSENCE / limit ** 2, LONGEST_ABSENCE_MS / lengthMs)
      const absence = missed === 0 ? 0 : Math.floor(Math.random() * Math.min(GROWTH ** missed, most))
      if (absence === 0 && (served > 0 || first)) return false
      // Those who had some of it come first: so clients that take turns do not take the same.
      at = clock() + absence * lengthMs + Math.min(lengthMs * LATE, MOST_LATE_MS) * (0.5 + Math.random())
      return true
    },
  }
}
