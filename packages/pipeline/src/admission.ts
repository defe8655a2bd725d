import { clock } from './clock.ts'
import type { NamedConstraint } from './constrained.ts'
import type { Ask, Departure } from './constraint.ts'
import type { Call, RequestLine } from './contract.ts'

/** What the constraints say of a call: a pure conjunction, so that there is no order of asking. */
interface Admission {
  /** The longest wait that any asks for. One that throws refuses the call. */
  readonly ms: number
  /** How much of it is known beforehand, and by whom. */
  readonly certainMs: number
  readonly by: string
}

/** Asks all constraints of a door as one. */
export interface Admissions {
  /** The same object each time: nothing is made for a question that is asked often. */
  ask(one: Ask): Admission
  /** The lane that the call waits in, apart from the others. */
  laneOf(one: Ask): string | undefined
  /** Whether single calls are sent to find out. */
  readonly probing: boolean
  /** `at`: of one that is under way already. */
  sent(call: Call, request: RequestLine, at?: number): Departure
}

export const newAdmissions = (constraints: readonly NamedConstraint[]): Admissions => {
  const admission = { ms: 0, certainMs: 0, by: '' }
  return {
    ask: (one) => {
      admission.ms = admission.certainMs = 0
      for (const { by, constraint } of constraints) {
        const ms = constraint.waitMs(one)
        if (ms > admission.ms) admission.ms = ms
        if (ms > admission.certainMs && constraint.certain && ms < Infinity) {
          admission.certainMs = ms
          admission.by = by
        }
      }
      return admission
    },
    laneOf: (one) => {
      for (const { by, constraint } of constraints) {
        const lane = constraint.laneOf?.(one)
        if (lane !== undefined) return `${by} ${lane}`
      }
      return undefined
    },
    get probing() {
      return constraints.some(({ constraint }) => constraint.probing?.())
    },
    sent: (call, request, at = clock()) => {
      const departure: Departure = { call, request, at, firstAt: (call.firstSentAt ??= at) }
      for (const { constraint } of constraints) constraint.sent?.(departure)
      return departure
    },
  }
}
