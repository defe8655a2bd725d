import { carryVerdict, classifyError, classifyResponse, type Verdict } from '@aplomb/classify'
import { type Call, discard, keyed, middleware, type Middleware } from '@aplomb/pipeline'
import { isStream, whenRead } from './body.ts'
import { LONGEST_WAIT_MS } from './control.ts'
import { type Gate, newGate, type Place } from './gate.ts'

export { QueueFullError, QueueTimeoutError } from './errors.ts'

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

const NAME = 'concurrency-gate'

/** A call that is refused so often for too many in flight has met a limit that others keep full. */
const MOST_REFUSALS = 40
/** The same for refusals without a reason: beyond, backoff-jitter counts and waits. */
const MOST_SILENT_REFUSALS = 20

/** Refusals to act on: for too many in flight; and those without a time, of one among many, while the server serves. */
const isOurs = ({ kind, retryable, retryAfterMs }: Verdict, gate: Gate, refusals: number): boolean => {
  if (!retryable || kind === 'concurrency-limited') return retryable
  if (kind !== 'rate-limited' || retryAfterMs !== undefined || refusals >= MOST_SILENT_REFUSALS) return false
  return gate.failing || (gate.serving && gate.active + gate.queued > 1)
}

/**
 * How many at once: queues calls per key, with a limit that sets itself. The congestion control of `fetch`.
 *
 * @throws {RangeError | TypeError} if an option makes no sense.
 * @example
 * const gate = concurrencyGate({ maxQueue: 1000 })
 * const fetch = createFetch([gate])
 * console.log(gate.stats('https://api.example.com'))
 */
export const concurrencyGate = ({
  limit = 'auto',
  maxQueue = Infinity,
  queueTimeoutMs,
  slotUntil = 'auto',
}: ConcurrencyGateOptions = {}): ConcurrencyGate => {
  if (limit !== 'auto' && !(Number.isInteger(limit) && limit >= 1)) {
    throw new RangeError(`concurrencyGate: limit must be 'auto' or a whole number of 1 or more, got ${limit}`)
  }
  if (!(maxQueue >= 0)) throw new RangeError(`concurrencyGate: maxQueue must be 0 or more, got ${maxQueue}`)
  if (queueTimeoutMs !== undefined && !(queueTimeoutMs > 0 && queueTimeoutMs < 2 ** 31)) {
    throw new RangeError(`concurrencyGate: queueTimeoutMs must be above 0 and below 2147483648, got ${queueTimeoutMs}`)
  }
  if (!['auto', 'headers', 'body'].includes(slotUntil)) {
    throw new TypeError(`concurrencyGate: slotUntil must be auto, headers or body, got ${slotUntil}`)
  }

  const gates = keyed(
    () => newGate({ fixed: limit === 'auto' ? undefined : limit, maxQueue, queueTimeoutMs }),
    (gate) => gate.active === 0 && gate.queued === 0,
  )

  /** A call that the backoff sends again comes back with its refusals. */
  const refused = new WeakMap<Call, number>()

  const stop = (call: Call, refusals: number, waitMs: number): string | undefined => {
    if (refusals >= MOST_REFUSALS) return `refused ${refusals} times`
    if (waitMs > LONGEST_WAIT_MS || !call.fits(waitMs)) return `a wait of ${Math.ceil(waitMs)} ms is too long`
    if (!call.canReplay) return 'the request body cannot be sent again'
    return undefined
  }

  const gateway = middleware(NAME, async (request, next, call) => {
    const gate = gates(call.key)
    let place: Place = 'new'
    for (;;) {
      const refusals = refused.get(call) ?? 0
      let slot = await gate.enter(call, place)
      let kept = false
      call.seat = {
        heard: async (response) => gate.learn(call, slot, await classifyResponse(response)),
        regain: () => {
          if (gate.keeps(slot)) return undefined
          slot.release()
          return gate.enter(call, 'ahead').then((anew) => {
            slot = anew
          })
        },
      }
      try {
        const response = await next(request)
        const verdict = await classifyResponse(response)
        gate.learn(call, slot, verdict)
        if (isOurs(verdict, gate, refusals) && !call.gaveUp) {
          call.excuse()
          refused.set(call, refusals + 1)
          const reason = stop(call, refusals + 1, verdict.retryAfterMs ?? 0)
          if (reason === undefined) {
            place = verdict.kind === 'concurrency-limited' ? 'ahead' : 'again'
            discard(response)
            call.emit({
              type: 'retry',
              call: call.id,
              key: call.key,
              by: NAME,
              attempt: call.attempt,
              reason: `${verdict.kind}: ${verdict.evidence}`,
              waitMs: 0,
            })
            continue
          }
          call.giveUp(NAME, reason)
        }
        kept = slotUntil === 'body' || (slotUntil === 'auto' && isStream(response))
        return kept ? carryVerdict(response, whenRead(response, slot.release)) : response
      } catch (error) {
        const verdict = classifyError(error, { signal: call.signal })
        // What a middleware below has refused to send says nothing about the server.
        gate.learn(call, slot, call.gaveUp ? { ...verdict, kind: 'unknown' } : verdict)
        throw error
      } finally {
        if (!kept) slot.release()
      }
    }
  })

  const stats = (key?: string): GateStats => {
    const sum = { limit: 0, active: 0, queued: 0 }
    for (const [name, gate] of gates.entries()) {
      if (key !== undefined && key !== name) continue
      sum.limit += gate.limit
      sum.active += gate.active
      sum.queued += gate.queued
    }
    return sum
  }
  return Object.assign(gateway, { stats })
}
