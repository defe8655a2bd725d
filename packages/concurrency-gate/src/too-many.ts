import { clock } from '@aplomb/pipeline'
import type { Aimd } from './aimd.ts'
import type { Ceiling } from './ceiling.ts'
import { newContention } from './contention.ts'
import type { Liveness } from './liveness.ts'
import type { Probing } from './probing.ts'
import type { Sent } from './sent.ts'

/** What follows from a refusal for too many in flight. */
export interface TooMany {
  /** Returns why the limit changed. */
  refused(sent: Sent, active: number): string
  /** So long took an answer. */
  report(tookMs: number): void
}

interface Parts {
  readonly aimd: Aimd
  readonly ceiling: Ceiling
  readonly liveness: Liveness
  readonly probing: Probing
}

export const newTooMany = ({ aimd, ceiling, liveness, probing }: Parts): TooMany => {
  const contention = newContention()
  return {
    refused: (sent, active) => {
      aimd.refusedInFlight(sent, active)
      // None of ours is: others keep it full. A single call may have met something that is only about itself.
      const contended = ceiling.announced() || liveness.severalRefused()
      if (active <= 1 && contended && !probing.predates(sent.at))
        probing.pauseFor(contention.lost(clock() - (probing.since() ?? clock()), ceiling.slots()))
      return `refused with ${active} in flight`
    },
    report: contention.report,
  }
}
