import { discard } from './discard.ts'
import { isResponse } from './errors.ts'
import { type Failing, judgeEnding, judgeFailure, member } from './failure.ts'
import { judgeHead } from './judge.ts'
import { newVerdict, type Verdict } from './verdict.ts'

/** What was read of a body to judge its answer. */
export interface Peeked {
  readonly text: string
  /** Whether this is all there is: the end was reached, and the connection is free although nobody has read the body. */
  readonly whole: boolean
}

/** By response or error, from whoever has judged all there is. */
const verdicts = new WeakMap<object, Verdict>()
/** By response, from whoever has read its head alone: whoever reads the body comes to a better one. */
const readings = new WeakMap<object, Verdict>()
const bodies = new WeakMap<object, Peeked>()

const NO_ANSWER: Verdict = newVerdict({ kind: 'unknown', receivedAt: 0, retryable: false, evidence: 'not a response' })

/** For judges: notes the verdict on a response, or on an error, for all the layers above. */
export const setVerdict = (of: object, verdict: Verdict, peeked?: Peeked): void => {
  verdicts.set(of, verdict)
  if (peeked) bodies.set(of, peeked)
}

/** For judges that know the head alone: the verdict counts until one who has read the body comes to another. */
export const setReading = (response: Response, verdict: Verdict): void => {
  readings.set(response, verdict)
}

/** The verdict of whoever has judged all there is. */
export const finalVerdictOf = (of: object): Verdict | undefined => verdicts.get(of)

/**
 * The one verdict on a response: that of `classify()` or of another judge below, else what status, `Retry-After` and
 * `x-should-retry` say.
 */
export const verdictOf = (response: Response): Verdict => {
  if (!isResponse(response)) return NO_ANSWER
  const known = verdicts.get(response) ?? readings.get(response)
  if (known) return known
  const verdict = judgeHead(response)
  readings.set(response, verdict)
  return verdict
}

/**
 * The verdict on what was thrown in place of a response: that of `classify()` below, else what is plain. An abort and a
 * time-out are told by the signal that is given.
 */
export const verdictOfError = (error: unknown, failing: Failing = {}): Verdict => {
  const ending = judgeEnding(error, failing.signal)
  if (ending) return ending
  const cause = member(error, 'cause')
  return verdicts.get(error as object) ?? verdicts.get(cause as object) ?? judgeFailure(error, failing)
}

/** The beginning of the body that was read to judge a response. Undefined if it was not read. */
export const peekedBody = (response: Response): string | undefined => bodies.get(response)?.text

/**
 * Whether a response can be kept readable at no cost: to judge it, its body was read to the end, or it has none. Its
 * connection is free although nobody has read it.
 */
export const peekedWhole = (response: Response): boolean =>
  !isResponse(response) || !response.body || (bodies.get(response)?.whole ?? false)

/**
 * Frees the connection of a response whose request may be sent again, while the call waits for that. Returns the
 * response if it can still be read, for a wait that comes to nothing: its body was read whole already.
 */
export const setAside = (response: Response): Response | undefined => {
  if (peekedWhole(response)) return response
  discard(response)
  return undefined
}

/** For whoever has to wrap a response: the new one is judged as the first was. Returns the new one. */
export const carryVerdict = (from: Response, to: Response): Response => {
  for (const notes of [verdicts, readings, bodies] as WeakMap<object, unknown>[]) {
    const note = notes.get(from)
    if (note !== undefined) notes.set(to, note)
  }
  return to
}
