import { type Chain, goOn } from './chain.ts'
import type { Constraint, Line } from './constraint.ts'
import type { Call, RequestLine } from './contract.ts'
import { type Door, newDoor } from './door.ts'
import { isSharedIsolate } from './isolate.ts'
import { type Keyed, keyed } from './keyed.ts'
import type { Ordered } from './line.ts'
import { dropLost, type Flight, pass } from './passage.ts'

/** The doors of a pipeline, one for each key. */
export interface Doorway {
  /**
   * Lets a call through, as often as a constraint wants it sent again. `sentAt`: it is under way since then, on the
   * `clock`, and counts as sent whatever the constraints say.
   */
  pass(request: RequestLine, call: Call, next: () => Promise<Response>, sentAt?: number): Promise<Response>
  /** What stands at the door of a key. */
  constraints(key: string): readonly Constraint[]
}

/** A store that shares a pipeline's doors among processes. */
export interface Sharing {
  /** What calls pass in place of the pipeline's own doors. Asked once for each pipeline, as it is made. */
  share(own: Doorway): Doorway['pass']
  /** The order of those who wait. */
  newLine(): Ordered
}

/** A constraint of a key, and the doors that it stands at where calls are under way: one for each pipeline that its middleware is in. */
interface Standpoint<C extends Constraint = Constraint> {
  readonly constraint: C
  readonly doors: Set<Door>
  /** Calls under way. */
  calls: number
}

/** What a constrained middleware brings to the door. */
export interface Constrainer<C extends Constraint = Constraint> {
  readonly name: string
  readonly states: Keyed<Standpoint<C>>
  /** Whether its doors are shared: then they count, wherever it stands. */
  readonly shares: boolean
  /** Puts a door for these in front of what is below. */
  readonly doorway: (all: readonly Constrainer[], rest: Chain) => Chain
}

export const newConstrainer = <C extends Constraint>(
  name: string,
  make: (key: string, line: Line) => C,
  sharing?: Sharing,
): Constrainer<C> => {
  const newStandpoint = (key: string): Standpoint<C> => {
    const doors = new Set<Door>()
    const line: Line = {
      queued: () => {
        let sum = 0
        for (const door of doors) sum += door.queued
        return sum
      },
      wake: () => {
        for (const door of doors) door.wake()
      },
    }
    return { constraint: make(key, line), doors, calls: 0 }
  }
  const states = keyed(newStandpoint, ({ calls, constraint }) =>
    calls > 0 ? 'in use' : (constraint.standing?.() ?? 'idle'),
  )
  return { name, states, shares: sharing !== undefined, doorway: (all, rest) => doorway(all, rest, sharing) }
}

/** The door of a key in a pipeline, with the constraints that stand at it. */
export interface Gateway {
  readonly door: Door
  readonly constraints: readonly NamedConstraint[]
  /** What is in flight, in the order of sending, where its end may never be heard of. */
  readonly flights: Set<Flight> | undefined
  /** A call begins, or has ended: as long as there are any, nothing that was learned is dropped. */
  count(calls: 1 | -1): void
}

/** A constraint, and the middleware that it is of. */
export interface NamedConstraint {
  readonly by: string
  readonly constraint: Constraint
}

interface Built extends Gateway {
  readonly standpoints: readonly Standpoint[]
  readonly calls: number
}

/** The doors of a pipeline, one for each key that has calls, and for the last one that had. */
const newGateways = (constrainers: readonly Constrainer[], sharing?: Sharing): ((key: string) => Gateway) => {
  /** By the first constraint. */
  const gateways = new WeakMap<Standpoint, Built>()
  let newest: Built | undefined

  const drop = (one: Built): void => void gateways.delete(one.standpoints[0] as Standpoint)

  const build = (key: string): Built => {
    const standpoints = constrainers.map(({ states }) => states(key))
    const constraints = standpoints.map(({ constraint }, i) => ({ by: constrainers[i]?.name ?? '', constraint }))
    const door = newDoor(constraints, () => dropLost(built), sharing?.newLine())
    let calls = 0
    const count = (more: 1 | -1): void => {
      calls += more
      for (const one of standpoints) {
        one.calls += more
        if (calls === 0) one.doors.delete(door)
        else one.doors.add(door)
      }
      if (calls === 0 && built !== newest) drop(built)
    }
    const built: Built = {
      door,
      constraints,
      flights: isSharedIsolate() ? new Set() : undefined,
      count,
      standpoints,
      get calls() {
        return calls
      },
    }
    gateways.set(standpoints[0] as Standpoint, built)
    return built
  }

  return (key) => {
    const known = gateways.get(constrainers[0]?.states(key) as Standpoint)
    // One that was dropped as idle was made anew.
    const isCurrent = known && constrainers.every(({ states }, i) => states(key) === known.standpoints[i])
    const gateway = isCurrent ? known : build(key)
    if (gateway === newest) return gateway
    if (newest?.calls === 0) drop(newest)
    newest = gateway
    return gateway
  }
}

/** Where calls pass the door. */
const doorway = (all: readonly Constrainer[], rest: Chain, sharing?: Sharing): Chain => {
  const gatewayOf = newGateways(all, sharing)
  const own: Doorway = {
    pass: (request, call, next, sentAt) => {
      const gateway = gatewayOf(call.key)
      gateway.count(1)
      const leave = (): void => gateway.count(-1)
      const passed = pass(request, call, next, { gatewayOf, sentAt })
      passed.then(leave, leave)
      return passed
    },
    constraints: (key) => gatewayOf(key).constraints.map(({ constraint }) => constraint),
  }
  const passDoor = sharing?.share(own) ?? own.pass
  return {
    by: rest.by,
    relays: true,
    run: (source, call, last) => passDoor(source, call, () => goOn(rest, source, call, last)),
  }
}
