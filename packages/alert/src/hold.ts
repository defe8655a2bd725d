/** How long a key lets no call through. Moments are those of `performance.now()`. */
export interface Hold {
  /** When the hold in force ends, or the last one ended. */
  readonly until: number
  /** Holds until then. Gives the time that no call has gone through or will, in milliseconds. */
  extend(until: number): number
  /** Takes a good answer to an attempt sent at that moment. */
  passed(sentAt: number): void
}

/** Holds add up until a call goes through in between: a server that says "ten more seconds" for an hour is away for an hour. */
export const newHold = (): Hold => {
  let began = -Infinity
  let until = -Infinity
  let endedBefore = -Infinity
  let earlierMs = 0
  return {
    get until() {
      return until
    },
    extend: (end) => {
      const now = performance.now()
      if (now > until) {
        if (until > began) earlierMs += until - began
        endedBefore = until
        began = now
      }
      until = Math.max(until, end)
      return earlierMs + until - began
    },
    passed: (sentAt) => {
      if (sentAt < endedBefore) return
      earlierMs = 0
      if (sentAt >= until) began = until
    },
  }
}
