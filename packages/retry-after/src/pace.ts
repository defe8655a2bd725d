import type { LimitWindow } from '@aplomb/limits'

/** Keeps count of announced windows, so that a request waits for the reset instead of earning a 429. */
export interface Pace {
  /** Milliseconds until every window has room for one more request. */
  waitMs(): number
  /** Counts a request as sent. */
  sent(): Sent
  /** Takes over what the answer to that request, served or refused, says about the windows. */
  learn(windows: readonly LimitWindow[], sent: Sent, served?: boolean): void
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
  /** What the server said is left, at its latest. */
  remaining: number
  /** Requests that we may still send before `resetAt`, on the clock of `performance.now()`. */
  left: number
  resetAt: number
  /** How long the window is, as far as was seen. */
  lengthMs: number
  /** The latest request, in the order of sending, that is in the count. */
  place: number
  /** The last request before this window, and how many since then were refused. */
  before: number
  refused: number
  /** How much of the window is ours, 1 unless others use it, too. */
  portion: number
  /** Whether this is a window that no answer has spoken of yet, only expected after the one before. */
  expected: boolean
}

/** An API has one or two windows, some have five. More are a label per user or path, of no use here. */
const MOST_WINDOWS = 8

/** In windows that are shared with others: beyond its portion, a client sends at intervals of this share of the window. */
const TRICKLE = 0.06

export const newPace = (): Pace => {
  const tracks = new Map<string, Track>()
  let lastPlace = 0
  let sentAt = 0

  /** After its reset a window is taken to be as before. When it ends is known only once something was sent in it. */
  const renew = (name: string, track: Track, now: number): void => {
    if (now < track.resetAt) return
    const { limit, portion, remaining } = track
    if (limit === undefined) {
      tracks.delete(name)
      return
    }
    // Several clients of one key must not all take the whole of it: each takes what it had, and of the rest its portion.
    const had = lastPlace - track.before - track.refused
    const left = portion === 1 ? limit : Math.max(1, Math.min(limit, had + Math.floor(remaining * portion)))
    const anew = { left, resetAt: Infinity, place: lastPlace, before: lastPlace, refused: 0, expected: true }
    Object.assign(track, anew)
  }

  return {
    waitMs: () => {
      const now = performance.now()
      let wait = 0
      for (const [name, track] of tracks) {
        renew(name, track, now)
        if (track.left > 0) continue
        // What is left is for others, unless they do not take it: one at a time finds out.
        const next = track.remaining > 0 && track.portion < 1 ? sentAt + track.lengthMs * TRICKLE : Infinity
        wait = Math.max(wait, Math.min(track.resetAt, next) - now)
      }
      return wait
    },
    sent: () => {
      const now = performance.now()
      for (const track of tracks.values()) {
        track.left--
        sentAt = now
        if (track.resetAt === Infinity) track.resetAt = now + track.lengthMs
      }
      return { place: ++lastPlace, at: now }
    },
    learn: (windows, { place, at }, served = true) => {
      const now = performance.now()
      if (!served) for (const track of tracks.values()) if (place > track.before) track.refused++
      for (const { name, unit, limit, remaining, resetMs, windowMs } of windows) {
        if (remaining === undefined || resetMs === undefined || resetMs <= 0) continue
        // How many tokens or points a request takes is not known: only their end counts.
        if (unit !== undefined && unit !== 'requests' && remaining > 0) continue
        const id = `${name ?? ''}/${unit ?? ''}/${windowMs ?? ''}`
        const known = tracks.get(id)
        if (known ? known.place >= place : tracks.size >= MOST_WINDOWS) continue
        // Resets come rounded up to seconds. The request that opened a window tells its end more exactly: it got there
        // in half of the time that its answer took, or less.
        const opened = windowMs !== undefined && remaining + 1 === limit
        const resetAt = Math.min(now + resetMs, opened ? (at + now) / 2 + windowMs : Infinity)
        const same = known !== undefined && !known.expected && now < known.resetAt && remaining <= known.remaining
        const used = limit === undefined ? 0 : limit - remaining
        // Of a window that is new to us, all that was used may have been used by us.
        const before = same || known?.expected ? known.before : served && !known ? place - used : place - 1
        const refused = same || known?.expected ? known.refused : 0
        const portion = used > 0 ? Math.min(1, Math.max(0, place - before - refused) / used) : 1
        tracks.set(id, {
          limit: limit ?? known?.limit,
          remaining,
          // What was sent after this request is not in the server's count yet.
          left: (portion === 1 ? remaining : Math.floor(remaining * portion)) - (lastPlace - place),
          // Within one window, the earliest reset is the most exact.
          resetAt: same ? Math.min(resetAt, known.resetAt) : resetAt,
          lengthMs: windowMs ?? Math.max(resetMs, known?.lengthMs ?? 0),
          place,
          before,
          refused,
          portion,
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
