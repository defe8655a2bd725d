import { classifyResponse, setAside, type Verdict } from '@aplomb/classify'
import type { LimitWindow } from '@aplomb/limits'
import {
  boolean,
  type Call,
  clock,
  count,
  keyed,
  keyOfAnswer,
  type KindsOf,
  type Middleware,
  milliseconds,
  ownLimits,
  readOptions,
  relay,
  sleep,
} from '@aplomb/pipeline'
import { newHold } from './hold.ts'
import { newPace } from './pace.ts'
import { SHORT_MS } from './share.ts'
import { newTurns } from './turns.ts'

/** Options of {@link retryAfter}. */
export interface RetryAfterOptions {
  /** How often a call may be sent, the first time included. @default 4 */
  readonly maxAttempts?: number | undefined
  /** The longest wait to sit out, in milliseconds. A longer one is not shortened: the answer is returned now. @default 60000 */
  readonly maxWaitMs?: number | undefined
  /** Whether to wait for a reset that headers announce, instead of earning a 429. @default true */
  readonly pace?: boolean | undefined
}

/** What each option takes. */
export const retryAfterOptions: KindsOf<RetryAfterOptions> = {
  maxAttempts: count({ from: 1 }, 'attempts, the first included'),
  maxWaitMs: milliseconds({ from: 0 }),
  pace: boolean,
}

const NAME = 'retry-after'

const USED_UP = 'what the server has announced is used up until its reset'

/** So often a call may come too late for a short window that others use up. */
const MOST_RACES = 16

/**
 * The server said when: holds every call of the key until then, and sends this one again.
 *
 * Acts on answers of the kinds `rate-limited` and `overloaded` that name a wait (RFC 9110 section 10.2.3, and what
 * {@link https://www.npmjs.com/package/@aplomb/limits | @aplomb/limits} reads).
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const fetch = createFetch([retryAfter({ maxWaitMs: 10_000 })])
 */
