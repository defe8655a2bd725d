import {
  type Ask,
  type Call,
  constrained,
  type Departure,
  type Doorway,
  having,
  type KindsOf,
  type Line,
  type Middleware,
  milliseconds,
  readOptions,
  read as readValue,
} from '@aplomb/pipeline'
import type { Engine } from './engine.ts'
import { newFairLine } from './fair-line.ts'
import type { Room } from './room-context.ts'
import { newRoom } from './room.ts'
import type { StandIn } from './stand-in.ts'

/** Options of {@link fleet}. */
export interface FleetOptions {
  /**
   * For how long a member that is not heard of keeps what it has in flight, and for how long one acts on what it was told, in
   * milliseconds. @default 3000
   */
  readonly leaseMs?: number | undefined
  /**
   * Without the engine: when a member that has no part of the ceiling begins to send one call at a time; with it again: for how
   * long one that has not come back keeps its part. In milliseconds. @default 10000
   */
  readonly awayMs?: number | undefined
}

export const fleetOptions: KindsOf<FleetOptions> = {
  leaseMs: milliseconds({ from: 100, to: 600_000 }),
  awayMs: milliseconds({ from: 0 }),
}

const NAME = 'fleet'

/** Names of keys are seen in the store, and some partition by API key: only origins are shown. */
const roomName = (key: string): string => (/^https?:\/\/[^/@\s]{1,255}$/.test(key) ? key : hashOf(key))

/** cyrb53 by bryc (public domain). */
const hashOf = (text: string): string => {
  let one = 0xdeadbeef
  let other = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    one = Math.imul(one ^ code, 2654435761)
    other = Math.imul(other ^ code, 1597334677)
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(other ^ (other >>> 13), 3266489909)
  other = Math.imul(other ^ (other >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909)
  return (4294967296 * (2097151 & other) + (one >>> 0)).toString(36)
}

/**
 * Makes one client of a fleet: for each key one member leads, and all others pass its door.
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const fetch = aplomb({ store: fleet(engine) })
 */
export const fleet = (engine: Engine, options: FleetOptions = {}): Middleware => {
  readValue(having('an engine, with a method turn', 'turn'), engine, { of: NAME, path: 'engine', root: {} })
  const { leaseMs = 3000, awayMs = 10_000 } = readOptions(NAME, options, fleetOptions)
  const standIns = new WeakMap<Call, StandIn>()
  const roomOf = new WeakMap<Call, Room>()
  const lineOf = new WeakMap<Room, Line>()
  let isAway = false

  const failed = (error: unknown): void => {
    if (isAway) return
    isAway = true
    console.warn('aplomb: the store of the fleet does not work; until it does, each process goes on by itself:', error)
  }

  const share = (own: Doorway): Doorway['pass'] => {
    /** A pipeline is a member of its own: its constraints are others. */
    const me = globalThis.crypto.randomUUID()
    const rooms = new Map<string, Room>()
    const byName = new Map<string, Room>()
    let stopListening: (() => void) | undefined

    const doorway: Doorway = {
      ...own,
      pass: (request, call, next, sentAt) => {
        const room = rooms.get(call.key)
        if (room) roomOf.set(call, room)
        return own.pass(request, call, next, sentAt)
      },
    }

    const open = (key: string): Room => {
      const name = roomName(key)
      try {
        stopListening ??= engine.listen?.(me, (of, ...mail) => byName.get(of)?.push(...mail))
      } catch (error) {
        // Without it, members look.
        failed(error)
      }
      const room = newRoom({
        name,
        key,
        me,
        engine,
        leaseMs,
        awayMs,
        doorway,
        standIns,
        wake: () => {
          const its = rooms.get(key)
          if (its) lineOf.get(its)?.wake()
        },
        failed,
        works: () => void (isAway = false),
        closed: () => {
          rooms.delete(key)
          byName.delete(name)
          if (rooms.size > 0) return
          stopListening?.()
          stopListening = undefined
        },
      })
      rooms.set(key, room)
      byName.set(name, room)
      return room
    }

    return (request, call, next) => (rooms.get(call.key) ?? open(call.key)).pass(request, call, next)
  }

  return constrained(
    NAME,
    (_, line) => {
      const waitMs = ({ call }: Ask): number => {
        const room = roomOf.get(call)
        if (room) lineOf.set(room, line)
        return room?.waitMs() ?? 0
      }
      // The next call may be admitted before this one's request is on its way.
      const sent = ({ call }: Departure): void => {
        const one = standIns.get(call)
        if (one) one.inFlight = true
      }
      return { waitMs, sent, free: () => true }
    },
    {
      share,
      newLine: () =>
        newFairLine(
          (call) => standIns.get(call)?.owner ?? '',
          (call) => standIns.get(call)?.gone ?? false,
        ),
    },
  )
}
