import { isMoney } from '@aplomb/pipeline'
import { newHold, type Hold } from './hold.ts'
import { newIncident, type Incident } from './incident.ts'
import type { Rate } from './rate.ts'

/** All that is known of one key. */
export interface KeyState {
  readonly rate: Rate | undefined
  readonly hold: Hold
  incident(condition: string): Incident
  /** The last refusal for want of money: where, and until when on the clock of `performance.now()` a good answer says nothing. */
  refused: { readonly endpoint: string; readonly until: number } | undefined
  /** Credits left, as last heard, and the most that were left when a threshold alerted. */
  left: number | undefined
  leftAtAlert: number
}

const MAX_CONDITIONS = 20
const OVERFLOW = '(other)'

export const newKeyState = (coolDownMs: number, newRate: (() => Rate) | undefined): KeyState => {
  const incidents = new Map<string, Incident>()
  return {
    rate: newRate?.(),
    hold: newHold(),
    incident: (condition) => {
      // However it is called: it is one account.
      const known = isMoney(condition) ? 'money' : condition
      const name = incidents.has(known) || incidents.size < MAX_CONDITIONS ? known : OVERFLOW
      let incident = incidents.get(name)
      if (!incident) incidents.set(name, (incident = newIncident(coolDownMs)))
      return incident
    },
    refused: undefined,
    left: undefined,
    leftAtAlert: 0,
  }
}
