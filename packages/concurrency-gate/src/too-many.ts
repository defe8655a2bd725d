import { clock } from '@aplomb/pipeline'
import type { Aimd } from './aimd.ts'
import type { Ceiling } from './ceiling.ts'
import { newContention } from './contention.ts'
import type { Liveness } from './liveness.ts'
import type { Probing } from './probing.ts'
import type { Sent } from './sent.ts'
import { LONGEST_WAIT_MS } from './signal.ts'

/** What follows from a refusal for too many in flight. */
export interface TooMany {
  /** Returns why the limit changed. */
  refused(sent: Sent, active: number): string
  /** The server has named a time, in milliseconds, for all of the key. */
  named(retryAfterMs: number | undefined): void
  /** Milliseconds until then. */
  namedMs(): number
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
  let namedUntil = 0
  return {
    named: (retryAfterMs) => {
      if (retryAfterMs !== undefined && retryAfterMs <= LONGEST_WAIT_MS)
        namedUntil = Math.max(namedUntil, clock() + retryAfterMs)
    },
    namedMs: () => Math.max(0, namedUntil - clock()),
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
