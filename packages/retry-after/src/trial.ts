/**
 * One request before a reset, which finds out how long the window is. Where nothing says that, and resets come in whole seconds,
 * they are up to one too late: as long as some windows last.
 */
export interface Trial {
  /** The length as was found out, in milliseconds. */
  foundMs(): number | undefined
  /** An answer tells of the window, which began then, as far as is known; `first`, if none has told of it before. */
  told(resetMs: number, began: number | undefined, first: boolean, now: number): void
  /** Milliseconds until one may go. */
  waitMs(now: number): number
  /** Milliseconds for which nobody follows it, the reset or not: its answer is to come. */
  pendingMs(now: number, roundTripMs: number): number
  /** One goes that the window had no room for. */
  sent(place: number, now: number): void
  refused(place: number): void
  /** Returns whether this was the trial, and the window was new: all of it was there. A part of it is of a limit of another sort. */
  served(place: number, whole: boolean): boolean
}

/** What people choose, in milliseconds. Of a longer one, a second is little. */
const LENGTHS = [1000, 2000, 5000, 10_000] as const
const SECOND = 1000
/** So many round trips are waited for. */
const PATIENCE = 2
/** An answer was received a moment ago. */
const MOMENT_MS = 2

const isWhole = (ms: number): boolean => Math.abs(ms - Math.round(ms / SECOND) * SECOND) <= MOMENT_MS

/** Whether it names a second of the clock, or so many seconds. */
const inSeconds = (resetMs: number): boolean => isWhole(resetMs) || isWhole(Date.now() + resetMs)

export const newTrial = (): Trial => {
  let foundMs: number | undefined
  let refuted = false
  /** Answers of this window that tell of a reset in whole seconds; none if one does not. */
  let coarse = 0
  let planned: { readonly lengthMs: number; readonly at: number } | undefined
  let place: number | undefined
  let sentAt: number | undefined

  const plan = (mostMs: number, began: number): typeof planned => {
    const lengthMs = LENGTHS.find((length) => length > mostMs - SECOND && length <= mostMs)
    return lengthMs === undefined ? undefined : { lengthMs, at: began + lengthMs }
  }

  return {
    foundMs: () => foundMs,
    told: (resetMs, began, first, now) => {
      if (first) {
        planned = place = undefined
        coarse = 0
      }
      coarse = inSeconds(resetMs) ? coarse + 1 : -Infinity
      // One may be in whole seconds by chance.
      if (!refuted && coarse > 1 && began !== undefined) planned ??= plan(now + resetMs - began, began)
    },
    waitMs: (now) => (planned && place === undefined && coarse > 1 ? Math.max(0, planned.at - now) : Infinity),
    pendingMs: (now, roundTripMs) => (sentAt === undefined ? 0 : Math.max(0, sentAt + PATIENCE * roundTripMs - now)),
    sent: (of, now) => {
      if (!planned || now < planned.at || place !== undefined) return
      place = of
      sentAt = now
    },
    refused: (of) => {
      if (of !== place) return
      sentAt = undefined
      refuted = true
      foundMs = undefined
    },
    served: (of, whole) => {
      if (of !== place) return false
      sentAt = undefined
      if (whole) foundMs = planned?.lengthMs
      refuted = !whole
      return whole
    },
  }
}
