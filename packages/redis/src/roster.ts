import type { StandIn } from './stand-in.ts'

/** Calls of all members, by member and number. */
export interface Roster extends Iterable<StandIn> {
  readonly size: number
  get(owner: string, n: number): StandIn | undefined
  add(one: StandIn): void
  /** Takes one out, and returns it. */
  take(owner: string, n: number): StandIn | undefined
  takeIf(isTaken: (one: StandIn) => boolean): readonly StandIn[]
  /** How many members have some. */
  readonly owners: number
  /** How many a member has. */
  of(owner: string): number
}

export const newRoster = (): Roster => {
  const members = new Map<string, Map<number, StandIn>>()
  let size = 0

  const take: Roster['take'] = (owner, n) => {
    const its = members.get(owner)
    const one = its?.get(n)
    if (!its || !one) return undefined
    its.delete(n)
    size--
    if (its.size === 0) members.delete(owner)
    return one
  }

  const all = function* (): IterableIterator<StandIn> {
    for (const its of members.values()) yield* its.values()
  }

  return {
    get size() {
      return size
    },
    get owners() {
      return members.size
    },
    get: (owner, n) => members.get(owner)?.get(n),
    add: (one) => {
      take(one.owner, one.n)
      const its = members.get(one.owner)
      if (its) its.set(one.n, one)
      else members.set(one.owner, new Map([[one.n, one]]))
      size++
    },
    take,
    takeIf: (isTaken) => {
      const taken = [...all()].filter(isTaken)
      for (const { owner, n } of taken) take(owner, n)
      return taken
    },
    of: (owner) => members.get(owner)?.size ?? 0,
    [Symbol.iterator]: all,
  }
}
