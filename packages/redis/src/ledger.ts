import { memberLeft } from './errors.ts'
import { newRoster, type Roster } from './roster.ts'
import type { StandIn } from './stand-in.ts'

/** Calls that may be asked again for, or be told of. Their members do not say when that is over. */
const MOST_FINISHED = 1000

/** What a leader knows of all members' calls. */
export interface Ledger {
  /** Those that wait, or are in flight as themselves. */
  readonly calls: Roster
  /** What members have in flight, whichever of their calls that is. */
  readonly places: Roster
  /** One that is asked for again. */
  comesBack(owner: string, n: number): StandIn | undefined
  find(owner: string, n: number): StandIn | undefined
  /** It is answered, and may come back, or something may still be heard of it. */
  finish(one: StandIn, mayComeBack: boolean): void
  /** Nothing more will be heard of it. */
  settled(one: StandIn): void
  /** Its place in flight is its member's. */
  keep(one: StandIn): void
  drop(one: StandIn): void
  dropIf(isDropped: (one: StandIn) => boolean): void
  waits(): boolean
  inFlight(): number
}

export const newLedger = (): Ledger => {
  const calls = newRoster()
  const finished = newRoster()
  const places = newRoster()
  const rosters = [calls, finished, places]

  return {
    calls,
    places,
    comesBack: (owner, n) => finished.take(owner, n) ?? calls.get(owner, n),
    find: (owner, n) => calls.get(owner, n) ?? finished.get(owner, n),
    finish: (one, mayComeBack) => {
      calls.take(one.owner, one.n)
      if (!mayComeBack && !one.lingers) return
      finished.add(one)
      for (const oldest of finished) {
        if (finished.size <= MOST_FINISHED) return
        if (!oldest.inFlight) finished.take(oldest.owner, oldest.n)
      }
    },
    settled: ({ owner, n }) => void finished.take(owner, n),
    keep: (one) => {
      calls.take(one.owner, one.n)
      places.add(one)
    },
    drop: (one) => {
      for (const roster of rosters) if (roster.get(one.owner, one.n) === one) roster.take(one.owner, one.n)
      one.abort(memberLeft())
    },
    dropIf: (isDropped) => {
      for (const roster of rosters) for (const one of roster.takeIf(isDropped)) one.abort(memberLeft())
    },
    waits: () => {
      for (const { inFlight } of calls) if (!inFlight) return true
      return false
    },
    inFlight: () => {
      let count = 0
      for (const roster of rosters) for (const { inFlight } of roster) if (inFlight) count++
      return count
    },
  }
}
