import { classifyResponse, type Verdict } from '@aplomb/classify'
import type { LimitWindow } from '@aplomb/limits'
import { type Call, discard, keyed, middleware, type Middleware } from '@aplomb/pipeline'
import { type Hold, newHold } from './hold.ts'
import { newPace, type Pace, type Sent } from './pace.ts'

/** Options of {@link retryAfter}. */
export interface RetryAfterOptions {
  /** How often a call may be sent, the first time included. @default 4 */
  readonly maxAttempts?: number | undefined
  /** The longest wait to sit out, in milliseconds. A longer one is not shortened: the answer is returned now. @default 60000 */
  readonly maxWaitMs?: number | undefined
  /** Whether to wait for a reset that headers announce, instead of earning a 429. @default true */
  readonly pace?: boolean | undefined
}

const NAME = 'retry-after'

/**
 * The server said when: holds every call of the key until then, and sends this one again.
 *
 * Acts on answers of the kinds `rate-limited` and `overloaded` that name a wait (RFC 9110 section 10.2.3, and what
 * {@link https://www.npmjs.com/package/@aplomb/limits | @aplomb/limits} reads).
 *
 * @throws {RangeError} if an option makes no sense.
 * @example
 * const fetch = createFetch([retryAfter({ maxWaitMs: 10_000 })])
 */
export const retryAfter = ({
  maxAttempts = 4,
  maxWaitMs = 60_000,
  pace: paced = true,
}: RetryAfterOptions = {}): Middleware => {
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1) {
    throw new RangeError(`retryAfter: maxAttempts must be a whole number of 1 or more, got ${maxAttempts}`)
  }
  if (!(maxWaitMs >= 0)) throw new RangeError(`retryAfter: maxWaitMs must be 0 or more, got ${maxWaitMs}`)

  const states = keyed(
    () => ({ hold: newHold(), pace: newPace(), calls: 0 }),
    ({ hold, pace, calls }) => calls === 0 && hold.left() === 0 && pace.idle,
  )

  /** Waits until the key may send, and counts this request as sent. */
  const pass = async ({ hold, pace }: { hold: Hold; pace: Pace }, call: Call): Promise<Sent> => {
    const began = performance.now()
    for (;;) {
      const paceMs = paced ? pace.waitMs() : 0
      // A window that resets in hours is no reason to hang: its 429 says more than we can.
      if (paceMs > 0 && paceMs <= maxWaitMs) hold.extend(paceMs)
      const waitMs = hold.left()
      if (waitMs === 0) break
      if (!call.fits(waitMs)) {
        const reason = `on hold for ${seconds(waitMs)} more, past the deadline`
        call.giveUp(NAME, reason)
        throw new DOMException(`The call was ${reason}`, 'TimeoutError')
      }
      await hold.pass(call.signal)
    }
    const waited = performance.now() - began
    if (waited > 0) call.waited('hold', waited)
    return pace.sent()
  }

  return middleware(NAME, async (request, next, call) => {
    const state = states(call.key)
    const { hold, pace } = state
    state.calls++
    try {
      for (;;) {
        const sent = await pass(state, call)
        const response = await next(request)
        const verdict = await classifyResponse(response)
        const waitMs = waitOf(request, verdict)
        if (paced) pace.learn(windowsOf(verdict), sent, verdict.kind !== 'rate-limited')
        if (waitMs === undefined || call.gaveUp) return response

        const reason = stop(waitMs)
        if (waitMs <= maxWaitMs) {
          hold.extend(waitMs)
          call.emit({ type: 'hold', call: call.id, key: call.key, by: NAME, reason: verdict.evidence, waitMs })
        }
        if (reason !== undefined) {
          call.giveUp(NAME, reason)
          return response
        }
        const facts = { call: call.id, key: call.key, by: NAME, attempt: call.attempt }
        call.emit({ type: 'retry', ...facts, reason: `${verdict.kind}: ${verdict.evidence}`, waitMs })
        discard(response)
      }
    } finally {
      state.calls--
    }

    function stop(waitMs: number): string | undefined {
      if (waitMs > maxWaitMs) return `the server asks for ${seconds(waitMs)}, maxWaitMs is ${seconds(maxWaitMs)}`
      if (!call.fits(waitMs)) return `the server asks for ${seconds(waitMs)}, past the deadline`
      if (call.counted >= maxAttempts) return `${call.counted} attempts were made, maxAttempts is ${maxAttempts}`
      if (!call.canReplay) return 'the request body cannot be sent again'
      return undefined
    }
  })
}

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** The wait that this middleware acts on; not that of a POST that may have been carried out. */
const waitOf = ({ method }: Request, { kind, retryable, refused, retryAfterMs }: Verdict): number | undefined => {
  if (!retryable || (kind !== 'rate-limited' && kind !== 'overloaded')) return undefined
  return refused || IDEMPOTENT.has(method) ? retryAfterMs : undefined
}

/** Retry-After wins over the reset of a window (draft-ietf-httpapi-ratelimit-headers): that may be given back bit by bit. */
const windowsOf = ({ limits: { windows }, retryAfterMs }: Verdict): readonly LimitWindow[] => {
  if (retryAfterMs === undefined) return windows
  return windows.map((window) => ({ ...window, resetMs: Math.min(window.resetMs ?? retryAfterMs, retryAfterMs) }))
}

const seconds = (ms: number): string => `${Math.ceil(ms / 100) / 10} s`
