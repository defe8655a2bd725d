import fc from 'fast-check'
import { begin } from '../sim/trial.ts'
import { anyPlan, type Plan } from './plan.ts'
import { type Result, run } from './run.ts'
import type { RuleName, Violation } from './rules.ts'
import { SIMPLER, type Simpler } from './simpler.ts'

/** A part of a seed's plan: which of its calls, and what of the rest is left out. */
export interface Part {
  /** All by default. */
  readonly calls?: readonly number[] | undefined
  readonly without?: readonly Simpler[] | undefined
}

export interface Failure {
  readonly seed: number
  readonly part: Part
  readonly violations: readonly Violation[]
}

/** The budget of shrinking: candidate plans that are run at most. */
const MOST_TRIES = 300

export const planOf = (seed: number, { calls, without = [] }: Part = {}): Plan => {
  const [drawn] = fc.sample(anyPlan, { seed, numRuns: 1, unbiased: true }) as [Plan]
  const kept = calls === undefined ? drawn : { ...drawn, calls: calls.flatMap((n) => drawn.calls[n] ?? []) }
  return without.reduce((plan, name) => SIMPLER[name](plan), kept)
}

export const runSeed = async (seed: number, part?: Part): Promise<Result> => {
  await begin()
  return run(planOf(seed, part))
}

/** Fewer calls and fewer faults that break the same rule: halves of the calls are left out, then quarters, and so on (Zeller's ddmin). */
export const shrink = async (seed: number, rule: RuleName): Promise<Failure | undefined> => {
  let tries = 0
  let best: Failure | undefined
  const breaks = async (part: Part): Promise<boolean> => {
    if (++tries > MOST_TRIES) return false
    const { violations } = await runSeed(seed, part)
    if (violations.every((one) => one.rule !== rule)) return false
    best = { seed, part, violations }
    return true
  }
  let calls = [...planOf(seed).calls.keys()]
  if (!(await breaks({ calls }))) return undefined
  const without: Simpler[] = []
  const simplify = async (): Promise<void> => {
    for (const name of Object.keys(SIMPLER) as Simpler[])
      if (!without.includes(name) && (await breaks({ calls, without: without.concat(name) }))) without.push(name)
  }
  await simplify()
  for (let size = Math.ceil(calls.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = calls.length - size; from > -size; from -= size) {
      const fewer = calls.toSpliced(Math.max(0, from), Math.min(size, size + from))
      if (fewer.length > 0 && (await breaks({ calls: fewer, without: without.slice() }))) calls = fewer
    }
  }
  await simplify()
  return best
}
