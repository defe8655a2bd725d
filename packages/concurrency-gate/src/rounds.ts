import { clock } from '@aplomb/pipeline'
import type { Sent } from './sent.ts'

/** Finds out whether a silent refusal can have been for too many in flight: not if as many were served for a while. */
export interface Rounds {
  served(one: Pick<Sent, 'at' | 'active'>): void
  /**
   * A request was refused that was sent with this many in flight. Returns whether as many were served for two rounds
   * since the last burst of refusals; requests that were sent before its last one came back belong to the same burst.
   */
  refused(active: number): boolean
  /** What comes next may be of another sort. */
  forget(): void
}

const ENOUGH = 2

export const newRounds = (): Rounds => {
  /** Good answers since the last refusals, by how many were in flight. */
  const answers: number[] = []
  /** When the last refusal came, as long as nothing was served that was sent after it. */
  let refusedAt: number | undefined
  const forget = (): void => {
    answers.length = 0
    refusedAt = undefined
  }
  return {
    served: ({ at, active }) => {
      if (refusedAt !== undefined && at > refusedAt) forget()
      answers[active] = (answers[active] ?? 0) + 1
    },
    refused: (active) => {
      refusedAt = clock()
      const count = answers.reduce((sum, one, among) => (among >= active ? sum + one : sum), 0)
      return count >= ENOUGH * active
    },
    forget,
  }
}
