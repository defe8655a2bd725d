import { clock } from '@aplomb/pipeline'
import type { Sent } from './sent.ts'

/**
 * Finds out whether a server refuses at random: then a refusal says nothing about windows or ceilings, and nothing is to
 * be learned from it. A sequential probability ratio test (Wald, 1945): is the first request sent after a refusal,
 * within about a round trip, served? A window that ran out refuses it, chance hardly ever.
 */
export interface Chance {
  /** Whether the evidence is for it. */
  leaning(): boolean
  /** Whether the evidence is enough, if nothing else explains the refusals. */
  likely(): boolean
  /** Whether a window does not explain them: be it chance, or too many in flight. */
  noWindow(): boolean
  /** A window that was ruled out is not any more: what comes next may be of another sort. */
  forgetWindow(): void
  /** Whether refusals are taken for chance. */
  believed(): boolean
  believe(): void
  /** Milliseconds for which nothing is sent: so many were refused in a row that it is doubtful, and those sent before have yet to tell. */
  waitMs(): number
  /** Whether it still may be. */
  possible(): boolean
  /** Before the key pauses for a refusal: whether one request should go at once, to be such a test. */
  wantsTest(): boolean
  /** Refused for too many in flight, as is thought: whether one is to go at once all the same, among as many, to be such a test. Once for those that were sent together. */
  asks(one: Sent, active: number): boolean
  /** Up to how many in flight it goes. */
  testAmong(): number
  /** A request goes out, and is refused if it is a window's refusals that are seen, `notInFlight` also if it is not for too many in flight. */
  sent(one: Sent, window: boolean, notInFlight: boolean): void
  served(one: Sent): void
  /** Refused without a word. */
  refused(one: Sent): void
  /** Whether the last refusal may be let pass: the only one since a success, or there is evidence for chance. */
  negligible(): boolean
  /** An answer or an error has been taken in, whatever it was. */
  ended(one: Sent): void
  /** The server fails: what it refuses meanwhile is no test. */
  outage(): void
}

/** The highest share of random refusals, and log likelihood ratios of a served and a refused test: random against a closed window, which refuses 95 %. */
const BY_CHANCE = 0.4
const LLR_SERVED = Math.log((1 - BY_CHANCE) / 0.05)
const LLR_REFUSED = Math.log(BY_CHANCE / 0.95)
/** Score of three tests that were served, one more for two that were not. Less, and a short window is taken for chance. */
const BELIEVED_FROM = 3 * LLR_SERVED
/** After so much evidence for a window, tests would only be refused: they are made now and then. */
const LOWEST_SCORE = 3 * LLR_REFUSED
const TEST_EVERY = 2
/** Consecutive refusals that refute chance: without it a window that was taken for chance is hammered. */
const REFUTED_BY = 8
const ROUND_TRIPS_TO_TELL = 1.5
/** Of refusals that take as long as answers, more than that in a row are none that may be let pass. */
const MOST_IN_A_ROW = 3
/** What "about a round trip" is, in milliseconds: never so long that a short window has opened again. */
const SHORTEST_ROUND_TRIP_MS = 20
const LONGEST_ROUND_TRIP_MS = 250
/** A server that failed so lately, in milliseconds, refuses because others come back to it, too. */
const AFTER_OUTAGE_MS = 10_000
/** Weight of the past in the mean round trip, and in the share of what is refused. */
const EWMA_WEIGHT = 0.8
const SHARE_WEIGHT = 0.95
/** Where more than that is refused, it is not by chance that a test is served: a slot has come free. */
const MOST_BY_CHANCE = 0.75

