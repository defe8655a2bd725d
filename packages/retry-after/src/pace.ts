import { clock, type LimitWindow, type Weight } from '@aplomb/pipeline'
import { type Curve, newCurve, REQUESTS } from './curve.ts'
import { type Departure, newDepartures } from './departures.ts'
import type { Report } from './report.ts'
import { knownWeight } from './weights.ts'

/** Keeps count of announced limits, so that a request waits for its time instead of earning a 429. */
export interface Pace {
  /** Milliseconds until every limit has room for one more request of this weight. */
  waitMs(weight?: Weight): number
  /** A limit that never has room for a request of this weight, and what that takes of it. */
  tooSmall(
    weight: Weight | undefined,
  ): { readonly unit: string; readonly weight: number; readonly limit: number } | undefined
  /** Counts a request as sent. */
  sent(weight?: Weight, at?: number): Departure
  /** What it took in truth is known. */
  settled(sent: Departure, weight: Weight): void
  /** It ended without an answer that says anything of limits. */
  ended(sent: Departure): void
  /**
   * Takes over what the answer to that request, served or refused, says about the limits; `sentAt`: when it was sent in truth, later than it
   * was counted, or earlier where another process tells of it late. `failed`: it may be a proxy's, which leaves no limit out.
   */
  learn(windows: readonly LimitWindow[], sent: Departure, served?: boolean, sentAt?: number, failed?: boolean): void
  /** Whether no limit is known that still counts. */
  idle(): boolean
  /** Whether a limit is known, be its window over or not: the next one is expected to be as it was. */
  informed(): boolean
  /** Whether others use up a limit that we use, too. */
  crowded(): boolean
}

/** What was said of a limit by one answer. */
type Heard = Parameters<Curve['learn']>

/** A limit that has been told once is a note: its curve is made when a second request goes. A crawler meets each limit once. */
interface Known {
  readonly unit: string
  readonly name: string
  first: Heard | undefined
  curve: Curve | undefined
  /** The latest request whose answer spoke of it, and when that was sent: others may be told of later than they were sent. */
  place: number
  sentAt: number
  limit: number | undefined
  /** When an answer named it last, on the `clock`. */
  namedAt: number
  /** Whether it has refused: what is given back bit by bit, and told, never does. */
  refused: boolean
  /** Whether answers told of it without an end. */
  endless: boolean
  /** How often its limit was another one than before. */
  changes: number
  /** Answers since the last that spoke of it. */
  missing: number
}

/** A limit that changes so often is not one: each endpoint has its own, under the same name (GitHub's resources). */
const MOST_CHANGES = 3

/** A limit that so many answers in a row do not mention is one of some endpoints only. */
const MOST_MISSING = 3

/** An API has one or two limits, some have five. More are a label per user or path, of no use here. */
const MOST_LIMITS = 8

/** A limit that was named longer ago may be larger by now: a call that it has no room for goes and asks. */
const NAMED_MS = 60_000

const idOf = ({ name, unit, windowMs }: Pick<LimitWindow, 'name' | 'unit' | 'windowMs'>): string =>
  `${name ?? ''}/${unit ?? ''}/${windowMs ?? ''}`

/** What a window says that counts. How much a request takes is found out from what is left of a known limit; else only its end counts. */
const reportOf = (
  { limit, remaining, resetMs = 0, windowMs, unit = REQUESTS }: LimitWindow,
  served: boolean,
): Report | undefined => {
  if (remaining === undefined) return undefined
  // More had come by the time of the answer, or no time is told: that is of a limit that is given back bit by bit.
  if (resetMs <= 0 && (!served || limit === undefined)) return undefined
  if (unit !== REQUESTS && limit === undefined && remaining > 0) return undefined
  return { limit, remaining, resetMs, windowMs }
}

