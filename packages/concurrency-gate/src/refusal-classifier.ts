import { clock } from '@aplomb/pipeline'
import { newRounds } from './rounds.ts'
import type { Sent } from './sent.ts'

/** Finds out what a server refuses that says no more than 429: too many in a window of time, or too many in flight. */
export interface Classifier {
  /** Undefined as long as it may be either. */
  cause(): 'window' | 'in flight' | undefined
  /** Whether a refusal is still to be tested with one request: nothing else is sent until then. */
  testing(): boolean
  /** Whether that is to be sent now. */
  ready(): boolean
  /** Milliseconds until it is to be sent at the latest, if that is known. */
  waitMs(): number
  /** Nothing is in flight, and nobody waits. */
  rest(): void
  sent(one: Sent): void
  /** One was let through, with `active` in flight, itself included, of `limit`. Returns whether that shows it to be in flight. */
  served(one: Sent, active: number, limit: number): boolean
  /** One was refused. Returns what for, as far as can be told; alone if none of ours was in flight with it. */
  refused(one: Sent, active: number): 'window' | 'in flight' | 'alone' | undefined
  /** The key pauses for a refusal that was alone. */
  closed(): void
  /** A window is ruled out. */
  itIsInFlight(): void
  /** An answer or an error has been taken in, whatever it was. */
  ended(one: Sent): void
}

type State =
  | { readonly is: 'unknown' }
  /** Refused: another success is to show that the server is well. */
  | { readonly is: 'awaiting success' }
  /** It is: half of what is in flight is to be answered first, but no more is awaited than comes in the time that the first one took. */
  | { readonly is: 'draining'; readonly until: number }
  /** One request goes, and tells. */
  | { readonly is: 'ready' }
  | { readonly is: 'sent'; readonly test: Sent }
  | { readonly is: 'window' | 'in flight' }

/** So many pauses for one alone in flight, and it is a window. Without it a lone client never learns one. */
const PAUSES_OF_WINDOW = 3

const UNKNOWN: State = { is: 'unknown' }
const READY: State = { is: 'ready' }

/** `onWindow` is called when it turns out to be a window. */
export const newClassifier = (onWindow: () => void): Classifier => {
  let state: State = UNKNOWN
  /** Pauses for one alone. */
  let closures = 0
  /** Requests without an answer yet: a stream is in flight for long after it. */
  let unanswered = 0
  const rounds = newRounds()

  const cause = (): ReturnType<Classifier['cause']> =>
    state.is === 'window' || state.is === 'in flight' ? state.is : undefined
  const itIsAWindow = (): void => {
    state = { is: 'window' }
    onWindow()
  }

  const waitMs = (): number => (state.is === 'draining' ? Math.max(0, state.until - clock()) : 0)
  const ready = (): boolean => state.is === 'ready' || (state.is === 'draining' && waitMs() === 0)
  const isTest = (one: Sent): boolean => state.is === 'sent' && state.test === one

  return {
    cause,
    testing: () => state.is !== 'unknown' && cause() === undefined,
    ready,
    waitMs,
    rest: () => rounds.forget(),
    sent: (one) => {
      unanswered++
      if (ready()) state = { is: 'sent', test: one }
    },
    served: (one, active, limit) => {
      rounds.served(one)
      if (state.is === 'awaiting success') state = { is: 'draining', until: 2 * clock() - one.at }
      // Among as many as before, it would be refused for the same reason.
      if (state.is === 'draining' && active - 1 <= limit / 2) state = READY
      if (!isTest(one)) return false
      state = { is: 'in flight' }
      return true
    },
    refused: (one, active) => {
      // Of those sent at the same time, another may have come first.
      if (rounds.refused(Math.max(one.active, active))) itIsAWindow()
      if (isTest(one)) itIsAWindow()
      const known = cause()
      if (known !== undefined) return known
      if (active <= 1 && state.is !== 'ready' && state.is !== 'draining') {
        state = UNKNOWN
        return 'alone'
      }
      if (state.is === 'unknown') state = { is: 'awaiting success' }
      return undefined
    },
    closed: () => {
      if (cause() === undefined && ++closures >= PAUSES_OF_WINDOW) itIsAWindow()
    },
    itIsInFlight: () => {
      state = { is: 'in flight' }
      rounds.forget()
    },
    ended: (one) => {
      unanswered = Math.max(0, unanswered - 1)
      // Whatever becomes of the test, or of the others that it waits for: it does not end all sending.
      const awaiting = state.is === 'awaiting success' || state.is === 'draining'
      if (isTest(one) || (awaiting && unanswered === 0)) state = READY
    },
  }
}
