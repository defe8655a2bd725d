/** Never sent, sent before, or sent back while others are in flight: the last comes first. */
export type Place = 'new' | 'again' | 'ahead'

/** A call that waits for a slot. */
export interface Entry {
  readonly request: Request
  /** On the clock of `performance.now()`. */
  readonly joinedAt: number
  /** How long it may wait while nobody is served, in milliseconds. */
  readonly patienceMs: number
  /** Hands it the slot, of a probe if it waited in a lane for one. */
  readonly admit: (lane?: string) => void
  /** Where it lined up. */
  place: Place
  /** The queue it is in. */
  queue: Queue | undefined
  before: Entry | undefined
  after: Entry | undefined
}

/** Those that were sent before, then first come, first served; leaving from the middle costs as little as from the front. */
export interface Queue {
  readonly size: number
  readonly first: Entry | undefined
  readonly last: Entry | undefined
  /** The first that was never sent: every try is still before it. */
  readonly firstNew: Entry | undefined
  join(entry: Entry, place: Place): void
  leave(entry: Entry): void
}

export const newEntry = (request: Request, patienceMs: number, admit: Entry['admit']): Entry => ({
  request,
  joinedAt: performance.now(),
  patienceMs,
  admit,
  place: 'new',
  queue: undefined,
  before: undefined,
  after: undefined,
})

export const newQueue = (): Queue => {
  let first: Entry | undefined
  let last: Entry | undefined
  /** The last that was sent before. */
  let lastAgain: Entry | undefined
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
    get firstNew() {
      return lastAgain ? lastAgain.after : first
    },
    join: (entry, place) => {
      entry.place = place
      entry.queue = queue
      entry.before = place === 'new' ? last : place === 'again' ? lastAgain : undefined
      entry.after = entry.before ? entry.before.after : first
      if (entry.before) entry.before.after = entry
      else first = entry
      if (entry.after) entry.after.before = entry
      else last = entry
      if (place === 'again' || (place === 'ahead' && lastAgain === undefined)) lastAgain = entry
      size++
    },
    leave: (entry) => {
      if (entry.queue !== queue) return
      entry.queue = undefined
      size--
      if (entry === lastAgain) lastAgain = entry.before
      if (entry.before) entry.before.after = entry.after
      else first = entry.after
      if (entry.after) entry.after.before = entry.before
      else last = entry.before
      entry.before = entry.after = undefined
    },
  }
  return queue
}
