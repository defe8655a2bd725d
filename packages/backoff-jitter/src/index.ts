import {
  boolean,
  BreakerOpenError,
  type Call,
  clock,
  count,
  either,
  callback,
  hasIdempotencyKey,
  keyed,
  type KindsOf,
  list,
  type Middleware,
  milliseconds,
  oneOf,
  type Outgoing,
  QueueFullError,
  QueueTimeoutError,
  readOptions,
  relay,
  setAside,
  sleep,
  string,
  type Verdict,
  verdictOf,
  verdictOfError,
  warnOnce,
  WeightExceedsLimitError,
} from '@aplomb/pipeline'
import pRetry from 'p-retry'
import { newRetryBudget, type RetryBudget } from './budget.ts'
import { type Health, newHealth } from './health.ts'
import { ADDED, delays, type Jitter, JITTERS } from './jitter.ts'

export type { Jitter } from './jitter.ts'

/** Options of {@link backoffJitter}. */
export interface BackoffJitterOptions {
  /** How often a call may be sent, the first time included. @default 4 */
  readonly maxAttempts?: number | undefined
  /** The first delay, in milliseconds; it doubles with each attempt. @default 1000 */
  readonly baseMs?: number | undefined
  /** The longest delay, in milliseconds. A server that asks for more gets its way: the answer is returned. @default 30000 */
  readonly maxMs?: number | undefined
  /** @default 'additive': 0 to 30 % on top */
  readonly jitter?: Jitter | undefined
  /** A time limit for each attempt, from sending to headers, in milliseconds. @default none */
  readonly attemptTimeoutMs?: number | undefined
  /**
   * Methods that are sent again whatever went wrong, and no others. Goes with the next version.
   * @deprecated in favour of the option `repeatable` of `aplomb()` and `createFetch()`
   */
  readonly methods?: readonly string[] | undefined
  /**
   * Adds an `Idempotency-Key`, the same for every attempt, to POST and PATCH requests without one, so that they may be
   * sent again. Only for APIs that know the header (draft-ietf-httpapi-idempotency-key-header). @default false
   */
  readonly idempotencyKey?: boolean | undefined
}

/** What each option takes. */
export const backoffJitterOptions: KindsOf<BackoffJitterOptions> = {
  maxAttempts: count({ from: 1 }, 'attempts, the first included'),
  baseMs: milliseconds({ from: 0, below: Infinity }),
  maxMs: milliseconds({ from: 0, below: Infinity }),
  jitter: either(oneOf(...JITTERS), callback),
  // Beyond, a timer fires at once, and so would every attempt's.
  attemptTimeoutMs: milliseconds({ above: 0, to: 2 ** 31 - 1 }),
  methods: list(string(), 'a list of methods'),
  idempotencyKey: boolean,
}

const NAME = 'backoff-jitter'

/** What the door says of a call that may not wait, or not any more. */
const TURNED_AWAY = [BreakerOpenError, QueueFullError, QueueTimeoutError, WeightExceedsLimitError]

/** What an attempt came to. An Error only because p-retry repeats on errors; nobody outside ever sees one. */
class Failure extends Error {
  override readonly name = 'Failure' as const
  readonly verdict: Verdict
  readonly response: Response | undefined
  constructor(verdict: Verdict, response: Response | undefined, cause?: unknown) {
    super(verdict.evidence, { cause })
    this.verdict = verdict
    this.response = response
  }
}

/** A call, and what is known of its key. */
interface Sending {
  readonly outgoing: Outgoing
  readonly next: () => Promise<Response>
  readonly call: Call
  readonly budget: RetryBudget
  readonly health: Health
}

/**
 * The server did not say when: sends failed requests again, after delays that grow and differ.
 *
 * Retries what a repetition can mend (server errors, overload, network failures, time-outs) and what no other
 * middleware has taken on. The last answer is returned, the last error rethrown as it was.
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const fetch = createFetch([backoffJitter({ maxAttempts: 3, jitter: 'full' })])
 */
