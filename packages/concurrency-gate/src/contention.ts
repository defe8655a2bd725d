/** Others keep the server full, and each slot that comes free is fought for: whoever loses comes back later. */
export interface Contention {
  /** One of so many slots was lost, after a fight of so long. Returns the milliseconds until the next try. */
  lost(forMs: number, slots: number): number
  /** So long took an answer. */
  report(tookMs: number): void
}

/** The first backoff in milliseconds, and its growth as long as it is not known how long an answer takes. Without growth, those who wait out a long answer are refused hundreds of times. */
const FIRST_BACKOFF_MS = 200
const BACKOFF_GROWTH = 1.5
/** A try comes after so many times what an answer takes: by then a slot has come free. Sooner is refused; later leaves it idle. */
const ANSWERS_PER_TRY = 1.4
/** Where there are few slots each comes free more rarely: of a single one, it is after so many. */
const ANSWERS_OF_SINGLE_SLOT = 7
/** As long as none has come, it is taken to need so long, or this share of the fight; but no longer than ten seconds. */
const ASSUMED_ANSWER_MS = 150
const LONGEST_ASSUMED_ANSWER_MS = 10_000
const ASSUMED_SHARE = 0.15
/** How much of the past what an answer takes remembers. */
const EWMA_WEIGHT = 0.8

export const newContention = (): Contention => {
  let losses = 0
  let contended = false
  let meanMs: number | undefined
  return {
    lost: (forMs, slots) => {
      contended = true
      const answerMs = meanMs ?? Math.min(LONGEST_ASSUMED_ANSWER_MS, Math.max(ASSUMED_ANSWER_MS, forMs * ASSUMED_SHARE))
      const most = Math.max(FIRST_BACKOFF_MS, Math.max(ANSWERS_PER_TRY, ANSWERS_OF_SINGLE_SLOT / slots) * answerMs)
      return meanMs === undefined ? Math.min(FIRST_BACKOFF_MS * BACKOFF_GROWTH ** losses++, most) : most
    },
    report: (tookMs) => {
      // Where there was no crowd, answers may have been of another sort.
      if (contended) meanMs = meanMs === undefined ? tookMs : meanMs * EWMA_WEIGHT + tookMs * (1 - EWMA_WEIGHT)
    },
  }
}
