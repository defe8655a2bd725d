/** A call that waits for a slot. */
export interface Entry {
  readonly request: Request
  /** On the clock of `performance.now()`. */
  readonly joinedAt: number
  /** How long it may wait while nobody is served, in milliseconds. */
  readonly patienceMs: number
  /** Hands it the slot, of a probe if it waited in a lane for one. */
  readonly admit: (lane?: string) => void
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
  /** Lines up at the back, or ahead of everybody: a call that was sent back keeps its turn. */
  join(entry: Entry, ahead: boolean): void
  leave(entry: Entry): void
}

export const newEntry = (request: Request, patienceMs: number, admit: Entry['admit']): Entry => ({
  request,
  joinedAt: performance.now(),
  patienceMs,
  admit,
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
    join: (entry, ahead) => {
      entry.queue = queue
      entry.before = ahead ? undefined : last
      entry.after = ahead ? first : undefined
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
