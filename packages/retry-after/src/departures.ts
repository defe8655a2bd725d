import { clock, type Weight } from '@aplomb/pipeline'
import { ANY, laterIn, NONE, SHARE, sum, totalIn, weightIn } from './weights.ts'

/** A request that was sent. */
export interface Departure {
  /** Its place in the order of sending, from 1. */
  readonly place: number
  readonly at: number
  /** What it takes in each unit, as far as weights are known: on arrival, and later. */
  readonly weight: ReadonlyMap<string, number>
  readonly later: ReadonlyMap<string, number>
  /** What the server has charged us when it has arrived, itself included: requests, and their weights by unit. */
  readonly calls: number
  readonly weights: ReadonlyMap<string, number>
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
  /** The name under which weights in a unit, or of a limit of that name, are known, if any request has said one. */
  scaleOf(unit: string, name?: string): string | undefined
  weights(scale: string): number
  /** What will be charged yet for requests that are being answered. */
  pending(scale: string): number
  /** What a request of this weight takes: the mean of the others, if it does not say. */
  weigh(scale: string, weight?: Weight): number
  /** The shortest round trip: nothing was on the way for longer before it was counted. */
  fastestMs(): number
  /** The mean round trip of late. */
  roundTripMs(): number
  sent(weight: Weight | undefined, at: number): Departure
  /** What it took is known: takes the place of what it was taken for. Returns by how much more on arrival, in each unit. */
  settled(departure: Departure, weight: Weight): ReadonlyMap<string, number>
  /** It ended without an answer that says anything. */
  ended(departure: Departure): void
  /** Takes in that it was answered, before what the answer says is read. A refusal is not charged. `sentAt`: it was sent later than it was counted. */
  answered(departure: Departure, served: boolean, sentAt?: number): void
  /** How many were sent so shortly before, and after, that they may have arrived the other way round. */
  near(departure: Departure): { readonly early: number; readonly late: number }
  /** Requests that were sent by then and not refused. */
  callsBy(at: number): number
  /** When that request was sent, if it is remembered. */
  sentAt(place: number): number
  /** When so many were sent, as far as is remembered. */
  timeOf(calls: number): number
  /** How many departures of the past to keep, beyond those that requests in flight need. */
  remember(count: number): void
}

interface Entry extends Departure {
  at: number
  weight: ReadonlyMap<string, number>
  later: ReadonlyMap<string, number>
  calls: number
  weights: ReadonlyMap<string, number>
}

/** The share of the newest in the mean, as of TCP's round trips (RFC 6298). */
const GAIN = 1 / 8
/** So far apart requests may overtake each other at least, in milliseconds, however quick the fastest answer was: event loops take their turns. Without it a bucket whose requests did is taken for a window. */
const TURN_MS = 5
/** One that goes now is told so a moment later, in milliseconds. */
const MOMENT_MS = 1
/** An answer that has not come after so many round trips is not waited for. */
const LATE = 4
/** No answer is written for longer: clients of language models give up after ten minutes. */
const LONGEST_ANSWER_MS = 600_000
/** Upper and lower bound of the departures kept. */
const MOST_KEPT = 4096
const LEAST_KEPT = 64
/** Departures kept per request in flight, at its peak: reordering reaches back two round trips. */
const AROUND = 4

/** Units that weights are known in at most: each costs every request. An API has one or two. */
const MOST_UNITS = 8

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

/** Those of this turn of the event loop, of all keys. */
let turn: Entry[] | undefined
const leave = (): void => {
  const now = clock()
  for (const entry of turn ?? []) entry.at = Math.max(entry.at, now)
  turn = undefined
}

/** What a platform is given to send leaves when the code that runs is done. What is under way for a while has left. */
const leaveWithTurn = (departure: Entry): void => {
  if (turn) turn.push(departure)
  else {
    turn = [departure]
    void Promise.resolve().then(leave)
  }
}

