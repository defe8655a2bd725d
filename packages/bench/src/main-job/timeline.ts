import type { Attempt } from './clients.ts'
import type { Result } from './run.ts'

/** One run in slices of equal length: what came back in each, and how many calls were where, on average. */
export interface Timeline {
  readonly sliceMs: number
  /** Answers that were of use: 2xx, and 404 where there is no record. */
  readonly answered: readonly number[]
  readonly tooMany: readonly number[]
  readonly serverErrors: readonly number[]
  /** Any other refusal, and connections that broke. */
  readonly other: readonly number[]
  readonly inFlight: readonly number[]
  readonly onHold: readonly number[]
  readonly inQueue: readonly number[]
  readonly backingOff: readonly number[]
}

type Counted = 'answered' | 'tooMany' | 'serverErrors' | 'other'
type Spent = 'inFlight' | 'onHold' | 'inQueue' | 'backingOff'

export const timelineOf = ({ attempts, wallMs }: Pick<Result, 'attempts' | 'wallMs'>, sliceMs = 250): Timeline => {
  const count = Math.max(1, Math.ceil(wallMs / sliceMs))
  const zeros = () => Array.from({ length: count }, () => 0)
  const slices: Record<Counted | Spent, number[]> = {
    answered: zeros(),
    tooMany: zeros(),
    serverErrors: zeros(),
    other: zeros(),
    inFlight: zeros(),
    onHold: zeros(),
    inQueue: zeros(),
    backingOff: zeros(),
  }
  const sliceAt = (ms: number) => Math.min(count - 1, Math.max(0, Math.floor(ms / sliceMs)))

  const spend = (where: Spent, fromMs: number, toMs: number) => {
    for (let slice = sliceAt(fromMs); slice <= sliceAt(toMs); slice++) {
      const overlap = Math.min(toMs, (slice + 1) * sliceMs) - Math.max(fromMs, slice * sliceMs)
      add(slices[where], slice, Math.max(0, overlap) / sliceMs)
    }
  }

  for (const { sentAt, headersMs, status, backoffMs, queueMs, holdMs } of attempts) {
    add(slices[outcome(status)], sliceAt(sentAt + headersMs), 1)
    spend('inFlight', sentAt, sentAt + headersMs)
    // Backwards from the sending: the hold comes last, the queue before it, the backoff before that.
    spend('onHold', sentAt - holdMs, sentAt)
    spend('inQueue', sentAt - holdMs - queueMs, sentAt - holdMs)
    spend('backingOff', sentAt - holdMs - queueMs - backoffMs, sentAt - holdMs - queueMs)
  }
  return { sliceMs, ...slices }
}

const outcome = (status: Attempt['status']): Counted => {
  if ((status >= 200 && status < 400) || status === 404) return 'answered'
  if (status === 429) return 'tooMany'
  return status >= 500 ? 'serverErrors' : 'other'
}

const add = (to: number[], index: number, amount: number): void => {
  to[index] = (to[index] ?? 0) + amount
}
