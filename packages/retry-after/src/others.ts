import type { Departure, Departures } from './departures.ts'
import type { Report } from './report.ts'

/** Whether others send on the same key: what we were granted never falls, whatever the limit, as long as nobody else does. */
export interface Others {
  /** When less was left last than we can have taken. */
  seenAt(): number
  learn(report: Report, departure: Departure, now: number): void
}

export const newOthers = (departures: Departures): Others => {
  /** What was granted by now at least. */
  let granted = 0
  let seenAt = -Infinity
  return {
    seenAt: () => seenAt,
    learn: ({ remaining }, { calls, open, place }, now) => {
      if (remaining + calls + departures.lastPlace() - place < granted) {
        seenAt = now
        granted = 0
      }
      granted = Math.max(granted, remaining + calls - open)
    },
  }
}
