import { clock } from '@aplomb/pipeline'
import type { Sent } from './control.ts'
import { newRounds } from './rounds.ts'

/** Finds out what a server refuses that says no more than 429: too many in a window of time, or too many in flight. */
export interface Nature {
  /** Undefined as long as it may be either. */
  readonly is: 'window' | 'in flight' | undefined
  /** Whether a refusal is still to be tried once more: nothing else is sent until then. */
  readonly trying: boolean
  /** Whether that is to be sent now. */
  readonly due: boolean
  /** Milliseconds until it is to be sent at the latest, if that is known. */
  waitMs(): number
  /** Nothing is in flight, and nobody waits. */
  rest(): void
  sent(one: Sent): void
  /** One was let through, with `active` in flight, itself included, of `limit`. Returns whether that shows it to be in flight. */
  served(one: Sent, active: number, limit: number): boolean
  /** One was refused; `fewer` if more were served before. Returns what for, as far as can be told; alone if none of ours was in flight with it. */
  refused(one: Sent, active: number, fewer: boolean): 'window' | 'in flight' | 'alone' | undefined
  /** The key pauses for a refusal that was alone. */
  closed(): void
  /** An answer or an error has been taken in, whatever it was. */
  ended(one: Sent): void
}

/** So many signs against what was thought, or of one alone in flight, and it is a window. */
const DOUBTS = 3

/** `onWindow` is called when it turns out to be a window. */
export const newNature = (onWindow: () => void): Nature => {
  let is: Nature['is']
  /** What it was for is tried with one request, once others have shown that the server is well and half of them are answered. */
  let trial: 'none' | 'waiting' | 'shown' | 'due' | 'sent' = 'none'
  let tried: Sent | undefined
  /** Some of the others may take long: no more of them are awaited than come in the time that the first one took. */
  let dueAt = 0
  /** Refusals of fewer in flight than were served, and pauses for one alone. */
  let contradictions = 0
  let closures = 0
  /** Requests without an answer yet: a stream is in flight for long after it. */
  let unanswered = 0
  const rounds = newRounds()

  const itIsAWindow = (): void => {
    is = 'window'
    trial = 'none'
    onWindow()
  }

  const awaited = (): boolean => trial === 'waiting' || trial === 'shown'
  const waitMs = (): number => (trial === 'shown' ? Math.max(0, dueAt - clock()) : 0)
  const due = (): boolean => trial === 'due' || (trial === 'shown' && waitMs() === 0)

  return {
    get is() {
      return is
    },
    get trying() {
      return trial !== 'none'
    },
    get due() {
      return due()
    },
    waitMs,
    rest: () => rounds.forget(),
    sent: (one) => {
      unanswered++
      if (!due()) return
      trial = 'sent'
      tried = one
    },
    served: (one, active, limit) => {
      rounds.served(one.active)
      if (trial === 'waiting') dueAt = 2 * clock() - one.at
      // Among as many as before, it would be refused for the same reason.
      if (awaited()) trial = active - 1 <= limit / 2 ? 'due' : 'shown'
      if (trial !== 'sent' || one !== tried) return false
      trial = 'none'
      is = 'in flight'
      return true
    },
    refused: (one, active, fewer) => {
      // Of those sent at the same time, another may have come first.
      if (rounds.refused(Math.max(one.active, active))) itIsAWindow()
      if (is === 'in flight' && fewer && ++contradictions >= DOUBTS) itIsAWindow()
      if (is === undefined && trial === 'sent' && one === tried) itIsAWindow()
      if (is !== undefined) return is
      if (active <= 1 && trial !== 'due' && trial !== 'shown') {
        trial = 'none'
        return 'alone'
      }
      if (trial === 'none') trial = 'waiting'
      return undefined
    },
    closed: () => {
      if (is === undefined && ++closures >= DOUBTS) itIsAWindow()
    },
    ended: (one) => {
      unanswered = Math.max(0, unanswered - 1)
      // Whatever becomes of the trial, or of the others that it waits for: it does not end all sending.
      if (trial === 'sent' && one === tried) trial = 'due'
      if (awaited() && unanswered === 0) trial = 'due'
    },
  }
}