export const newPace = (): Pace => {
  const departures = newDepartures()
  const limits = new Map<string, Known>()
  /** Limits of some endpoints only, or several under one name: what others send does not count for them. */
  const partial = new Set<string>()
  /** The last request that no limit was named for: it was not in any. */
  let outside = -Infinity

  const leaveOut = (id: string): void => {
    limits.delete(id)
    partial.add(id)
  }

  const noteMissing = (windows: readonly LimitWindow[], place: number, at: number): void => {
    for (const [id, known] of limits) {
      if (place <= known.place || at < known.sentAt || windows.some((window) => idOf(window) === id)) continue
      if (++known.missing >= MOST_MISSING) leaveOut(id)
    }
  }

  /** Told of late: others that were sent after it have spoken of a limit. */
  const isOld = (at: number): boolean => {
    for (const { sentAt } of limits.values()) if (at < sentAt) return true
    return false
  }

  const curveOf = (known: Known): Curve => {
    if (known.curve) return known.curve
    known.curve = newCurve({ departures, outside: () => outside, unit: known.unit, name: known.name })
    if (known.first) known.curve.learn(...known.first)
    known.first = undefined
    return known.curve
  }

  const isIdle = ({ first, curve }: Known): boolean => {
    if (first === undefined) return curve?.idle() ?? true
    const [{ resetMs }, , , heardAt] = first
    return clock() >= heardAt + resetMs
  }

  /** The limit of that name, if it is one to count. */
  const find = (window: LimitWindow, unit: string, now: number): Known | undefined => {
    const { name = unit, limit } = window
    const id = idOf(window)
    const known = limits.get(id)
    if (known !== undefined) {
      if (limit !== undefined && limit !== known.limit && ++known.changes > MOST_CHANGES) leaveOut(id)
      known.limit = limit ?? known.limit
      if (limit !== undefined) known.namedAt = now
      known.missing = 0
    }
    if (partial.has(id) || known !== undefined) return partial.has(id) ? undefined : known
    if (limits.size + partial.size >= MOST_LIMITS) return undefined
    const fresh = {
      first: undefined,
      curve: undefined,
      place: 0,
      sentAt: -Infinity,
      refused: false,
      endless: false,
      changes: 0,
      missing: 0,
    }
    const made: Known = { unit, name, limit, namedAt: now, ...fresh }
    limits.set(id, made)
    return made
  }

  /** Whether an answer counts, also if it names no end: then it is of a limit that is given back bit by bit, until that has refused. */
  const counts = (known: Known, { resetMs }: LimitWindow, served: boolean): boolean => {
    if (served && resetMs === undefined) known.endless = true
    // What was told without an end was none of that sort.
    if (!served && known.endless && !known.refused) known.curve = known.first = undefined
    known.refused ||= !served
    return !(served && resetMs === undefined && known.refused)
  }

  const hear = (window: LimitWindow, departure: Departure, served: boolean, now: number): void => {
    const report = reportOf(window, served)
    const known = report && find(window, window.unit ?? REQUESTS, now)
    if (!known || !counts(known, window, served)) return
    // What a window or a log gives back, and when, is read off the requests that it counts.
    if (known.unit === REQUESTS) departures.remember(known.limit ?? 0)
    const heard: Heard = [report, departure, served, now]
    if (known.curve || known.place > 0) curveOf(known).learn(...heard)
    else known.first = heard
    known.place = Math.max(known.place, departure.place)
    known.sentAt = Math.max(known.sentAt, departure.at)
  }

  return {
    waitMs: (weight) => {
      const now = clock()
      let ms = 0
      for (const known of limits.values()) ms = Math.max(ms, curveOf(known).waitMs(now, weight))
      return ms
    },
    tooSmall: (given) => {
      if (given === undefined) return undefined
      for (const { unit, name, limit = Infinity, namedAt } of limits.values()) {
        const weight = unit === REQUESTS ? 1 : (knownWeight(unit, name, given) ?? 0)
        if (weight > limit && clock() - namedAt < NAMED_MS) return { unit, weight, limit }
      }
      return undefined
    },
    sent: (weight, at = clock()) => {
      for (const known of limits.values()) curveOf(known)
      const departure = departures.sent(weight, at)
      for (const known of limits.values()) curveOf(known).sent(departure)
      return departure
    },
    settled: (departure, weight) => {
      const more = departures.settled(departure, weight)
      if (more.size > 0) for (const { curve } of limits.values()) curve?.settled(departure, more)
    },
    ended: departures.ended,
    learn: (windows, departure, served = true, sentAt, failed = false) => {
      const now = clock()
      const at = Math.min(departure.at, sentAt ?? Infinity)
      departures.answered(departure, served, sentAt)
      if (served && windows.length === 0 && !failed && !isOld(at)) outside = Math.max(outside, departure.place)
      if (served && !failed) noteMissing(windows, departure.place, at)
      if (!served) for (const known of limits.values()) curveOf(known).refused(departure)
      for (const window of windows) hear(window, departure, served, now)
    },
    crowded: () => [...limits.values()].some(({ curve }) => curve?.crowded()),
    idle: () => [...limits.values()].every(isIdle),
    informed: () => limits.size > 0,
  }
}
