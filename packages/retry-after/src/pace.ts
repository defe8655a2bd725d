import { clock, type LimitWindow } from '@aplomb/pipeline'
import { newTries, NONE, portion, SHORT_MS, type Tries, type Use, wasRace } from './share.ts'

/** Keeps count of announced windows, so that a request waits for the reset instead of earning a 429. */
export interface Pace {
  /** Milliseconds until every window has room for one more request. */
  waitMs(): number
  /** How many may be sent before one has to wait, as far as is known; else `Infinity`. */
  readonly room: number
  /** Counts a request as sent. */
  sent(): Sent
  /** Takes over what the answer to that request, served or refused, says about the windows. */
  learn(windows: readonly LimitWindow[], sent: Sent, served?: boolean): void
  /** Whether no window is known that still counts. */
  readonly idle: boolean
  /** Whether others use up a window that we use, too. */
  readonly crowded: boolean
}

/** A request that was sent: its place in the order of sending, and when. */
interface Sent {
  readonly place: number
  readonly at: number
}

interface Track {
  limit: number | undefined
  /** What the server said is left, at its latest. */
  remaining: number
  /** Requests that we may still send before `resetAt`, on the `clock`. */
  left: number
  resetAt: number
  /** How long the window is, as far as was seen. */
  lengthMs: number
  /** The latest request, in the order of sending, that is in the count. */
  place: number
  /** The last request before this window, the last that surely was, and how many since `before` were refused. */
  before: number
  surelyBefore: number
  refused: number
  /** What others have used of it, at least, and what was used of the window before. */
  others: number
  past: Use
  /** What is ours of it by right, as others had the rest. */
  base: number
  tries: Tries
  /** The request that was the last we were to send. */
  spentAt: number
  /** The most that was left of it by any answer, and when our first request in it was sent. */
  mostLeft: number
  firstAt: number | undefined
  /** Whether the last one was used up so quickly that each had better take what it can. */
  race: boolean
  /** Whether this is a window that no answer has spoken of yet, only expected after the one before. */
  expected: boolean
  /** Whether windows follow each other without a gap; else each begins with its first request. */
  regular: boolean
  /** How often its limit was another one than before. */
  changes: number
  /** Answers since the last that spoke of it. */
  missing: number
  /** What was left when an answer came, and the last request sent by then: those after it cannot have overtaken it. */
  seen: { readonly remaining: number; readonly place: number }
}

/** A try in a short window that no answer has told of is of no use after this share of it. */
const LATEST = 0.3

/** A limit that changes so often is not one: each endpoint has its own, under the same name (GitHub's resources). */
const MOST_CHANGES = 3

/** A window that so many answers in a row do not mention is one of some endpoints only. */
const MOST_MISSING = 3

/** An API has one or two windows, some have five. More are a label per user or path, of no use here. */
const MOST_WINDOWS = 8

const idOf = ({ name, unit, windowMs }: Pick<LimitWindow, 'name' | 'unit' | 'windowMs'>): string =>
  `${name ?? ''}/${unit ?? ''}/${windowMs ?? ''}`

