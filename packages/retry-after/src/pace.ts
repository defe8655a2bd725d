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
interface Sent {
  readonly place: number
  readonly at: number
}

/** What was used of a window, by us and by others. */
interface Use {
  readonly ours: number
  readonly others: number
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
  use: Use
  /** Of the window before. */
  past: Use
  /** Whether others use it, too. */
  shared: boolean
  /** Whether this is a window that no answer has spoken of yet, only expected after the one before. */
  expected: boolean
  /** Whether windows follow each other without a gap; else each begins with its first request. */
  regular: boolean
}

/** An API has one or two windows, some have five. More are a label per user or path, of no use here. */
const MOST_WINDOWS = 8

/** So many requests may have overtaken one on the way. */
const OVERTAKEN = 1

/** Windows up to this length are taken to follow each other, until one does not: a gap between them would cost much. */
const SHORT_MS = 10_000

/** How much the window before says about how a window is shared. */
const PAST = 0.15

/** In windows that are shared with others: beyond its portion, a client sends at intervals of this share of the window. */
const TRICKLE = 0.05

const NONE: Use = { ours: 0, others: 0 }

export const newPace = (): Pace => {
  const tracks = new Map<string, Track>()
  let lastPlace = 0
  let sentAt = 0
  let fastestMs = Infinity

  /** After its reset a window is taken to be as before. When it ends is known only once something was sent in it. */
  const renew = (name: string, track: Track, now: number): void => {
    if (now < track.resetAt) return
    const { limit, remaining, use, resetAt, lengthMs } = track
    if (limit === undefined) {
      tracks.delete(name)
      return
    }
    // Several clients of one key must not all take the whole of it: each takes what it had, and of the rest its portion.
    const had = lastPlace - track.before - track.refused
    const left = track.shared ? Math.max(1, Math.min(limit, had + Math.floor(remaining * portionOf(use)))) : limit
    Object.assign(track, {
      left,
      resetAt: track.regular ? resetAt + Math.ceil((now - resetAt + 1) / lengthMs) * lengthMs : Infinity,
      place: lastPlace,
      before: lastPlace,
      refused: 0,
      shared: use.others > 0,
      past: use,
      use: NONE,
      expected: true,
    })
  }

  return {
    waitMs: () => {
      const now = performance.now()
      let wait = 0
      for (const [name, track] of tracks) {
        renew(name, track, now)
        if (track.left > 0) continue
        // What is left is for others, unless they do not take it: one at a time finds out.
        const next = track.shared && track.remaining > 0 ? sentAt + track.lengthMs * TRICKLE : Infinity
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
      fastestMs = Math.min(fastestMs, now - at)
      // It was on the way for half of the time that its answer took, or less, and for no longer than any has taken.
      const arrivedAt = at + Math.min(fastestMs, (now - at) / 2)
      if (!served) for (const track of tracks.values()) if (place > track.before) track.refused++
      for (const { name, unit, limit, remaining, resetMs, windowMs } of windows) {
        if (remaining === undefined || resetMs === undefined || resetMs <= 0) continue
        // How many tokens or points a request takes is not known: only their end counts.
        if (unit !== undefined && unit !== 'requests' && remaining > 0) continue
        const id = `${name ?? ''}/${unit ?? ''}/${windowMs ?? ''}`
        const known = tracks.get(id)
        if (known ? known.place >= place : tracks.size >= MOST_WINDOWS) continue
        // Resets come rounded up to seconds. But a window has begun when a request in it arrives.
        const bound = Math.min(now + resetMs, windowMs === undefined ? Infinity : arrivedAt + windowMs)
        const refilled = known !== undefined && remaining > known.remaining + OVERTAKEN
        const same = known !== undefined && !known.expected && now < known.resetAt && !refilled
        const current = same || known?.expected ? known : undefined
        const early = known?.expected === true && !served && known.past.others === 0
        const regular = !early && (known?.regular ?? (windowMs !== undefined && windowMs <= SHORT_MS))
        // Within one window, the earliest end is the most exact.
        const resetAt = same || (regular && current) ? Math.min(bound, known?.resetAt ?? bound) : bound
        const lengthMs = windowMs ?? Math.max(resetMs, known?.lengthMs ?? 0)

        const used = limit === undefined ? 0 : limit - remaining
        // Of a window that is new to us, all that was used may have been used by us.
        const before = current?.before ?? (known ? place - 1 : served ? place - used : Math.max(0, place - used - 1))
        const refused = current?.refused ?? (served || known ? 0 : 1)
        const ours = Math.max(0, place - before - refused)
        const difference = used - ours
        const underway = lastPlace - place
        // Refused at what should have been its beginning: the window before still lasts, and is full of our own.
        const use = { ours, others: !early && difference > OVERTAKEN + underway / 4 ? difference : 0 }
        const past = current?.past ?? known?.use ?? NONE
        const shared = use.others > 0 || past.others > 0
        let left = remaining - underway
        if (shared) {
          const { ours: o, others } = past
          left =
            Math.floor(remaining * portionOf({ ours: ours + o * PAST, others: use.others + others * PAST })) - underway
        } else if (current && limit !== undefined && Math.abs(difference) <= OVERTAKEN) {
          // Where nobody else sends, our own count is exact.
          left = Math.min(remaining, limit - (lastPlace - before - refused))
        }
        tracks.set(id, {
          limit: limit ?? known?.limit,
          remaining,
          left,
          resetAt,
          lengthMs,
          place,
          before,
          refused,
          use,
          past,
          shared,
          expected: false,
          regular,
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

const portionOf = ({ ours, others }: Use): number => (ours + others === 0 ? 1 : ours / (ours + others))
