import type { Fetch, Weigher } from './contract.ts'
import type { EventListener } from './events.ts'
import type { Sending } from './nested.ts'
import type { Repeatable } from './repeatable.ts'

/** What a pipeline knows before a call begins. */
export interface Setting {
  readonly inner: Fetch
  readonly key: string | ((request: Request) => string) | undefined
  readonly timeoutMs: number | undefined
  readonly maxTotalWaitMs: number
  readonly replayLimitBytes: number
  readonly onEvent: EventListener | undefined
  readonly repeatable: Repeatable | undefined
  readonly priority: number | ((request: Request) => number | undefined) | undefined
  readonly weight: Weigher | undefined
  /** The call of another `fetch` that is sending at this moment. */
  readonly sending?: Sending | undefined
}
