import { clock } from './clock.ts'
import type { Ask, Departure } from './constraint.ts'
import type { Call, RequestLine } from './contract.ts'
import { newQueue, type Queue, type Queued } from './queue.ts'

/** Never sent, sent before, or sent back in front. */
export type Place = 'new' | 'back' | 'front'

/** A call that waits to be sent. */
export interface Entry extends Ask, Queued<Entry> {
  readonly place: Place
  readonly urgency: number
  overdue: boolean
  /** Whether a wait that is certain was told. */
  told: boolean
  /** When it came, here or to the line that it was taken from, on the `clock`. */
  readonly joinedAt: number
  /** How long it may wait while nobody is served, in milliseconds. */
  readonly patienceMs: number
  /** Until when it may wait, on the `clock`. */
  readonly until: number
  /** How long the key had been on hold when it came. */
  readonly heldBeforeMs: number
  resolve: (departure: Departure) => void
  reject: (error: unknown) => void
  expiry: ReturnType<typeof setTimeout> | undefined
  look: ReturnType<typeof setTimeout> | undefined
  stopListening: (() => void) | undefined
}

const nothing = (): void => undefined

export const newEntry = (
  call: Call,
  request: RequestLine,
  { place, heldBeforeMs }: Pick<Entry, 'place' | 'heldBeforeMs'>,
): Entry => {
  // Whole, as a hundred thousand may wait: a fraction would be an object of its own.
  const joinedAt = Math.floor(clock() - (call.linedUpMs ?? 0))
  return {
    call,
    request,
    urgency: call.urgency,
    place: place === 'new' && call.attempt > 0 ? 'back' : place,
    overdue: false,
    told: false,
    joinedAt,
    patienceMs: call.maxTotalWaitMs,
    until: joinedAt + call.mayWaitMs(),
    heldBeforeMs: Math.floor(heldBeforeMs),
    queue: undefined,
    before: undefined,
    after: undefined,
    resolve: nothing,
    reject: nothing,
    expiry: undefined,
    look: undefined,
    stopListening: undefined,
  }
}

/**
 * The order in which calls are sent: by urgency, then those that were sent before, then first come, first served. One of
 * `AGED_EVERY` is the one that has waited for longest, whatever its urgency: so nobody starves.
 */
export interface Ordered extends Iterable<Entry> {
  readonly size: number
  /** Whose turn it is. `fresh`: of those that were never sent, if there are any. */
  first(fresh: boolean): Entry | undefined
  join(entry: Entry, inFront: boolean): void
  /** Whether it waits here. */
  holds(entry: Entry): boolean
  leave(entry: Entry): void
  /** It leaves to be sent: whose turn it is next may be another's. */
  took(entry: Entry): void
}

/** A twentieth of the throughput is for whoever has waited for longest: without it, urgent calls can keep others out for ever. */
const AGED_EVERY = 20

interface Class {
  readonly again: Queue<Entry>
  readonly fresh: Queue<Entry>
}

const firstOf = ({ again, fresh }: Class, preferFresh: boolean): Entry | undefined =>
  (preferFresh && fresh.first) || again.first || fresh.first

export const newOrdered = (): Ordered => {
  /** By urgency. */
  const classes: (Class | undefined)[] = []
  let size = 0
  /** Taken while less urgent ones waited. */
  let overtaken = 0

  const oldest = (fresh: boolean): Entry | undefined => {
    let found: Entry | undefined
    for (const one of classes) {
      const first = one && firstOf(one, fresh)
      if (first && (!found || first.joinedAt < found.joinedAt)) found = first
    }
    return found
  }

  const mostUrgent = (fresh: boolean): Entry | undefined => {
    for (const one of classes) {
      const first = one && firstOf(one, fresh)
      if (first) return first
    }
    return undefined
  }

  const classOf = (urgency: number): Class => (classes[urgency] ??= { again: newQueue(), fresh: newQueue() })

  const leave = (entry: Entry): void => {
    entry.queue?.leave(entry)
    size--
  }

  return {
    get size() {
      return size
    },
    first: (fresh) => (overtaken >= AGED_EVERY - 1 ? oldest(fresh) : mostUrgent(fresh)),
    join: (entry, inFront) => {
      const { again, fresh } = classOf(entry.urgency)
      ;(entry.place === 'new' ? fresh : again).join(entry, inFront)
      size++
    },
    holds: ({ queue, urgency }) => {
      const one = classes[urgency]
      return queue !== undefined && (queue === one?.again || queue === one?.fresh)
    },
    leave,
    took: (entry) => {
      const waiting = classes.some((one, urgency) => urgency > entry.urgency && one && firstOf(one, false))
      overtaken = waiting && overtaken < AGED_EVERY - 1 ? overtaken + 1 : 0
    },
    *[Symbol.iterator]() {
      for (const one of classes) {
        if (!one) continue
        yield* one.again
        yield* one.fresh
      }
    },
  }
}
