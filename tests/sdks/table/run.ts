import { aplomb, type CallEvent } from 'aplomb'
import type { Subject } from './clients.ts'
import { type Fault, FAULTS, startFaulty } from './fault.ts'

/** What came of a call. */
export interface Result {
  readonly answered: boolean
  readonly requests: number
  readonly ms: number
  /** How long aplomb has chosen to wait; 0 without it. */
  readonly waitedMs: number
}

export interface Pair {
  readonly subject: Subject
  readonly fault: Fault
  readonly alone: Result
  readonly recipe: Result
}

/** How much later than the client library alone a call may be answered: a backoff of 1 to 1.3 s instead of its own. */
export const LATER_MS = 1100

const runOne = async ({ call, options }: Subject, fault: Fault, isRecipe: boolean): Promise<Result> => {
  const api = await startFaulty(fault)
  try {
    let waitedMs = 0
    const onEvent = (event: CallEvent): void => {
      if (event.type === 'retry') waitedMs += event.waitMs
    }
    const fetch = isRecipe ? aplomb({ ...options, onEvent, fetch: api.wire }) : api.wire
    const began = performance.now()
    const answered = await call(api.base, fetch, isRecipe).catch(() => false)
    return { answered, requests: api.requests(), ms: performance.now() - began, waitedMs }
  } finally {
    api.close()
  }
}

/** All calls with all faults, `atOnce` of them at a time. */
export const runAll = async (subjects: readonly Subject[], atOnce: number): Promise<Pair[]> => {
  const pairs: Pair[] = []
  const left = subjects.flatMap((subject) => FAULTS.map((fault) => ({ subject, fault, place: pairs.length })))
  left.forEach((one, place) => (one.place = place))
  const work = async (): Promise<void> => {
    for (let one = left.shift(); one; one = left.shift()) {
      const { subject, fault, place } = one
      const alone = await runOne(subject, fault, false)
      pairs[place] = { subject, fault, alone, recipe: await runOne(subject, fault, true) }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return pairs
}

/** What a pair shows that must not be: less resilience than alone, or later. */
export const faultsOf = ({ alone, recipe }: Pair): string[] => {
  if (!alone.answered) return []
  if (!recipe.answered) return ['answered alone, but not with aplomb']
  return recipe.ms > alone.ms + LATER_MS ? [`answered ${Math.round(recipe.ms - alone.ms)} ms later than alone`] : []
}
