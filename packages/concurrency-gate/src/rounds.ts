/** Finds out whether a silent refusal can have been for too many in flight: not if as many were served for a while. */
export interface Rounds {
  /** One was served that was sent among so many. */
  served(active: number): void
  /** One was refused that was sent among so many. Returns whether that many were served for two rounds since the last refusal. */
  refused(active: number): boolean
  /** What comes next may be of another sort. */
  forget(): void
}

const ENOUGH = 2

export const newRounds = (): Rounds => {
  /** Good answers since the last refusal, by how many were in flight. */
  const answers: number[] = []
  const forget = (): void => {
    answers.length = 0
  }
  return {
    served: (active) => {
      answers[active] = (answers[active] ?? 0) + 1
    },
    refused: (active) => {
      const count = answers.reduce((sum, one, among) => (among >= active ? sum + one : sum), 0)
      forget()
      return count >= ENOUGH * active
    },
    forget,
  }
}
