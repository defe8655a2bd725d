/** Others keep the server full, and each slot that comes free is fought for: whoever loses comes back later. */
export interface Crowd {
  /** One of so many slots was lost, after a fight of so long. Returns the milliseconds until the next try. */
  lost(forMs: number, slots: number): number
  /** So long took an answer. */
  heard(tookMs: number): void
}

const FIRST_MS = 200
const GROWTH = 1.5
/** A try comes after so many times what an answer takes: by then a slot has come free. */
const ANSWERS = 1.4
/** Where there are few slots each comes free more rarely: of a single one, it is after so many. */
const ANSWERS_OF_ONE = 7
/** As long as none has come, it is taken to need so long, or this share of the fight; but no longer than ten seconds. */
const TYPICAL_MS = 150
const LONGEST_TYPICAL_MS = 10_000
const TYPICAL_SHARE = 0.15
/** How much of the past what an answer takes remembers. */
const MEMORY = 0.8

export const newCrowd = (): Crowd => {
  let losses = 0
  let met = false
  let meanMs: number | undefined
  return {
    lost: (forMs, slots) => {
      met = true
      const answerMs = meanMs ?? Math.min(LONGEST_TYPICAL_MS, Math.max(TYPICAL_MS, forMs * TYPICAL_SHARE))
      const most = Math.max(FIRST_MS, Math.max(ANSWERS, ANSWERS_OF_ONE / slots) * answerMs)
      return meanMs === undefined ? Math.min(FIRST_MS * GROWTH ** losses++, most) : most
    },
    heard: (tookMs) => {
      // Where there was no crowd, answers may have been of another sort.
      if (met) meanMs = meanMs === undefined ? tookMs : meanMs * MEMORY + tookMs * (1 - MEMORY)
    },
  }
}
