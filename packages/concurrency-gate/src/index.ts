import { classifyError, classifyResponse, setAside, type Verdict } from '@aplomb/classify'
import {
  type Call,
  count,
  either,
  keyed,
  keyOfAnswer,
  type KindsOf,
  type Middleware,
  milliseconds,
  number,
  oneOf,
  readOptions,
  relay,
  type RequestLine,
  sleep,
} from '@aplomb/pipeline'
import { isStream, whenRead } from './body.ts'
import { isSilent, LONGEST_WAIT_MS } from './control.ts'
import { type Gate, newGate, type Slot } from './gate.ts'
import type { Place } from './queue.ts'

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

/** What each option takes. */
export const concurrencyGateOptions: KindsOf<ConcurrencyGateOptions> = {
  limit: either(oneOf('auto'), count({ from: 1 })),
  maxQueue: number({ from: 0 }, 'calls'),
  // Beyond, a timer fires at once.
  queueTimeoutMs: milliseconds({ above: 0, to: 2 ** 31 - 1 }),
  slotUntil: oneOf('auto', 'headers', 'body'),
}

const NAME = 'concurrency-gate'

/** A call that is refused so often for too many in flight has met a limit that others keep full. */
const MOST_REFUSALS = 40
/** The same for refusals without a reason: beyond, backoff-jitter counts and waits. */
const MOST_SILENT_REFUSALS = 20

/** A call that was refused by chance is sent again after so many milliseconds, twice as many each time. */
const CHANCE_MS = 50
const LONGEST_CHANCE_MS = 1000
/** Others keep the server full: the tries of a call that count are few, and so they are further and further apart. */
const CROWDED_MS = 50
const CROWDED_GROWTH = 3

/** How often a call was refused before, and whether this time is no failure of its own. */
interface Refusals {
  readonly request: RequestLine
  readonly refusals: number
  readonly excused: boolean
}

/** What a verdict says about the server of the call's key: another one's refusal, after a redirect, says nothing. */
const aboutKey = (call: Call, response: Response, verdict: Verdict): Verdict => {
  if (keyOfAnswer(call, response) === call.key) return verdict
  const kind = verdict.action === 'use' ? 'ok' : 'unknown'
  return { ...verdict, kind, retryable: false, limits: { windows: [] }, retryAfterMs: undefined }
}

