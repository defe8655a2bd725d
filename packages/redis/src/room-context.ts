import type { Call, Doorway } from '@aplomb/pipeline'
import type { Engine } from './engine.ts'
import type { StandIn } from './stand-in.ts'

/** One key, as one member of its fleet sees it. */
export interface Room {
  pass: Doorway['pass']
  /** Mail was pushed. */
  push(epoch: number, number: number, text: string): void
  /** How long calls that are let through here have to wait for the fleet, in milliseconds. */
  waitMs(): number
}

export interface RoomContext {
  readonly name: string
  readonly key: string
  readonly me: string
  readonly engine: Engine
  readonly leaseMs: number
  readonly awayMs: number
  readonly doorway: Doorway
  readonly standIns: WeakMap<Call, StandIn>
  /** Those who wait at the door may be let through. */
  readonly wake: () => void
  readonly failed: (error: unknown) => void
  readonly works: () => void
  /** Nobody is here any more. */
  readonly closed: () => void
}
