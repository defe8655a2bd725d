import type { Ask } from './constraint.ts'
import type { Entry, Ordered } from './line.ts'
import { newQueue, type Queue } from './queue.ts'

/** Calls that wait apart, so that others pass: for an endpoint that is down, a tenant that is full. */
export interface Lanes extends Iterable<Entry> {
  readonly size: number
  /** Whether nobody waits in this one. */
  isFree(name: string): boolean
  /** From the line into a lane. */
  park(entry: Entry, name: string): void
  /** Those whose lane is not named any more stand in front of the line again, in their order. */
  unpark(): void
  leave(entry: Entry): void
  /** Whoever is first in each, by the names of the lanes. */
  firsts(): Iterable<() => Entry | undefined>
}

export const newLanes = (line: Ordered, laneOf: (one: Ask) => string | undefined): Lanes => {
  const lanes = new Map<string, Queue<Entry>>()
  let size = 0

  const leave = (entry: Entry): void => {
    entry.queue?.leave(entry)
    size--
  }

  return {
    get size() {
      return size
    },
    isFree: (name) => !lanes.get(name)?.size,
    park: (entry, name) => {
      const lane = lanes.get(name) ?? newQueue<Entry>()
      lanes.set(name, lane)
      line.leave(entry)
      lane.join(entry)
      size++
    },
    unpark: () => {
      for (const [name, lane] of lanes) {
        if (lane.first && laneOf(lane.first) === name) continue
        lanes.delete(name)
        for (let entry = lane.last; entry; entry = lane.last) {
          leave(entry)
          line.join(entry, true)
        }
      }
    },
    leave,
    *firsts() {
      const names = lanes.size > 1 ? [...lanes.keys()].toSorted() : [...lanes.keys()]
      for (const name of names) yield () => lanes.get(name)?.first
    },
    *[Symbol.iterator]() {
      for (const lane of lanes.values()) yield* lane
    },
  }
}