export const newDepartures = (): Departures => {
  const open = new Set<Departure>()
  /** In the order of sending. */
  const kept: Entry[] = []
  let lastPlace = 0
  let calls = 0
  let weights = NONE
  let pending = NONE
  /** What will be charged for yet, in the order of sending. */
  const unsettled = new Set<Entry>()
  /** Of requests that said a weight. */
  const said = new Map<string, { total: number; count: number }>()
  let fastestMs = Infinity
  /** How much later than they were counted requests are sent, at most of late. */
  let lagMs = 0
  let roundTripMs: number | undefined
  let mostOpen = 0
  let remembered = LEAST_KEPT

  const note = (weight: Weight | undefined): void => {
    if (weight === undefined) return
    for (const scale of typeof weight === 'number' ? [ANY] : Object.keys(weight)) {
      if (said.size >= MOST_UNITS && !said.has(scale)) continue
      const { total, count } = said.get(scale) ?? { total: 0, count: 0 }
      said.set(scale, { total: total + totalIn(scale, weight), count: count + 1 })
    }
  }

  const weigh: Departures['weigh'] = (scale, weight) => {
    const { total, count } = said.get(scale) ?? { total: 1, count: 1 }
    return weightIn(scale, weight) === undefined ? total / count : totalIn(scale, weight)
  }

  /** Nothing more is to be charged for it than is said here. */
  const close = (entry: Entry, charged: ReadonlyMap<string, number>): void => {
    if (!unsettled.delete(entry)) return
    pending = sum(pending, entry.later, -1)
    weights = sum(weights, charged)
  }

  return {
    lastPlace: () => lastPlace,
    expecting: () => open.size > 0 && clock() - (kept.at(-1)?.at ?? 0) < LATE * Math.max(1, roundTripMs ?? Infinity),
    lastAt: () => kept.at(-1)?.at ?? 0,
    calls: () => calls,
    scaleOf: (unit, name = unit) =>
      said.has(name) ? name : said.has(unit) ? unit : said.has(ANY) && unit !== SHARE ? ANY : undefined,
    weights: (scale) => weights.get(scale) ?? 0,
    pending: (scale) => {
      for (const oldest of unsettled) {
        if (clock() - oldest.at < LONGEST_ANSWER_MS) break
        close(oldest, oldest.later)
      }
      return pending.get(scale) ?? 0
    },
    weigh,
    fastestMs: () => fastestMs,
    roundTripMs: () => roundTripMs ?? 0,
    sent: (given, at) => {
      calls++
      note(given)
      const later = laterIn(given)
      const onArrival = (scale: string): number => weigh(scale, given) - (later.get(scale) ?? 0)
      const weight = said.size > 0 ? new Map([...said.keys()].map((scale) => [scale, onArrival(scale)])) : NONE
      if (said.size > 0) weights = sum(weights, weight)
      const departure = { place: ++lastPlace, at, weight, later, calls, weights, open: open.size }
      if (later.size > 0) {
        pending = sum(pending, later)
        unsettled.add(departure)
      }
      if (clock() - at < MOMENT_MS) leaveWithTurn(departure)
      mostOpen = Math.max(mostOpen, open.add(departure).size)
      const most = Math.min(MOST_KEPT, remembered + AROUND * mostOpen)
      // Twice as many: moving them all costs no more than each did.
      if (kept.push(departure) > 2 * most) kept.splice(0, kept.length - most)
      return departure
    },
    settled: (departure, given) => {
      const more = new Map<string, number>()
      for (const [scale, amount] of departure.weight) {
        const truth = weightIn(scale, given)
        if (truth === undefined) continue
        if (truth.onArrival !== amount) more.set(scale, truth.onArrival - amount)
        const by = truth.onArrival + truth.later - amount - (departure.later.get(scale) ?? 0)
        const { total, count } = said.get(scale) ?? { total: 0, count: 1 }
        said.set(scale, { total: total + by, count })
      }
      close(departure, laterIn(given))
      if (more.size === 0) return more
      weights = sum(weights, more)
      for (const later of kept.slice(firstIndex(kept, ({ place }) => place >= departure.place)))
        later.weights = sum(later.weights, more)
      ;(departure as Entry).weight = sum(departure.weight, more)
      return more
    },
    ended: (departure) => {
      // Nobody answers it.
      if (open.delete(departure)) close(departure, NONE)
    },
    answered: (departure, served, sentAt = departure.at) => {
      const tookMs = clock() - departure.at
      lagMs = Math.max(lagMs * (1 - GAIN), sentAt - departure.at)
      ;(departure as Entry).at = Math.max(departure.at, sentAt)
      fastestMs = Math.min(fastestMs, tookMs)
      roundTripMs = tookMs + ((roundTripMs ?? tookMs) - tookMs) * (1 - GAIN)
      open.delete(departure)
      if (served) return
      close(departure, NONE)
      calls--
      if (weights !== NONE) weights = sum(weights, departure.weight, -1)
      for (const later of kept.slice(firstIndex(kept, ({ place }) => place >= departure.place))) {
        later.calls--
        if (later.weights !== NONE) later.weights = sum(later.weights, departure.weight, -1)
      }
    },
    near: ({ place, at }) => {
      const first = lastPlace - kept.length + 1
      const within = Math.max(TURN_MS, fastestMs) + lagMs
      const early = place - first - firstIndex(kept, (one) => one.at >= at - within)
      const late = first + firstIndex(kept, (one) => one.at > at + within) - 1 - place
      return { early: Math.max(0, early), late: Math.max(0, late) }
    },
    callsBy: (at) => kept[firstIndex(kept, (one) => one.at > at) - 1]?.calls ?? 0,
    sentAt: (place) => kept[place - 1 - lastPlace + kept.length]?.at ?? -Infinity,
    timeOf: (count) => kept[firstIndex(kept, (one) => one.calls >= count)]?.at ?? -Infinity,
    remember: (count) => {
      remembered = Math.max(remembered, count)
    },
  }
}
