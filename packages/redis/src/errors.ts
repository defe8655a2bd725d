import { BreakerOpenError, QueueFullError, QueueTimeoutError, WeightExceedsLimitError } from '@aplomb/pipeline'
import type { ToldError } from './messages.ts'

type Facts = Readonly<Record<string, never>>

/** The door's errors, as they are made. */
const MADE: Readonly<Record<string, (facts: Facts) => Error>> = {
  QueueFullError: ({ key, maxQueue }) => new QueueFullError(key ?? '', maxQueue ?? 0),
  QueueTimeoutError: ({ key, queueTimeoutMs }) => new QueueTimeoutError(key ?? '', queueTimeoutMs ?? 0),
  BreakerOpenError: ({ key, probeMs }) => new BreakerOpenError(key ?? '', probeMs ?? 0),
  WeightExceedsLimitError: ({ key, unit = '' as never, weight = 0 as never, limit = 0 as never }) =>
    new WeightExceedsLimitError(key ?? '', { unit, weight, limit }),
}

export const toldError = (error: unknown): ToldError => {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
  // The key is a fact that is not enumerable; who is told knows it.
  return { name, message, facts: { ...(error as object) } }
}

export const errorFrom = ({ name, message, facts }: ToldError, key: string): Error => {
  const error = MADE[name]?.({ ...facts, key } as unknown as Facts)
  if (!error) return name === 'TimeoutError' ? new DOMException(message, name) : new Error(message)
  // Of the attempt that it was of.
  error.message = message
  return error
}

export const memberLeft = (): Error => new DOMException('Its process has left the fleet', 'AbortError')