export const newPace = (): Pace => {
  const tracks = new Map<string, Track>()
  /** Windows of some endpoints only, or several under one name: what others send does not count for them. */
  const partial = new Set<string>()
  let lastPlace = 0
  /** The last request that no window was named for: it was not in any. */
  let outside = -Infinity
  let fastestMs = Infinity

  /** Ours in this window, answered or not. */
  const oursIn = ({ before, refused }: Track): number => lastPlace - before - refused

  /** By then others have used it up, and whoever is refused may have to stay away until late in the next one. */
  const hopeless = ({ expected, lengthMs, resetAt }: Track, now: number): boolean =>
    expected && lengthMs <= SHORT_MS && resetAt - now < lengthMs * (1 - LATEST)

  /** After its reset a window is taken to be as before. When it ends is known only once something was sent in it. */
  const renew = (name: string, track: Track, now: number): void => {
    if (now < track.resetAt) return
    const { limit, remaining, others, past, refused, place, resetAt, lengthMs, tries } = track
    if (limit === undefined) {
      tracks.delete(name)
      return
    }
    const ours = oursIn(track)
    const shared = others > 0 || past.others > 0
    const missed = tries.ended(ours, refused, limit, lengthMs)
    // Each takes what it had, less what is open to all, and its portion of what nobody took. A half is a matter of luck.
    const had = Math.min(limit, ours + portion({ limit, remaining }, { ours, others }))
    const left = ours > 0 ? Math.floor(had + Math.random()) : 1
    Object.assign(track, {
      remaining: limit,
      left: !shared || track.race ? limit : missed ? 0 : left,
      resetAt: track.regular ? resetAt + Math.ceil((now - resetAt + 1) / lengthMs) * lengthMs : Infinity,
      place: lastPlace,
      before: lastPlace,
      surelyBefore: place,
      refused: 0,
      others: 0,
      // Of a window that no answer told of, nothing is known.
      past: track.expected ? past : { ours, others },
      base: shared && !missed ? left : 0,
      mostLeft: 0,
      firstAt: undefined,
      expected: true,
    })
  }

  const leaveOut = (id: string): void => {
    tracks.delete(id)
    partial.add(id)
  }

  const noteMissing = (windows: readonly LimitWindow[], place: number): void => {
    for (const [id, track] of tracks) {
      if (place <= track.place || windows.some((window) => idOf(window) === id)) continue
      if (++track.missing >= MOST_MISSING) leaveOut(id)
    }
  }

  return {
    waitMs: () => {
      const now = clock()
      let wait = 0
      for (const [name, track] of tracks) {
        renew(name, track, now)
        if (track.left > 0) continue
        const { tries, others, past, remaining, resetAt } = track
        // What is left is for others, unless they do not take it.
        const open = remaining > 0 && !hopeless(track, now) && (others > 0 || past.others > 0)
        // One after the other: the answer to the last one tells what is left.
        if (open && now >= tries.at && track.place >= track.spentAt) track.left = tries.take(others, remaining)
        if (track.left <= 0)
          wait = Math.max(wait, (open && tries.at > now ? Math.min(resetAt, tries.at) : resetAt) - now)
      }
      return wait
    },
    sent: () => {
      const now = clock()
      for (const track of tracks.values()) {
        if (track.resetAt === Infinity) track.resetAt = now + track.lengthMs
        track.firstAt ??= now
        if (--track.left > 0) continue
        track.tries.spent(track.lengthMs)
        track.spentAt = lastPlace + 1
      }
      return { place: ++lastPlace, at: now }
    },
    learn: (windows, { place, at }, served = true) => {
      const now = clock()
      fastestMs = Math.min(fastestMs, now - at)
      if (served && windows.length === 0) outside = Math.max(outside, place)
      // It was on the way for half of the time that its answer took, or less, and for no longer than any has taken.
      const arrivedAt = at + Math.min(fastestMs, (now - at) / 2)
      if (!served) for (const track of tracks.values()) if (place > track.before) track.refused++
      if (served) noteMissing(windows, place)
      for (const { name, unit, limit, remaining, resetMs, windowMs } of windows) {
        if (remaining === undefined || resetMs === undefined || resetMs <= 0) continue
        // How many tokens or points a request takes is not known: only their end counts.
        if (unit !== undefined && unit !== 'requests' && remaining > 0) continue
        const id = idOf({ name, unit, windowMs })
        const known = tracks.get(id)
        const changes = (known?.changes ?? 0) + (known && limit !== undefined && limit !== known.limit ? 1 : 0)
        if (changes > MOST_CHANGES) leaveOut(id)
        if (partial.has(id)) continue
        if (known ? known.place >= place : tracks.size + partial.size >= MOST_WINDOWS) continue
        // Resets come rounded up to seconds. But a window has begun when a request in it arrives.
        const bound = Math.min(now + resetMs, windowMs === undefined ? Infinity : arrivedAt + windowMs)
        const refilled = known !== undefined && place > known.seen.place && remaining > known.seen.remaining
        const same = known !== undefined && !known.expected && now < known.resetAt && !refilled
        const current = same || known?.expected ? known : undefined
        const used = limit === undefined ? 0 : limit - remaining
        // Refused at what should have been its beginning: the window before still lasts, and is full of our own.
        const early =
          known?.expected === true && !served && known.past.others === 0 && used - oursIn(known) <= known.past.ours
        const regular = !early && (known?.regular ?? (windowMs !== undefined && windowMs <= SHORT_MS))
        // Of a window that is new to us, all that was used may have been used by us.
        const first = Math.max(Math.min(outside, place - 1), served ? place - used : Math.max(0, place - used - 1))
        const track: Track = {
          limit: limit ?? known?.limit,
          remaining: same ? Math.min(remaining, known.remaining) : remaining,
          left: remaining - (lastPlace - place),
          // Within one window, the earliest end is the most exact.
          resetAt: same || (regular && current) ? Math.min(bound, known?.resetAt ?? bound) : bound,
          lengthMs: windowMs ?? Math.max(resetMs, known?.lengthMs ?? 0),
          place,
          before: current?.before ?? first,
          surelyBefore: early ? -Infinity : (current?.surelyBefore ?? first),
          refused: current?.refused ?? (served ? 0 : 1),
          others: current?.others ?? 0,
          past: current?.past ?? NONE,
          base: current?.base ?? 0,
          tries: known?.tries ?? newTries(),
          spentAt: current?.spentAt ?? 0,
          mostLeft: Math.max(current?.mostLeft ?? 0, remaining),
          firstAt: current?.firstAt ?? at,
          race: known?.race ?? false,
          expected: false,
          regular,
          changes,
          missing: 0,
          seen: same && place <= known.seen.place ? known.seen : { remaining, place: lastPlace },
        }
        // Answers overtake each other: for certain only what is more than all of ours that can be in the count was used by others.
        track.others = Math.max(track.others, used - (lastPlace - track.surelyBefore - track.refused))
        const { others, past, base, firstAt = at, lengthMs } = track
        const ours = oursIn(track)
        const spent = remaining === 0 && (!same || known.remaining > 0)
        // Whoever comes when most of it is gone cannot tell.
        if (spent && others > 0 && limit !== undefined && track.mostLeft >= limit / 2) {
          track.race = wasRace(limit, now - firstAt, lengthMs)
        }
        if ((others > 0 || past.others > 0) && track.race) {
          track.left = remaining - (lastPlace - place)
        } else if (others > 0 || past.others > 0) {
          const toCome = Math.max(0, Math.min(1, (track.resetAt - now) / track.lengthMs))
          const owed = Math.max(0, base - ours)
          const more = portion({ limit: limit ?? 0, remaining, toCome, owed }, { ours, others }, past)
          track.left = Math.min(owed + Math.max(0, Math.floor(more)), remaining - (lastPlace - place))
        } else if (current && limit !== undefined) {
          // Where nobody else sends, our own count is exact.
          track.left = Math.min(remaining, limit - ours)
        }
        tracks.set(id, track)
      }
    },
    get room() {
      return Math.min(...Array.from(tracks.values(), ({ left }) => Math.max(1, left)))
    },
    get crowded() {
      return [...tracks.values()].some(({ others, remaining }) => others > 0 && remaining === 0)
    },
    get idle() {
      const now = clock()
      for (const { resetAt, expected } of tracks.values()) if (now < resetAt && !expected) return false
      return true
    },
  }
}
