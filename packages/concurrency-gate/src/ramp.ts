import { clock } from '@aplomb/pipeline'

/** Slow start by time, in milliseconds without an answer: sooner, answers are evidence, and cheaper. Without it slow answers keep a healthy API slow. */
const STARTS_AFTER_MS = 100
/** Milliseconds for a doubling. Slower, 2 000 calls of a second each take 13 times as long as bare; faster, a small server gets more than it takes. */
const DOUBLING_MS = 40

/** Slow start on the clock: unanswered requests are no evidence against more. */
export interface Ramp {
  /** When the limit begins to double; undefined once something was refused. */
  startsAt(): number | undefined
  /** Whether the clock has taken over from the answers. */
  started(): boolean
  /** What it multiplies the limit by: never more than a doubling at one moment. */
  factor(): number
  /** Milliseconds until it multiplies by this. */
  reachesMs(factor: number): number
  /** Begins, and at first leaves growth to the answers. */
  begin(): void
  /** The same, if it has not ended. */
  delay(): void
  /** What it has added so far was not made use of, or is in the limit by now. */
  hold(): void
  /** The limit takes over this factor. Returns whether the clock had begun to give any. */
  consume(factor: number): boolean
  end(): void
  /** As it was when it started then. */
  resume(startsAt: number | undefined): void
}

export const newRamp = (): Ramp => {
  let startsAt: number | undefined = clock() + STARTS_AFTER_MS
  const begin = (): void => {
    startsAt = clock() + STARTS_AFTER_MS
  }
  return {
    startsAt: () => startsAt,
    started: () => startsAt !== undefined && startsAt <= clock(),
    factor: () => (startsAt === undefined ? 1 : 2 ** Math.max(0, Math.min(1, (clock() - startsAt) / DOUBLING_MS))),
    reachesMs: (factor) => (startsAt === undefined ? Infinity : startsAt + DOUBLING_MS * Math.log2(factor) - clock()),
    begin,
    delay: () => {
      if (startsAt !== undefined) begin()
    },
    hold: () => {
      if (startsAt !== undefined) startsAt = Math.max(startsAt, clock())
    },
    consume: (factor) => {
      const now = clock()
      if (startsAt === undefined || startsAt >= now) return false
      startsAt = Math.max(startsAt, now - DOUBLING_MS) + DOUBLING_MS * Math.log2(factor)
      return true
    },
    end: () => {
      startsAt = undefined
    },
    resume: (at) => {
      startsAt = at
    },
  }
}
