import { clock } from '@aplomb/pipeline'
import type { Departure, Departures } from './departures.ts'
import type { Report } from './report.ts'
import { newTries, NONE, portion, SHORT_MS, type Use, wasRace } from './share.ts'
import { newTrial } from './trial.ts'

/** A window that gives all at once at its reset, also one that others use, too. */
export interface FixedWindow {
  /** Milliseconds until one more request fits. */
  waitMs(now: number): number
  sent(now: number): void
  /** A request was refused, by whatever limit: it used nothing. */
  refused(departure: Departure): void
  /** Returns whether it was found to have ended before the reset that was told. */
  learn(report: Report, departure: Departure, served: boolean, now: number): boolean
  /** Requests that may still be sent before its reset. */
  left(): number
  resetAt(): number
  /** What others have used of it at least, or of the one before. */
  shared(): boolean
  /** Others have used it up. */
  crowded(): boolean
  /** Nobody has been answered in it yet, but somebody has been sent. */
  asked(): boolean
  /** None is known that still counts. */
  idle(): boolean
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
  /** What was left when an answer came, and the last request sent by then: those after it cannot have overtaken it. */
  seen: { readonly remaining: number; readonly place: number }
}

/** A try in a short window that no answer has told of is of no use after this share of it. */
const LATEST = 0.3

