import type { Departure, Departures } from './departures.ts'
import type { Report } from './report.ts'

/** Whether others send on the same key: what we were granted never falls, whatever the limit, as long as nobody else does. */
export interface Others {
  /** When less was left last than we can have taken. */
  seenAt(): number
  learn(report: Report, departure: Departure, now: number): void
}

/** What was granted at least, by answers that came before any request after that place was sent. */
interface Known {
  readonly place: number
  readonly granted: number
}

const NOTHING: Known = { place: 0, granted: 0 }

export const newOthers = (departures: Departures): Others => {
  let granted = 0
  let seenAt = -Infinity
  /** Of two round trips: answers overtake each other, and one that was overtaken tells of an earlier moment. */
  let [before, latest] = [NOTHING, NOTHING]
  return {
    seenAt: () => seenAt,
    learn: ({ remaining }, { calls, open, place }, now) => {
      const overtaken = place <= latest.place
      if (!overtaken) before = latest
      if (place > before.place && remaining + calls + departures.lastPlace() - place < before.granted) {
        seenAt = now
        granted = 0
        before = latest = NOTHING
      }
      granted = Math.max(granted, remaining + calls - open)
      if (!overtaken) latest = { place: departures.lastPlace(), granted }
    },
  }
}
