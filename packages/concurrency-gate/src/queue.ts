import { clock, type RequestLine } from '@aplomb/pipeline'
/** Never sent, sent before, or sent back while others are in flight: the last comes first. */
export type Place = 'new' | 'again' | 'ahead'

/** A call that waits for a slot. */
export interface Entry {
  readonly request: RequestLine
  /** On the `clock`. */
  readonly joinedAt: number
  /** How long it may wait while nobody is served, in milliseconds. */
  readonly patienceMs: number
  /** Hands it the slot, of a probe if it waited in a lane for one. */
  readonly admit: (lane?: string) => void
  readonly place: Place
  /** The queue it is in. */
  queue: Queue | undefined
  before: Entry | undefined
  after: Entry | undefined
}

/** First come, first served; leaving from the middle costs as little as from the front. */
export interface Queue {
  readonly size: number
  readonly first: Entry | undefined
  readonly last: Entry | undefined
  join(entry: Entry, inFront: boolean): void
  leave(entry: Entry): void
}

/** Calls that were sent before, then those that were not. */
export interface Line {
  readonly size: number
  readonly first: Entry | undefined
  /** The first that was never sent: every try is still before it. */
  readonly firstNew: Entry | undefined
  join(entry: Entry, inFront: boolean): void
  /** Whether it waits here. */
  holds(entry: Entry): boolean
}

export const newEntry = (request: RequestLine, place: Place, patienceMs: number, admit: Entry['admit']): Entry => ({
  request,
  // Whole, as a hundred thousand may wait: a fraction would be an object of its own.
  joinedAt: Math.floor(clock()),
  patienceMs,
  admit,
  place,
  queue: undefined,
  before: undefined,
  after: undefined,
})

export const newQueue = (): Queue => {
  let first: Entry | undefined
  let last: Entry | undefined
  let size = 0

  const queue: Queue = {
    get size() {
      return size
    },
    get first() {
      return first
    },
    get last() {
      return last
    },
    join: (entry, inFront) => {
      entry.queue = queue
      entry.before = inFront ? undefined : last
      entry.after = inFront ? first : undefined
      if (entry.before) entry.before.after = entry
      else first = entry
      if (entry.after) entry.after.before = entry
      else last = entry
      size++
    },
    leave: (entry) => {
      if (entry.queue !== queue) return
      entry.queue = undefined
      size--
      if (entry.before) entry.before.after = entry.after
      else first = entry.after
      if (entry.after) entry.after.before = entry.before
      else last = entry.before
      entry.before = entry.after = undefined
    },
  }
  return queue
}

export const newLine = (): Line => {
  const again = newQueue()
  const fresh = newQueue()
  return {
    get size() {
      return again.size + fresh.size
    },
    get first() {
      return again.first ?? fresh.first
    },
    get firstNew() {
      return fresh.first
    },
    join: (entry, inFront) => (entry.place === 'new' ? fresh : again).join(entry, inFront),
    holds: ({ queue }) => queue === again || queue === fresh,
  }
}
