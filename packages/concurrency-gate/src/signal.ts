import { KINDS, type Verdict } from '@aplomb/pipeline'

/** What an answer means for congestion. */
export type Congestion =
  | 'served'
  | 'refused in flight'
  | 'refused until'
  | 'refused silently'
  | 'failed'
  | 'overloaded'
  | 'says nothing'

/** A refusal that asks for a longer wait holds nobody: its call is given back with it. */
export const LONGEST_WAIT_MS = 60_000

/** A refusal that names no time to come back; one that has passed already is none. */
export const isSilent = ({ retryAfterMs = 0 }: Verdict): boolean => retryAfterMs <= 0

export const signalOf = (verdict: Verdict): Congestion => {
  const { kind, tentative } = verdict
  // The prose of an answer to something else is about that call alone.
  if (tentative) return 'says nothing'
  if (kind === 'concurrency-limited') return 'refused in flight'
  if (kind === 'rate-limited') return isSilent(verdict) ? 'refused silently' : 'refused until'
  if (kind === 'overloaded') return 'overloaded'
  if (KINDS[kind].failure) return 'failed'
  // What was given up, or is unknown, says nothing about how the server fares.
  return KINDS[kind].action === 'stop' ? 'says nothing' : 'served'
}
