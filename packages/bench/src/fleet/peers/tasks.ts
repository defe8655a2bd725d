import type { PeerName } from './limiters.ts'

export const APLOMB = 'aplomb, one fleet'

/** What a member process measures: throughput with this many members, or wake-up latency. */
export interface RowTask {
  readonly which: typeof APLOMB | PeerName
  readonly url: string
  readonly members: number
  /** How many may be in flight, and for how long each is, in milliseconds. */
  readonly atOnce: number
  readonly jobMs: number
  readonly calls: number
  readonly what: 'load' | 'wake-up'
}

export interface Load {
  readonly perSecond: number
  readonly roundTripsPerCall: number
}

/** In milliseconds, from the end of one member's job to the beginning of another's. */
export interface WakeUp {
  readonly median: number
  readonly p99: number
  /** Of a round trip to the same Redis, by the same process meanwhile. */
  readonly tripP99: number
}
