import {
  constrained,
  count,
  either,
  type KindsOf,
  type Middleware,
  milliseconds,
  number,
  oneOf,
  readOptions,
} from '@aplomb/pipeline'
import { type Histories, newGate } from './gate.ts'

export { BreakerOpenError, QueueFullError, QueueTimeoutError } from '@aplomb/pipeline'

/** Options of {@link concurrencyGate}. */
export interface ConcurrencyGateOptions {
  /** Calls in flight at once per key: found out by itself, or a ceiling. @default 'auto' */
  readonly limit?: number | 'auto' | undefined
  /** Calls that may wait per key; one more is refused with a `QueueFullError`. @default Infinity */
  readonly maxQueue?: number | undefined
  /** The longest time in the queue, in milliseconds; then the call fails with a `QueueTimeoutError`. @default none */
  readonly queueTimeoutMs?: number | undefined
  /**
   * Until when a call counts as in flight: `headers`, `body`, or `auto`, which is the body's end for streams
   * (`text/event-stream`, ndjson) and the headers for everything else. @default 'auto'
   */
  readonly slotUntil?: 'auto' | 'headers' | 'body' | undefined
  /**
   * What becomes of calls of an endpoint, or of a key, that is down: they wait until a probe has succeeded, or fail at
   * once with a `BreakerOpenError`, but for the one that probes. @default 'wait'
   */
  readonly whenDown?: 'wait' | 'fail' | undefined
}

/** What a gate is doing for a key. */
export interface GateStats {
  /** Calls allowed in flight. */
  readonly limit: number
  readonly active: number
  readonly queued: number
}

/** A {@link concurrencyGate}, with a view of its state. */
export interface ConcurrencyGate extends Middleware {
  /** The state of a key (zeros if it is unknown), or of all keys added up. */
  stats(key?: string): GateStats
}

/** What each option takes. */
export const concurrencyGateOptions: KindsOf<ConcurrencyGateOptions> = {
  limit: either(oneOf('auto'), count({ from: 1 })),
  maxQueue: number({ from: 0 }, 'calls'),
  // Beyond, a timer fires at once.
  queueTimeoutMs: milliseconds({ above: 0, to: 2 ** 31 - 1 }),
  slotUntil: oneOf('auto', 'headers', 'body'),
  whenDown: oneOf('wait', 'fail'),
}

const NAME = 'concurrency-gate'

/**
 * How many at once: queues calls per key, with a limit that sets itself. The congestion control of `fetch`.
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const gate = concurrencyGate({ maxQueue: 1000 })
 * const fetch = createFetch([gate])
 * console.log(gate.stats('https://api.example.com'))
 */
export const concurrencyGate = (options: ConcurrencyGateOptions = {}): ConcurrencyGate => {
  const {
    limit = 'auto',
    maxQueue = Infinity,
    queueTimeoutMs,
    slotUntil = 'auto',
    whenDown = 'wait',
  } = readOptions('concurrencyGate', options, concurrencyGateOptions)

  const fixed = limit === 'auto' ? undefined : limit
  const setting = { fixed, maxQueue, queueTimeoutMs, slotUntil, failsFast: whenDown === 'fail' }
  const histories: Histories = new WeakMap()
  const gateway = constrained(NAME, (key, line) => newGate(key, setting, line, histories))

  const stats = (key?: string): GateStats => {
    const sum = { limit: 0, active: 0, queued: 0 }
    for (const [name, gate] of gateway.constraints()) {
      if (key !== undefined && key !== name) continue
      sum.limit += gate.limit()
      sum.active += gate.active()
      sum.queued += gate.queued()
    }
    return sum
  }
  return Object.assign(gateway, { stats })
}
