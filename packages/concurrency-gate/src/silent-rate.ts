import { clock } from '@aplomb/pipeline'
import type { Sent } from './sent.ts'

/**
 * A silent limit that refills all the time, as a token bucket does. Each refusal marks a moment when it was empty, so
 * that as many were let through between two marks as came in meanwhile: the marks lie on a line, and its slope is the
 * rate. Then calls go along that line, a little faster than it is known to be, so that another refusal makes it exact;
 * none is a reason for fewer in flight.
 */
export interface SilentRate {
  /** Whether refusals were found to lie on such a line. */
  believed(): boolean
  /** Milliseconds until another may go. */
  waitMs(): number
  sent(one: Sent): void
  /** With `active` in flight, itself included. */
  served(one: Sent, active: number): void
  /** Refused, with `active` in flight. Returns whether that is the rate's; `otherwise` if something else is known that explains it. */
  refused(one: Sent, active: number, otherwise: boolean): boolean
}

/** It was empty when one was sent `at` this time; with how few in flight of those that were refused with it, `until` the first answer. */
interface Mark {
  at: number
  active: number
  readonly until: number
}

/** By how many requests a mark may be off its line: a part of one that has come in is not seen, and two overtake each other on their way. */
const SLACK = 2
/** Marks that are more than that apart, and requests from the first to the last, for a line to be one. With fewer, ends of windows and ceilings lie on a line, too. */
const LEAST_STEPS = 3
const LEAST_SPAN = 8 * SLACK
/** Older ones go: the rate may have changed. */
const MOST_MARKS = 16
/** The rate is known to one in as many as were let through, and tried so much faster, at least by one in this many: what has grown is to be found out. */
const MOST_EXACT = 64
/** Probing for a higher rate: without a refusal for this many times the longest interval between two, the probing rate doubles, so many times in each further interval. */
const PATIENCE = 2
const DOUBLINGS = 4
/** Requests without a refusal after which the estimate is dropped: the limit is gone. */
const MOST_SINCE = 16 * MOST_EXACT

export const newSilentRate = (): SilentRate => {
  let marks: Mark[] = []
  /** Those sent since the first mark that were not refused; with how many in flight, once they are served. */
  const charged = new Map<Sent, number>()
  let believed = false
  /** Requests from the first mark to the last, and since; milliseconds, and the longest from one mark to the next. */
  let span = 0
  let since = 0
  let spanMs = 0
  let longestMs = 0

  const first = (): Mark => marks[0] as Mark
  const last = (): Mark => marks.at(-1) as Mark

  const between = (from: number, to: number): number => {
    let count = 0
    for (const { at } of charged.keys()) if (at > from && at <= to) count++
    return count
  }

  const forget = (): void => {
    marks = []
    charged.clear()
    believed = false
    since = 0
  }

  const dropFirst = (): void => {
    marks.shift()
    for (const one of charged.keys()) if (one.at <= first().at) charged.delete(one)
  }

  const measure = (): void => {
    span = between(first().at, last().at)
    spanMs = last().at - first().at
    since = between(last().at, Infinity)
    longestMs = marks.reduce((most, { at }, i) => Math.max(most, at - (marks[i - 1] ?? first()).at), 0)
  }

  const isLine = (): boolean =>
    marks.every(({ at }) => Math.abs(between(first().at, at) - (span * (at - first().at)) / spanMs) <= SLACK)

  const isLong = (): boolean => {
    let steps = 0
    let from = first().at
    for (const { at } of marks) {
      if (between(from, at) <= SLACK) continue
      steps++
      from = at
    }
    return steps >= LEAST_STEPS && span >= LEAST_SPAN
  }

  /** One was refused alone, or more were served at a time, later, than were refused: a ceiling that does not move does not do that. */
  const refutesCeiling = (): boolean => {
    if (last().active <= 1) return true
    for (const [{ at }, active] of charged)
      if (at <= last().at && marks.some((mark) => mark.at < at && mark.active < active)) return true
    return false
  }

  const mark = (at: number, active: number): void => {
    const latest = marks.at(-1)
    if (latest && at <= latest.until) {
      latest.at = Math.max(latest.at, at)
      latest.active = Math.min(latest.active, active)
    } else marks.push({ at, active, until: clock() })
    // What lies so near to both its neighbours tells nothing of its own.
    const before = marks.at(-3)
    if (before && between(before.at, last().at) <= SLACK) {
      const [near] = marks.splice(-2, 1)
      last().active = Math.min(last().active, near?.active ?? Infinity)
    }
    measure()
    while (marks.length > 2 && (marks.length > MOST_MARKS || !isLine())) {
      dropFirst()
      measure()
    }
  }

  return {
    believed: () => believed,
    waitMs: () => {
      if (!believed) return 0
      const exact = Math.min(span, MOST_EXACT)
      const sinceMs = clock() - last().at
      const overdue = Math.max(since / exact, sinceMs / longestMs) - PATIENCE
      const faster = 2 ** Math.max(0, DOUBLINGS * overdue) / exact
      return Math.max(0, ((since + 1) * spanMs) / (span * (1 + faster)) - sinceMs)
    },
    sent: (one) => {
      if (marks.length === 0) return
      charged.set(one, 0)
      if (++since > MOST_SINCE) forget()
    },
    served: (one, active) => {
      // Of those that were sent together some may have been refused: they were not in flight for long.
      if (charged.has(one)) charged.set(one, Math.min(one.active, active))
    },
    refused: (one, active, otherwise) => {
      charged.delete(one)
      mark(one.at, Math.max(one.active, active))
      believed = isLong() && (believed || (!otherwise && refutesCeiling()))
      return believed
    },
  }
}