export const newChance = (): Chance => {
  /** Against a window and a ceiling; against a window, of tests among fewer. */
  let score = 0
  let windowScore = 0
  let threshold = BELIEVED_FROM
  let believed = false
  let row = 0
  let rowSince = 0
  let roundTripMs: number | undefined
  /** The share of what is refused, and its mean at successes: refusals may come back in a bunch, before answers. */
  let share = 0
  let meanShare = 0
  let refusedAt: number | undefined
  let refusedAmong = 0
  let refusalMs = 0
  /** What chance refuses, it refuses at any rate: the share of before, and the evidence (CUSUM, Page 1954) that half of the rest is refused on top. */
  let usualShare = BY_CHANCE
  let excess = 0
  let excessSince = 0
  /** Tests under way. */
  let pending = 0
  /** Whether among as many as were refused. */
  const tests = new WeakMap<Sent, boolean>()
  let passedUp = 0
  let outageAt = -Infinity
  let testAmong = 0
  /** When that was decided last. */
  let askedAt = -Infinity

  const now = clock
  const afterOutage = (): boolean => now() - outageAt < AFTER_OUTAGE_MS

  const wantsTest = (): boolean => {
    if (afterOutage()) return false
    if (score > LOWEST_SCORE) return true
    passedUp = (passedUp + 1) % TEST_EVERY
    return passedUp === 0
  }

  /** Refusals may be faster than answers: by then who was sent with the first of them has had the time to be served. */
  const toldMs = (since: number): number => Math.max(0, since + ROUND_TRIPS_TO_TELL * (roundTripMs ?? 0) - now())

  const refute = (): void => {
    believed = false
    score = 0
    excess = 0
    usualShare = BY_CHANCE
    threshold += BELIEVED_FROM
  }

  const weigh = (ratio: number): void => {
    if (excess === 0) excessSince = now()
    excess = Math.min(BELIEVED_FROM, Math.max(0, excess + Math.log(ratio)))
  }

  return {
    leaning: () => score > 0 && meanShare <= MOST_BY_CHANCE,
    likely: () => score >= threshold && meanShare <= MOST_BY_CHANCE,
    noWindow: () => windowScore >= BELIEVED_FROM,
    believed: () => believed,
    forgetWindow: () => {
      windowScore = 0
    },
    believe: () => {
      believed = true
      row = 0
      excess = 0
      usualShare = Math.max(BY_CHANCE, meanShare)
    },
    waitMs: () => (believed && row >= REFUTED_BY ? toldMs(rowSince) : 0),
    possible: () => score > LOWEST_SCORE,
    wantsTest,
    asks: ({ at }, active) => {
      if (at < askedAt || !wantsTest()) return false
      askedAt = now()
      testAmong = active
      return true
    },
    testAmong: () => testAmong,
    sent: (one, window, notInFlight) => {
      testAmong = 0
      if (refusedAt === undefined) return
      const roundTrip = Math.min(LONGEST_ROUND_TRIP_MS, Math.max(SHORTEST_ROUND_TRIP_MS, roundTripMs ?? 0))
      // Among fewer, it would be served by a server that only takes so many at once.
      const asMany = notInFlight || one.active >= refusedAmong
      if (one.at - refusedAt <= roundTrip && (window || asMany) && !afterOutage()) {
        tests.set(one, asMany)
        pending++
      }
      refusedAt = undefined
    },
    served: (one) => {
      const tookMs = now() - one.at
      roundTripMs = roundTripMs === undefined ? tookMs : roundTripMs * EWMA_WEIGHT + tookMs * (1 - EWMA_WEIGHT)
      row = 0
      share *= SHARE_WEIGHT
      meanShare = meanShare * EWMA_WEIGHT + share * (1 - EWMA_WEIGHT)
      weigh(1 / 2)
      if (believed && meanShare > MOST_BY_CHANCE) refute()
      const asMany = tests.get(one)
      if (asMany === true) score = Math.min(threshold, score + LLR_SERVED)
      if (asMany === false) windowScore += LLR_SERVED
    },
    refused: (one) => {
      share = share * SHARE_WEIGHT + 1 - SHARE_WEIGHT
      refusedAt = now()
      refusedAmong = one.active
      refusalMs = refusedAt - one.at
      if (row++ === 0) rowSince = refusedAt
      const asMany = tests.get(one)
      if (asMany === true) score = Math.max(LOWEST_SCORE, score + LLR_REFUSED)
      if (asMany === false) windowScore = Math.max(0, windowScore + LLR_REFUSED)
      weigh((1 + usualShare) / 2 / usualShare)
      const rows = row >= REFUTED_BY && toldMs(rowSince) === 0
      if (believed && (rows || (excess >= BELIEVED_FROM && toldMs(excessSince) === 0))) refute()
    },
    negligible: () => {
      if (score > 0 || (row === 1 && score > LOWEST_SCORE)) return true
      // Refusals that take as long as answers: so does the test, and stopping meanwhile would cost as much as going on.
      return pending > 0 && score === 0 && row <= MOST_IN_A_ROW && refusalMs > (roundTripMs ?? Infinity) / 2
    },
    ended: (one) => {
      if (tests.delete(one)) pending--
    },
    outage: () => {
      outageAt = now()
    },
  }
}