/** `outside` is the last request that was in no window. */
export const newFixedWindow = (departures: Departures, outside: () => number): FixedWindow => {
  const tries = newTries()
  const trial = newTrial()
  let track: Track | undefined

  /** Ours in this window, answered or not. */
  const oursIn = ({ before, refused }: Track): number => departures.lastPlace() - before - refused
  const isShared = ({ others, past }: Track): boolean => others > 0 || past.others > 0

  /** By then others have used it up, and whoever is refused may have to stay away until late in the next one. */
  const hopeless = ({ expected, lengthMs, resetAt }: Track, now: number): boolean =>
    expected && lengthMs <= SHORT_MS && resetAt - now < lengthMs * (1 - LATEST)

  /** After its reset a window is taken to be as before. When it ends is known only once something was sent in it. */
  const renew = (now: number): void => {
    if (track === undefined || now < track.resetAt) return
    const { limit, remaining, others, past, refused, place, resetAt, lengthMs } = track
    if (limit === undefined) {
      track = undefined
      return
    }
    const ours = oursIn(track)
    const missed = tries.ended(ours, refused, limit, lengthMs)
    // Each takes what it had, less what is open to all, and its portion of what nobody took. A half is a matter of luck.
    const had = Math.min(limit, ours + portion({ limit, remaining }, { ours, others }))
    const left = ours > 0 ? Math.floor(had + Math.random()) : 1
    const shared = isShared(track)
    Object.assign(track, {
      remaining: limit,
      left: !shared || track.race ? limit : missed ? 0 : left,
      resetAt: track.regular ? resetAt + Math.ceil((now - resetAt + 1) / lengthMs) * lengthMs : Infinity,
      place: departures.lastPlace(),
      before: departures.lastPlace(),
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

  /** Whether this is still the window that was known, and what is known of it. */
  const identify = ({ limit, remaining }: Report, place: number, served: boolean, now: number) => {
    const refilled = track !== undefined && place > track.seen.place && remaining > track.seen.remaining
    const same = track !== undefined && !track.expected && now < track.resetAt && !refilled ? track : undefined
    const used = limit === undefined ? 0 : limit - remaining
    // Refused at what should have been its beginning: the window before still lasts, and is full of our own.
    const early =
      track?.expected === true && !served && track.past.others === 0 && used - oursIn(track) <= track.past.ours
    return { same, current: same ?? (track?.expected ? track : undefined), used, early }
  }

  /** When it ends at the latest, by this answer. */
  const endOf = ({ resetMs, windowMs }: Report, at: number, now: number): number => {
    // It was on the way for half of the time that its answer took, or less, and for no longer than any has taken.
    const arrivedAt = at + Math.min(departures.fastestMs(), (now - at) / 2)
    // Resets come rounded up to seconds. But a window has begun when a request in it arrives.
    return Math.min(now + resetMs, windowMs === undefined ? Infinity : arrivedAt + windowMs)
  }

  /** When it began, if all that was used of it is ours: when our first request in it arrived. */
  const beganAt = ({ before, place }: Track, used: number): number | undefined =>
    used < 1 || used > place - before ? undefined : departures.sentAt(before + 1) + departures.roundTripMs() / 2

  /** A window that is new to us: all that was used of it may have been used by us. */
  const fresh = (used: number, { place, at, open }: Departure, served: boolean) => {
    const ours = served ? place - used : Math.max(0, place - used - 1)
    // It may have overtaken those that were in flight.
    const before = Math.max(Math.min(outside(), place - 1), ours - open)
    const none = { others: 0, past: NONE, base: 0, spentAt: 0, mostLeft: 0 }
    return { ...none, before, surelyBefore: before, refused: served ? 0 : 1, firstAt: at }
  }

  /** What is kept of a window from one to the next. */
  const lasting = ({ limit = track?.limit, resetMs, windowMs }: Report) => ({
    limit,
    lengthMs: windowMs ?? Math.max(resetMs, track?.lengthMs ?? 0),
    race: track?.race ?? false,
  })

  /** What answers that overtake each other say of one window: the least that is left. */
  const within = (same: Track | undefined, remaining: number, place: number) => ({
    remaining: Math.min(remaining, same?.remaining ?? Infinity),
    seen: same && place <= same.seen.place ? same.seen : { remaining, place: departures.lastPlace() },
  })

  /** The window as it is by this answer, but for what is ours of it. */
  const begin = (report: Report, departure: Departure, served: boolean, now: number): Track => {
    const { remaining, windowMs } = report
    const { place, at } = departure
    const { same, current, used, early } = identify(report, place, served, now)
    const was = current ?? fresh(used, departure, served)
    const regular = !early && (track?.regular ?? (windowMs !== undefined && windowMs <= SHORT_MS))
    const bound = endOf(report, at, now)
    return {
      ...was,
      ...lasting(report),
      ...within(same, remaining, place),
      left: remaining - (departures.lastPlace() - place),
      // Within one window, the earliest end is the most exact.
      resetAt: current && (same || regular) ? Math.min(bound, current.resetAt) : bound,
      place,
      surelyBefore: early ? -Infinity : was.surelyBefore,
      mostLeft: Math.max(was.mostLeft, remaining),
      firstAt: was.firstAt ?? at,
      expected: false,
      regular,
    }
  }

  /** What is ours of the rest. */
  const share = (one: Track, known: boolean, now: number): number => {
    const { limit, remaining, left, resetAt, lengthMs, others, past, base, race } = one
    const ours = oursIn(one)
    if (!isShared(one)) {
      // Where nobody else sends, our own count is exact.
      return known && limit !== undefined ? Math.min(remaining, limit - ours) : left
    }
    if (race) return left
    const toCome = Math.max(0, Math.min(1, (resetAt - now) / lengthMs))
    const owed = Math.max(0, base - ours)
    const more = portion({ limit: limit ?? 0, remaining, toCome, owed }, { ours, others }, past)
    return Math.min(owed + Math.max(0, Math.floor(more)), left)
  }

  return {
    waitMs: (now) => {
      const pendingMs = trial.pendingMs(now, departures.roundTripMs())
      if (pendingMs === 0) renew(now)
      if (track === undefined || track.left > 0 || pendingMs > 0) return pendingMs
      // What is left is for others, unless they do not take it.
      const open = track.remaining > 0 && !hopeless(track, now) && isShared(track)
      // One after the other: the answer to the last one tells what is left.
      if (open && now >= tries.at() && track.place >= track.spentAt)
        track.left = tries.take(track.others, track.remaining)
      if (track.left > 0) return 0
      return Math.min(trial.waitMs(now), (open && tries.at() > now ? tries.at() : Infinity) - now, track.resetAt - now)
    },
    sent: (now) => {
      if (track === undefined) return
      if (track.resetAt === Infinity) track.resetAt = now + track.lengthMs
      track.firstAt ??= now
      if (track.left <= 0) trial.sent(departures.lastPlace(), now)
      if (--track.left > 0) return
      tries.spent(track.lengthMs)
      track.spentAt = departures.lastPlace()
    },
    refused: ({ place }) => {
      if (track !== undefined && place > track.before) track.refused++
      trial.refused(place)
    },
    learn: (told, departure, served, now) => {
      if (track !== undefined && track.place >= departure.place) return false
      const ended = served && trial.served(departure.place, told.remaining + 1 >= (told.limit ?? Infinity))
      const report = { ...told, windowMs: told.windowMs ?? trial.foundMs() }
      const { same, current, used } = identify(report, departure.place, served, now)
      const spent = report.remaining === 0 && (same === undefined || same.remaining > 0)
      const next = begin(report, departure, served, now)
      // Answers overtake each other: for certain only what is more than all of ours that can be in the count was used by others.
      next.others = Math.max(next.others, used - (departures.lastPlace() - next.surelyBefore - next.refused))
      const { limit, others, mostLeft, firstAt = departure.at, lengthMs } = next
      // Whoever comes when most of it is gone cannot tell.
      if (spent && others > 0 && limit !== undefined && mostLeft >= limit / 2)
        next.race = wasRace(limit, now - firstAt, lengthMs)
      next.left = share(next, current !== undefined, now)
      track = next
      if (report.windowMs === undefined) trial.told(report.resetMs, beganAt(next, used), same === undefined, now)
      return ended
    },
    left: () => track?.left ?? Infinity,
    resetAt: () => track?.resetAt ?? Infinity,
    shared: () => track !== undefined && isShared(track),
    crowded: () => track !== undefined && track.others > 0 && track.remaining === 0,
    asked: () => track !== undefined && track.expected && oursIn(track) > 0,
    idle: () => track === undefined || track.expected || clock() >= track.resetAt,
  }
}