/** When a refused call is sent again by the gate: at once in its turn, or after some milliseconds; undefined if it is not its own to send. */
const againMs = (
  call: Call,
  verdict: Verdict,
  gate: Gate,
  { request, refusals, excused }: Refusals,
): number | undefined => {
  const { kind, retryable, refused, tentative } = verdict
  if (!retryable || tentative || !(refused || call.repeatable) || gate.control.isOwn(request)) return undefined
  if (kind === 'concurrency-limited')
    return gate.unanswered > 1 || excused ? 0 : CROWDED_MS * CROWDED_GROWTH ** call.counted
  if (kind !== 'rate-limited' || !isSilent(verdict) || refusals >= MOST_SILENT_REFUSALS) return undefined
  const { random, failing, serving, uncertain } = gate.control
  if (random) return Math.min(LONGEST_CHANCE_MS, CHANCE_MS * 2 ** refusals)
  const alone = gate.unanswered + gate.queued <= 1
  // The first try at once finds out whether it was chance; by the next ones, others may have been served.
  if (failing || (!alone && (serving || gate.unanswered > 1)))
    return excused || call.counted < 2 ? 0 : CROWDED_MS * CROWDED_GROWTH ** (call.counted - 1)
  return alone && refusals === 0 && uncertain ? 0 : undefined
}

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
  } = readOptions('concurrencyGate', options, concurrencyGateOptions)

  const gates = keyed(
    () => newGate({ fixed: limit === 'auto' ? undefined : limit, maxQueue, queueTimeoutMs }),
    (gate) => (gate.active === 0 && gate.queued === 0 ? 'idle' : 'in use'),
  )

  /** A call that the backoff sends again comes back with what became of it before. */
  const histories = new WeakMap<Call, { refusals: number; readonly firstSentAt: number }>()

  const stop = (call: Call, refusals: number, waitMs: number): string | undefined => {
    if (refusals >= MOST_REFUSALS) return `refused ${refusals} times`
    if (call.counted >= call.maxAttempts) return `refused ${call.counted} times, and nobody else was served meanwhile`
    if (waitMs > LONGEST_WAIT_MS || !call.fits(waitMs)) return `a wait of ${Math.ceil(waitMs)} ms is too long`
    if (!call.canReplay) return 'the request body cannot be sent again'
    return undefined
  }

  const gateway = relay(NAME, async (request, next, call) => {
    const gate = gates(call.key)
    let place: Place = 'new'
    let last: Response | undefined
    for (;;) {
      let slot: Slot
      try {
        slot = await gate.enter(call, request, place, call.attempt - (histories.get(call)?.refusals ?? 0))
      } catch (error) {
        // It was not sent again: then the last answer stands.
        if (last && !call.signal.aborted) return last
        throw error
      }
      const history = histories.get(call) ?? { refusals: 0, firstSentAt: slot.sent.at }
      const { refusals, firstSentAt } = history
      let kept = false
      call.seat = {
        heard: async (response) => gate.learn(call, slot, aboutKey(call, response, await classifyResponse(response))),
        leave: () => slot.release(),
        regain: () => {
          if (gate.keeps(slot)) return undefined
          slot.release()
          return gate.enter(call, request, 'ahead').then((anew) => {
            slot = anew
          })
        },
      }
      let waitMs: number | undefined
      const attempts = call.attempt
      try {
        const response = await next()
        const verdict = await classifyResponse(response)
        const about = aboutKey(call, response, verdict)
        gate.learn(call, slot, about)
        // No failure of this call: the server serves others of its key meanwhile, or comes back from an outage that it has met.
        const { serving, servedAt, comingBack } = gate.control
        const excused = (serving && servedAt > firstSentAt) || (comingBack && call.attempt > refusals + 1)
        waitMs = call.gaveUp ? undefined : againMs(call, about, gate, { request, refusals, excused })
        if (waitMs === undefined) {
          kept = slotUntil === 'body' || (slotUntil === 'auto' && isStream(response))
          if (!kept) return response
          slot.stream()
          whenRead(response, slot.release)
          return response
        }
        if (excused) call.excuse()
        history.refusals++
        histories.set(call, history)
        const reason = stop(call, history.refusals, Math.max(waitMs, verdict.retryAfterMs ?? 0))
        if (reason !== undefined) {
          call.giveUp(NAME, reason)
          return response
        }
        // It keeps its turn, unless none of ours was in flight: then others are to try, too.
        place = verdict.kind === 'concurrency-limited' && gate.unanswered > 1 ? 'ahead' : 'again'
        last = setAside(response)
        call.emit({
          type: 'retry',
          call: call.id,
          key: call.key,
          by: NAME,
          attempt: call.attempt,
          reason: `${verdict.kind}: ${verdict.evidence}`,
          waitMs,
        })
      } catch (error) {
        const verdict = classifyError(error, { signal: call.signal, request })
        // What a middleware below has refused to send says nothing about the server; nor what no repetition mends, nor a host that is not found.
        const silent = call.gaveUp || !verdict.retryable || verdict.tentative
        gate.learn(call, slot, silent ? { ...verdict, kind: 'unknown' } : verdict)
        // On hold for longer than it may wait, it was not sent again either.
        const waitedOut = call.gaveUp && call.attempt === attempts && verdict.kind === 'timeout'
        if (last && waitedOut && !call.signal.aborted) return last
        throw error
      } finally {
        if (!kept) slot.release()
      }
      if (waitMs > 0) {
        await sleep(waitMs, call.signal)
        call.waited('backoff', waitMs)
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
