/** A call that waits for a slot. */
export interface Entry {
  /** Hands it the slot. */
  readonly admit: () => void
  before: Entry | undefined
  after: Entry | undefined
  waiting: boolean
}

/** First come, first served; leaving from the middle costs as little as from the front. */
export interface Queue {
  readonly size: number
  /** Lines up at the back, or ahead of everybody: a call that was sent back keeps its turn. */
  join(admit: () => void, ahead: boolean): Entry
  leave(entry: Entry): void
  /** Takes out the first. */
  shift(): Entry | undefined
}

export const newQueue = (): Queue => {
  let first: Entry | undefined
  let last: Entry | undefined
  let size = 0

  const leave = (entry: Entry): void => {
    if (!entry.waiting) return
    entry.waiting = false
    size--
    if (entry.before) entry.before.after = entry.after
    else first = entry.after
    if (entry.after) entry.after.before = entry.before
    else last = entry.before
    entry.before = entry.after = undefined
  }

  return {
    get size() {
      return size
    },
    join: (admit, ahead) => {
      const entry: Entry = { admit, before: ahead ? undefined : last, after: ahead ? first : undefined, waiting: true }
      if (entry.before) entry.before.after = entry
      else first = entry
      if (entry.after) entry.after.before = entry
      else last = entry
      size++
      return entry
    },
    leave,
    shift: () => {
      const entry = first
      if (entry) leave(entry)
      return entry
    },
  }
}
