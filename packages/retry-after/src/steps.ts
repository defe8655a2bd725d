import type { Sample } from './slope.ts'

/** Whether answers fit a limit that gives all at once at its resets, and nothing between them. */
export interface Steps {
  /** For how long, at most, a window was seen to give nothing back. */
  flatMs(): number
  /** Whether the last reset that was due gave all at once. */
  confirmed(): boolean
  /** The reset was then, sooner than was told. */
  due(at: number): void
  /** By how many units an answer differs from that. `dueAt` is when the next reset is due; it is known to `unsureMs`. */
  error(sample: Sample, dueAt: number, unsureMs: number): number
}

export const newSteps = (first: Sample, firstDueAt: number): Steps => {
  let dueAt = firstDueAt
  /** What was granted in this window lies between these. */
  let least = first.remaining + first.charged - first.early
  let most = first.remaining + first.charged + first.late
  let charged = first.charged - first.early
  let began = first.at
  let flatMs = 0
  let confirmed = false

  return {
    confirmed: () => confirmed,
    flatMs: () => flatMs,
    due: (at) => {
      dueAt = at
    },
    error: (sample, nextDueAt, unsureMs) => {
      const granted = sample.remaining + sample.charged
      const [lower, upper] = [granted - sample.early, granted + sample.late]
      const due = sample.at >= dueAt
      const doubtful = Math.abs(sample.at - dueAt) < unsureMs
      if ((!due || doubtful) && lower <= most && upper >= least) {
        least = Math.max(least, lower)
        most = Math.min(most, upper)
        dueAt = Math.min(dueAt, nextDueAt)
        charged = Math.max(charged, sample.charged - sample.early)
        flatMs = Math.max(flatMs, sample.at - began)
        return 0
      }
      const ours = sample.charged + sample.late - charged
      const fewer = Math.max(0, sample.limit - sample.remaining - ours)
      const more = lower - most
      least = lower
      most = upper
      // Less than before was taken by others: that says nothing.
      if ((!due || doubtful) && more < 0) {
        dueAt = Math.min(dueAt, nextDueAt)
        return 0
      }
      dueAt = nextDueAt
      began = sample.at
      charged = sample.charged - sample.early
      if (due || doubtful) confirmed = fewer === 0
      return due || doubtful ? fewer : Math.max(0, more)
    },
  }
}
