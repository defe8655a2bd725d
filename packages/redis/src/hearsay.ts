import { clock, type Constraint } from '@aplomb/pipeline'
import { aged, type Known, NOBODYS, verdictFrom } from './messages.ts'
import { newStandIn, type Reactions } from './stand-in.ts'

/** Nobody waits for what becomes of it. */
export const UNHEARD: Reactions = { go: () => undefined, emit: () => undefined }

/** What others had heard before: its limits count, but nobody was served or refused now. */
export const tellKnown = (key: string, constraints: readonly Constraint[], known: readonly Known[]): void => {
  const { call, request } = newStandIn(key, { owner: '', n: 0 }, NOBODYS, UNHEARD)
  for (const { verdict, ageMs } of known) {
    const at = clock()
    const departure = { call, request, at, firstAt: at }
    const told = verdictFrom(aged(verdict, ageMs))
    const signal = { verdict: told, response: undefined, key, elsewhere: true, repeatable: false }
    for (const constraint of constraints) constraint.overheard?.(departure, signal)
  }
}
