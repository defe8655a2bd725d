import { clock } from '@aplomb/pipeline'

/** A request that was sent. */
export interface Departure {
  /** Its place in the order of sending, from 1. */
  readonly place: number
  readonly at: number
  readonly weight: number
  /** What the server has charged us when it has arrived, itself included: requests, and their weights. */
  readonly calls: number
  readonly weights: number
  /** How many were in flight when it was sent: any of them may arrive later than it, or be refused. */
  readonly open: number
}

/** The order of sending, and what the server has charged by then. */
export interface Departures {
  lastPlace(): number
  /** Whether an answer is to come soon: one is in flight, and the last was sent not long ago. */
  expecting(): boolean
  lastAt(): number
  /** What was sent and not refused. */
  calls(): number
  weights(): number
  /** The shortest round trip: nothing was on the way for longer before it was counted. */
  fastestMs(): number
  /** The mean round trip of late. */
  roundTripMs(): number
  sent(weight: number, at: number): Departure
  /** It ended without an answer that says anything. */
  ended(departure: Departure): void
  /** Takes in that it was answered, before what the answer says is read. A refusal is not charged. */
  answered(departure: Departure, served: boolean): void
  /** How many were sent so shortly before, and after, that they may have arrived the other way round. */
  near(departure: Departure): { readonly early: number; readonly late: number }
  /** Requests that were sent by then and not refused. */
  callsBy(at: number): number
  /** When so many were sent, as far as is remembered. */
  timeOf(calls: number): number
}

type Entry = { -readonly [K in keyof Departure]: Departure[K] }

/** The share of the newest in the mean, as of TCP's round trips (RFC 6298). */
const GAIN = 1 / 8
/** An answer that has not come after so many round trips is not waited for. */
const LATE = 4
/** So many are remembered. */
const MOST_KEPT = 4096

/** The index of the first of a sorted list that this holds for. */
const firstIndex = <T>(sorted: readonly T[], holds: (one: T) => boolean): number => {
  let [least, most] = [0, sorted.length]
  while (least < most) {
    const middle = (least + most) >> 1
    if (holds(sorted[middle] as T)) most = middle
    else least = middle + 1
  }
  return least
}

export const newDepartures = (): Departures => {
  const open = new Set<Departure>()
  /** In the order of sending. */
  const kept: Entry[] = []
  let lastPlace = 0
  let calls = 0
  let weights = 0
  let fastestMs = Infinity
  let roundTripMs: number | undefined

  return {
    lastPlace: () => lastPlace,
    expecting: () => open.size > 0 && clock() - (kept.at(-1)?.at ?? 0) < LATE * Math.max(1, roundTripMs ?? Infinity),
    lastAt: () => kept.at(-1)?.at ?? 0,
    calls: () => calls,
    weights: () => weights,
    fastestMs: () => fastestMs,
    roundTripMs: () => roundTripMs ?? 0,
    sent: (weight, at) => {
      calls++
      weights += weight
      const departure = { place: ++lastPlace, at, weight, calls, weights, open: open.size }
      open.add(departure)
      if (kept.push(departure) >= 2 * MOST_KEPT) kept.splice(0, MOST_KEPT)
      return departure
    },
    ended: (departure) => void open.delete(departure),
    answered: (departure, served) => {
      const tookMs = clock() - departure.at
      fastestMs = Math.min(fastestMs, tookMs)
      roundTripMs = tookMs + ((roundTripMs ?? tookMs) - tookMs) * (1 - GAIN)
      open.delete(departure)
      if (served) return
      calls--
      weights -= departure.weight
      for (const later of kept.slice(firstIndex(kept, ({ place }) => place >= departure.place))) {
        later.calls--
        later.weights -= departure.weight
      }
    },
    near: ({ place, at }) => {
      const first = lastPlace - kept.length + 1
      const early = place - first - firstIndex(kept, (one) => one.at >= at - fastestMs)
      const late = first + firstIndex(kept, (one) => one.at > at + fastestMs) - 1 - place
      return { early: Math.max(0, early), late: Math.max(0, late) }
    },
    callsBy: (at) => kept[firstIndex(kept, (one) => one.at > at) - 1]?.calls ?? 0,
    timeOf: (count) => kept[firstIndex(kept, (one) => one.calls >= count)]?.at ?? -Infinity,
  }
}