export const retryAfter = (options: RetryAfterOptions = {}): Middleware => {
  const {
    maxAttempts = 4,
    maxWaitMs = 60_000,
    pace: paced = true,
  } = readOptions('retryAfter', options, retryAfterOptions)
  const states = keyed(
    () => {
      const hold = newHold()
      const pace = newPace()
      const waitMs = (): number => {
        const paceMs = paced ? pace.waitMs() : 0
        // A window that resets in hours is no reason to hang: its 429 says more than we can.
        return Math.max(hold.left(), paceMs <= maxWaitMs ? paceMs : 0)
      }
      const waits = (call: Call, ms: number): void => {
        // A hold was told when it began.
        if (!call.observed || ms === 0 || hold.left() > 0) return
        const facts = { call: call.id, key: call.key, by: NAME, reason: USED_UP, waitMs: ms, pacing: true }
        call.emit({ type: 'hold', ...facts })
      }
      const history: { servedAt: number; barrenSince: number | undefined } = {
        servedAt: -Infinity,
        barrenSince: undefined,
      }
      const turns = newTurns({
        waitMs,
        waits,
        holdMs: hold.left,
        barrenSince: () => history.barrenSince,
        take: pace.sent,
        late,
      })
      return { hold, pace, turns, history, endpoints: ownLimits(), calls: 0 }
    },
    ({ hold, pace, calls }) => (calls > 0 ? 'in use' : hold.left() === 0 && pace.idle ? 'idle' : 'informed'),
  )

  return relay(NAME, async (request, next, call) => {
    const state = states(call.key)
    const { pace, turns, history, endpoints } = state
    let firstSentAt = Infinity
    let last: Response | undefined
    state.calls++
    try {
      for (let again = false; ; again = true) {
        const sent = await turns.pass(call, again).catch((error: unknown) => {
          if (last === undefined || call.signal.aborted) throw error
          return undefined
        })
        // It cannot be sent again: then the last answer stands.
        if (sent === undefined) return last as Response
        firstSentAt = Math.min(firstSentAt, sent.at)
        const response = await next()
        const verdict = await classifyResponse(response)
        const waitMs = waitOf(verdict)
        const key = keyOfAnswer(call, response)
        const elsewhere = key !== call.key
        const there = elsewhere ? states(key) : state
        const own = !elsewhere && waitMs !== undefined && endpoints.refused(request, sent.at) !== undefined
        // A limit that bare prose speaks of may be none; one of an endpoint's own does not count for others.
        if (paced && !verdict.tentative && !own) {
          const sentThere = elsewhere ? { ...there.pace.sent(), at: sent.at } : sent
          there.pace.learn(windowsOf(verdict), sentThere, verdict.kind !== 'rate-limited')
        }
        if (verdict.action === 'use') {
          endpoints.served(request, sent.at)
          history.servedAt = clock()
          history.barrenSince = undefined
        } else if (waitMs !== undefined && !elsewhere) history.barrenSince ??= clock()
        if (waitMs !== undefined && waitMs <= maxWaitMs && !own && !call.gaveUp) {
          there.hold.extend(waitMs)
          call.emit({ type: 'hold', call: call.id, key, by: NAME, reason: verdict.evidence, waitMs })
        }
        turns.look()
        if (elsewhere) there.turns.look()
        if (waitMs === undefined || call.gaveUp || !(verdict.refused || call.repeatable)) return response

        // Others were served meanwhile: a lost race is no failure of this call.
        const since = pace.crowded ? Math.min(firstSentAt, clock() - SHORT_MS) : firstSentAt
        const served = history.servedAt > since
        const lost = maxAttempts > 1 && verdict.kind === 'rate-limited' && waitMs <= SHORT_MS && served && !elsewhere
        if (lost && call.attempt - call.counted < MOST_RACES) call.excuse()
        const reason = stop(waitMs)
        if (reason !== undefined) {
          call.giveUp(NAME, reason)
          return response
        }
        const facts = { call: call.id, key: call.key, by: NAME, attempt: call.attempt }
        call.emit({ type: 'retry', ...facts, reason: `${verdict.kind}: ${verdict.evidence}`, waitMs })
        await call.seat?.heard(response)
        last = setAside(response)
        if (!own && !elsewhere) continue
        call.seat?.leave()
        await sleep(waitMs, call.signal)
        call.waited('hold', waitMs)
      }
    } finally {
      state.calls--
    }

    function stop(waitMs: number): string | undefined {
      if (waitMs > maxWaitMs) return `the server asks for ${seconds(waitMs)}, maxWaitMs is ${seconds(maxWaitMs)}`
      if (!call.fits(waitMs)) return `the server asks for ${seconds(waitMs)}, ${pastOf(call)}`
      if (call.counted >= maxAttempts) return `${call.counted} attempts were made, maxAttempts is ${maxAttempts}`
      if (!call.canReplay) return 'the request body cannot be sent again'
      return undefined
    }
  })
}

/** Of a call that is on hold for longer than it may wait. */
const late = (call: Call, waitMs: number): Error => {
  const reason = `on hold for ${seconds(waitMs)} more, ${pastOf(call)}`
  call.giveUp(NAME, reason)
  return new DOMException(`The call was ${reason}`, 'TimeoutError')
}

/** The wait that this middleware acts on. One of 0 is none: how soon to come back is left to the backoff. */
const waitOf = ({ kind, retryable, tentative, retryAfterMs }: Verdict): number | undefined => {
  if (!retryable || tentative || (kind !== 'rate-limited' && kind !== 'overloaded')) return undefined
  return retryAfterMs === 0 ? undefined : retryAfterMs
}

/** Retry-After wins over the reset of a window (draft-ietf-httpapi-ratelimit-headers): one that has run out may be given back bit by bit. */
const windowsOf = ({ limits: { windows }, retryAfterMs }: Verdict): readonly LimitWindow[] => {
  if (!retryAfterMs) return windows
  return windows.map((window) => {
    const { remaining = 0, resetMs = retryAfterMs } = window
    return remaining > 0 ? window : { ...window, resetMs: Math.min(resetMs, retryAfterMs) }
  })
}

/** Which bound of a call a wait does not fit. */
const pastOf = ({ deadline }: Call): string =>
  deadline < Infinity ? 'past the deadline' : 'more than maxTotalWaitMs leaves'

const seconds = (ms: number): string => `${Math.ceil(ms / 100) / 10} s`