export const backoffJitter = (options: BackoffJitterOptions = {}): Middleware => {
  const {
    maxAttempts = 4,
    baseMs = 1000,
    maxMs = 30_000,
    jitter = 'additive',
    attemptTimeoutMs,
    methods,
    idempotencyKey = false,
  } = readOptions('backoffJitter', options, backoffJitterOptions)
  const newDelays = delays({ baseMs, maxMs, jitter })
  if (methods)
    warnOnce(
      'backoff-jitter.methods',
      'backoffJitter: `methods` goes with the next version; use `repeatable` of aplomb() or createFetch().',
    )
  const repeatable = methods && new Set(methods.map((method) => method.toUpperCase()))
  const states = keyed(
    () => ({ budget: newRetryBudget(), health: newHealth() }),
    ({ budget }) => (budget.full ? 'idle' : 'informed'),
  )

  /** Why a failure ends the call; undefined if it may be sent again. */
  const stop = ({ method }: Outgoing, { verdict }: Failure, call: Call): string | undefined => {
    if (!verdict.retryable) return verdict.evidence
    const most = Math.min(maxAttempts, call.maxCarried)
    if (call.counted >= most) return `${call.counted} attempts were made, maxAttempts is ${most}`
    if (!call.canReplay) return 'the request body cannot be sent again'
    if (!call.repeatable && !verdict.refused && !verdict.unsent) return `${method} may have been carried out`
    return undefined
  }

  const tooLong = (call: Call, asked: number, waitMs: number): string | undefined => {
    if (asked > maxMs) return `the server asks for ${Math.ceil(asked)} ms, maxMs is ${maxMs}`
    if (call.fits(waitMs)) return undefined
    return `a wait of ${Math.ceil(waitMs)} ms ${call.deadline < Infinity ? 'goes past the deadline' : 'is more than maxTotalWaitMs leaves'}`
  }

  const prepare = (outgoing: Outgoing, call: Call): void => {
    call.maxAttempts = maxAttempts
    if (maxAttempts > 1) call.repeats()
    if (attemptTimeoutMs !== undefined) call.attemptTimeoutMs = attemptTimeoutMs
    call.repeatable = (repeatable?.has(outgoing.method) ?? call.repeatable) || hasIdempotencyKey(outgoing)
    // Also of one that may be repeated without: the key is what keeps its repetition from counting twice.
    if (idempotencyKey && /^(?:POST|PATCH)$/i.test(outgoing.method) && !hasIdempotencyKey(outgoing)) {
      outgoing.request.headers.set('idempotency-key', `"${crypto.randomUUID()}"`)
      call.repeatable = true
    }
  }

  /** Sends once: the answer, or why it is none. `last` is the failure before, if it can still be handed over. */
  const attempt = async ({ outgoing, next, call, health }: Sending, last?: Failure): Promise<Response | Failure> => {
    const attempts = call.attempt
    let response: Response
    try {
      response = await next()
    } catch (error) {
      // It has waited for as long as it may, or may not wait, and was not sent again: then what came before stands.
      const isTimeout = error instanceof DOMException && error.name === 'TimeoutError'
      const turnedAway = isTimeout || TURNED_AWAY.some((one) => error instanceof one)
      if (last && turnedAway && call.attempt === attempts && !call.aborted) return last
      return new Failure(verdictOfError(error, { signal: call.signal, request: outgoing }), undefined, error)
    }
    const verdict = verdictOf(response)
    if (verdict.action !== 'use' && verdict.retryable) return new Failure(verdict, response)
    health.note(true)
    return response
  }

  /** Sends again what has failed, as often and as late as it may be. */
  const sendAgain = async (sending: Sending, first: Failure): Promise<Response> => {
    const { outgoing, call, budget, health } = sending
    const nextDelay = newDelays()
    let failedAt: number | undefined
    let repeatedOnce = false
    let last: Failure | undefined

    /** Waits, if the call is to go on. */
    const goOn = async (failure: Failure): Promise<boolean> => {
      if (call.gaveUp) return false
      const { verdict, response } = failure
      const { retryAfterMs: asked = 0 } = verdict
      failedAt ??= clock()
      const haste = typeof jitter === 'function' ? 1 : health.scale(call.counted, failedAt)
      // What the server asks for is a floor: jitter only ever comes on top. Its refusals need no budget, they cost it little; a host that is not found costs nobody.
      const own = asked > 0 ? asked + (jitter === 'none' ? 0 : Math.random() * ADDED * baseMs) : nextDelay() * haste
      if (verdict.retryable) health.note(false)
      // Prose alone, or a host that is not found, is good for one repetition, unless the server's explicit word stands beside it.
      const once = verdict.tentative && !verdict.hint
      const isCheap = verdict.kind === 'rate-limited' || (once && verdict.unsent === true)
      const waitMs = isCheap ? own : Math.max(own, budget.waitMs())
      const enough =
        once && repeatedOnce ? `sent again once, which is all that this is good for: ${verdict.evidence}` : undefined
      const reason = stop(outgoing, failure, call) ?? enough ?? tooLong(call, asked, waitMs)
      if (reason !== undefined) {
        if (verdict.retryable) call.giveUp(NAME, reason)
        return false
      }
      repeatedOnce ||= once
      if (!isCheap) budget.withdraw()
      last = response === undefined || setAside(response) ? failure : undefined
      const facts = { call: call.id, key: call.key, by: NAME, attempt: call.attempt }
      call.emit({ type: 'retry', ...facts, reason: `${verdict.kind}: ${verdict.evidence}`, waitMs })
      await sleep(waitMs, call.signal)
      call.waited('backoff', waitMs)
      return true
    }

    let known: Failure | undefined = first
    const send = async (): Promise<Response> => {
      const outcome = known ?? (await attempt(sending, last))
      known = undefined
      if (outcome instanceof Failure) throw outcome
      return outcome
    }
    try {
      // How often and how long is ours to say: p-retry's own delay is 0, its own bound none.
      return await pRetry(send, {
        retries: Infinity,
        minTimeout: 0,
        shouldRetry: ({ error }) => goOn(error as Failure),
      })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      if (error.response) return error.response
      throw error.cause
    }
  }

  return relay(NAME, async (outgoing, next, call) => {
    const { budget, health } = states(call.key)
    budget.deposit()
    prepare(outgoing, call)
    const sending = { outgoing, next, call, budget, health }
    const outcome = await attempt(sending)
    return outcome instanceof Failure ? sendAgain(sending, outcome) : outcome
  })
}
