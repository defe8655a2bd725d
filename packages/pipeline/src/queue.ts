/** Something that stands in a {@link Queue}. */
export interface Queued<T> {
  /** The queue it is in. */
  queue: Queue<T> | undefined
  before: T | undefined
  after: T | undefined
}

/** First come, first served; leaving from the middle costs as little as from the front. */
export interface Queue<T> extends Iterable<T> {
  readonly size: number
  readonly first: T | undefined
  readonly last: T | undefined
  join(entry: T, inFront?: boolean): void
  leave(entry: T): void
}

export const newQueue = <T extends Queued<T>>(): Queue<T> => {
  let first: T | undefined
  let last: T | undefined
  let size = 0

  const queue: Queue<T> = {
    get size() {
      return size
    },
    get first() {
      return first
    },
    get last() {
      return last
    },
    join: (entry, inFront = false) => {
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
    *[Symbol.iterator]() {
      // Whoever is looked at may leave.
      for (let entry = first, next; entry; entry = next) {
        next = entry.after
        yield entry
      }
    },
  }
  return queue
}
