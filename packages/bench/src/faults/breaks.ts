import type { Rule } from '../sim/rules.ts'
import type { RuleName } from './rules.ts'

/** A change of the source that breaks a promise, and the rule that finds it. */
export interface Break extends Rule {
  readonly breaks: RuleName
}

export const BREAKS: readonly Break[] = []
