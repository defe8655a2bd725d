import type { LimitWindow } from '@aplomb/limits'

/** Keeps count of announced windows, so that a request waits for the reset instead of earning a 429. */
export interface Pace {
  /** Milliseconds until every window has room for one more request. */
  waitMs(): number
  /** Counts a request as sent. */
  sent(): Sent
  /** Takes over what the answer to that request says about the windows. */
  learn(windows: readonly LimitWindow[], sent: Sent): void
  /** Whether no window is known that still counts. */
  readonly idle: boolean
}

/** A request that was sent: its place in the order of sending, and when. */
export interface Sent {
  readonly place: number
  readonly at: number
}

interface Track {
  limit: number | undefined
  /** Requests that may still be sent before `resetAt`, on the clock of `performance.now()`. */
  left: number
  resetAt: number
  /** How long the window is, as far as was seen. */
  lengthMs: number
  /** The latest request, in the order of sending, that is in the count. */
  place: number
  /** Whether this is a window that no answer has spoken of yet, only expected after the one before. */
  expected: boolean
}

/** An API has one or two windows, some have five. More are a label per user or path, of no use here. */
const MOST_WINDOWS = 8

export const newPace = (): Pace => {
  const tracks = new Map<string, Track>()
  let lastPlace = 0

  /** After its reset a window is taken to be as before. When it ends is known only once something was sent in it. */
  const renew = (name: string, track: Track, now: number): void => {
    if (now < track.resetAt) return
    if (track.limit === undefined) tracks.delete(name)
    else Object.assign(track, { left: track.limit, resetAt: Infinity, place: lastPlace, expected: true })
  }

  return {
    waitMs: () => {
      const now = performance.now()
      let wait = 0
      for (const [name, track] of tracks) {
        renew(name, track, now)
        if (track.left <= 0) wait = Math.max(wait, track.resetAt - now)
      }
      return wait
    },
    sent: () => {
      const now = performance.now()
      for (const track of tracks.values()) {
        track.left--
        if (track.resetAt === Infinity) track.resetAt = now + track.lengthMs
      }
      return { place: ++lastPlace, at: now }
    },
    learn: (windows, { place, at }) => {
      const now = performance.now()
      for (const { name, unit, limit, remaining, resetMs, windowMs } of windows) {
        if (remaining === undefined || resetMs === undefined || resetMs <= 0) continue
        // How many tokens or points a request takes is not known: only their end counts.
        if (unit !== undefined && unit !== 'requests' && remaining > 0) continue
        const id = `${name ?? ''}/${unit ?? ''}/${windowMs ?? ''}`
        const known = tracks.get(id)
        if (known ? known.place >= place : tracks.size >= MOST_WINDOWS) continue
        // What was sent after this request is not in the server's count yet.
        const left = remaining - (lastPlace - place)
        // Resets come rounded up to seconds. The request that opened a window tells its end more exactly: it got there
        // in half of the time that its answer took, or less.
        const opened = windowMs !== undefined && remaining + 1 === limit
        const resetAt = Math.min(now + resetMs, opened ? (at + now) / 2 + windowMs : Infinity)
        const same = known !== undefined && !known.expected && now < known.resetAt && left <= known.left + 1
        tracks.set(id, {
          limit: limit ?? known?.limit,
          left,
          // Within one window, the earliest reset is the most exact.
          resetAt: same ? Math.min(resetAt, known.resetAt) : resetAt,
          lengthMs: windowMs ?? Math.max(resetMs, known?.lengthMs ?? 0),
          place,
          expected: false,
        })
      }
    },
    get idle() {
      const now = performance.now()
      for (const { resetAt, expected } of tracks.values()) if (now < resetAt && !expected) return false
      return true
    },
  }
}
