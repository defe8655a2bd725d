import { onAbort, warnOnce } from '@aplomb/pipeline'
import { isThenable } from './breaker.ts'
import { copiesOf } from './copies.ts'
import type { Cost } from './options.ts'

/** How long a cost may be promised. Clients wait no longer for an answer as a whole, whose end may be what tells it. */
const COST_MS = 600_000

/** A sum of millionths is exact up to here. */
export const MAX_CREDITS: number = Number.MAX_SAFE_INTEGER / 1e6

/** What an answer cost: `undefined` if nobody says, `lost` if that will not be known any more. */
export type Told = number | 'lost' | undefined

/** Whether that is a number of credits: what others say may be anything. */
export const isCost = (cost: unknown): cost is number => typeof cost === 'number' && cost >= 0 && cost <= MAX_CREDITS

const validated = (cost: unknown): number | undefined =>
  cost === undefined || isCost(cost)
    ? cost
    : failed(new RangeError(`it answered ${typeof cost === 'number' ? cost : typeof cost}`))

const late = (error: unknown): void =>
  warnOnce(
    'creditMeter.cost hangs',
    'creditMeter.cost hangs; the attempt is counted as the dearest of its endpoint:',
    error,
  )

const failed = (error: unknown): undefined => {
  warnOnce('creditMeter.cost', 'creditMeter.cost failed; the attempt is counted as free:', error)
}

/** Asks the user's function. The promise, if any, never rejects, and ends within `COST_MS`. */
export const askCost = (
  cost: Cost,
  response: Response,
  request: Request,
  signal: AbortSignal,
): Told | Promise<Told> => {
  const copies = copiesOf(response)
  try {
    const told = copies.during(() => cost(response, request))
    if (!isThenable(told)) {
      copies.end()
      return validated(told)
    }
    return new Promise((resolve) => {
      const end = (outcome: Told, reason?: unknown): void => {
        clearTimeout(timer)
        stopListening()
        copies.end(reason)
        resolve(outcome)
      }
      const timer = setTimeout(() => {
        const error = new DOMException(`no cost within ${COST_MS} ms`, 'TimeoutError')
        late(error)
        end('lost', error)
      }, COST_MS)
      // A server-side runtime must be able to exit meanwhile; elsewhere a timer is a number.
      if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
      const stopListening = onAbort(signal, () => copies.end(signal.reason))
      Promise.resolve(told).then(
        (credits) => end(validated(credits)),
        (error: unknown) => end(copies.isCut() ? 'lost' : failed(error)),
      )
    })
  } catch (error) {
    return failed(error)
  }
}
