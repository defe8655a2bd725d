import type { Fetch, GradualWeight, Middleware, WeighedAnswer, Weigher, Weight } from './contract.ts'
import { guarded, notify } from './callback.ts'
import { liveCallOf } from './handles.ts'
import type { Setting } from './setting.ts'
import { bottom } from './chain.ts'
import { build, MAX_TOTAL_WAIT_MS, ours, REPLAY_LIMIT_BYTES, startOn } from './compose.ts'
import { responseOf } from './errors.ts'
import type { EventListener } from './events.ts'
import { take } from './given.ts'
import { type Sending, sendingNow } from './nested.ts'
import {
  boolean,
  callback,
  either,
  isPlain,
  type Kind,
  type KindsOf,
  list,
  milliseconds,
  number,
  oneOf,
  readOptions,
  string,
} from './options.ts'
import { originOf } from './origin.ts'
import { type Repeatable } from './repeatable.ts'
import { URGENCIES } from './urgency.ts'

/** Options of {@link createFetch}. */
export interface CreateFetchOptions {
  /**
   * What sends requests in the end. @default the global `fetch`, looked up at each call; once that is a `fetch` made
   * here, the one that was there before it
   */
  readonly fetch?: Fetch | undefined
  /** The partition of a request: holds, limits and budgets are kept per key. @default the origin of its URL; also where the function fails */
  readonly key?: string | ((request: Request) => string) | undefined
  /**
   * The time for the whole call with all its waits and attempts, to the response's headers, in milliseconds. Then it
   * rejects with a `TimeoutError`; a wait that would not fit is not begun. @default none
   */
  readonly timeoutMs?: number | undefined
  /**
   * How long a call may wait in all once it has been sent, in milliseconds: backing off, on hold, and in line for its
   * next attempt. Then its last answer is returned, its last error rethrown. @default 300000
   */
  readonly maxTotalWaitMs?: number | undefined
  /** Hears of everything that happens to every call. */
  readonly onEvent?: EventListener | undefined
  /** How much of the body of a `Request` is kept for sending it again, in bytes. @default 1 MiB */
  readonly replayLimitBytes?: number | undefined
  /**
   * Which requests may be sent again although the server may have carried them out, besides those with an idempotent
   * method or an idempotency key: `'all'`, methods, or a function of the request (one that fails says no).
   * @default those that their client library marks as ones that it would repeat by itself
   */
  readonly repeatable?: Repeatable | undefined
  /**
   * Who goes first where calls wait: from 0, the most urgent, to 7 (RFC 9218), for all calls or as a function of the request
   * says; one that says nothing, or fails, leaves it to the request. A twentieth of what is sent goes to those who have waited
   * for longest. @default the header `Priority` (`u=1`), else `init.priority` (`high` is 1, `low` is 5), else 3
   */
  readonly priority?: number | ((request: Request) => number | undefined) | undefined
  /**
   * What a call takes of limits that count something else than requests, in their own units: a number for all of them, or
   * a record by unit (`{ tokens: 1200 }`) or by the name of a limit. `text` is the body, where it was given as a string. Asked
   * once for each call; where it says nothing, or fails, the weight is found out from answers. One that learns the truth
   * afterwards has a method for that, and is asked again while a call waits ({@link Weigher}). @default none
   */
  readonly weight?: Weigher | undefined
}

/** Beyond, a timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** It may be an API key. */
const KEY: Kind = { ...string(), secret: true }

const URGENCY: Kind = {
  takes: 'a whole number from 0, the most urgent, to 7',
  is: (value) => Number.isInteger(value) && (value as number) >= URGENCIES.from && (value as number) <= URGENCIES.to,
}

const UNITS = number({ from: 0, below: Infinity })

const amountsOf = (value: unknown): readonly unknown[] => {
  if (!isPlain(value)) return [value]
  const { onArrival, later } = value as Partial<GradualWeight>
  return onArrival === undefined && later === undefined
    ? Object.values(value as object).flatMap(amountsOf)
    : [onArrival, later]
}

const WEIGHT: Kind = {
  takes: 'a finite number, 0 or more, or a record of such by unit, or undefined',
  is: (value) => value === undefined || amountsOf(value).every(UNITS.is),
  fits: (value: Weight | undefined) =>
    value === undefined || amountsOf(value).every((one) => UNITS.fits?.(one as never)),
}

/** What each option of {@link createFetch} takes. */
export const createFetchOptions: KindsOf<CreateFetchOptions> = {
  fetch: callback,
  key: either(KEY, callback),
  timeoutMs: milliseconds({ above: 0, to: LONGEST_TIMER_MS }),
  maxTotalWaitMs: milliseconds({ from: 0 }),
  onEvent: callback,
  replayLimitBytes: number({ from: 0 }, 'bytes'),
  repeatable: either(oneOf('all'), list(string(), 'a list of methods'), callback),
  priority: either(URGENCY, callback),
  weight: callback,
}

/** One that can break no call, before sending or afterwards. */
const guardedWeigher = (weigher: Weigher): Weigher => {
  const guard = { answers: WEIGHT, fallback: () => undefined }
  const weight = guarded(weigher, { ...guard, name: 'weight', instead: 'the weight is found out from answers' })
  if (!weigher.answered) return weight
  const truth = (given: Weight): Weight | undefined => given
  const checked = guarded(truth, { ...guard, name: 'weight.answered', instead: 'the estimate stands' })
  const observe = (answer: WeighedAnswer): void => weigher.answered?.(answer)
  const answered = ({ settle, ...facts }: WeighedAnswer): void =>
    notify(observe, {
      ...facts,
      settle: (given) => {
        const settled = checked(given)
        if (settled !== undefined) settle(settled)
      },
    })
  return Object.assign(weight, { answered })
}

/** The call that a `fetch` made here is called by, if it is: at its bottom, or in one of its middlewares. */
const sendingOf = (input: string | URL | Request): Sending | undefined => {
  const call = input instanceof Request ? liveCallOf(input) : undefined
  return call ? { call, request: input as Request } : sendingNow()
}

/** The global `fetch` as an inner one, and whether it is being called at this moment. */
const globalFetch = (): { readonly inner: Fetch; readonly isInside: () => boolean } => {
  const before = globalThis.fetch
  let depth = 0
  const inner: Fetch = (...args) => {
    const current = globalThis.fetch
    // A wrapper around the `fetch` made here comes back while it is being called.
    const target = depth > 0 || ours.has(current) ? before : current
    depth++
    try {
      // On its object: browsers insist on it.
      return target.apply(globalThis, args)
    } finally {
      depth--
    }
  }
  return { inner, isInside: () => depth > 0 }
}

/**
 * Makes a drop-in `fetch` that sends every request through the middlewares, the first outermost.
 *
 * @throws {TypeError | RangeError} if a middleware is none, or an option is unknown or makes no sense.
 * @example
 * const fetch = createFetch([backoffJitter(), retryAfter()], { timeoutMs: 30_000 })
 * const response = await fetch('https://api.example.com/v1/items')
 */
export const createFetch = (all: readonly Middleware[], options: CreateFetchOptions = {}): Fetch => {
  const chain = build('createFetch', all)
  const {
    fetch,
    key,
    timeoutMs,
    onEvent,
    replayLimitBytes = REPLAY_LIMIT_BYTES,
    repeatable,
    priority,
    weight,
    maxTotalWaitMs = MAX_TOTAL_WAIT_MS,
  } = readOptions('createFetch', options, createFetchOptions)

  const { inner, isInside } = fetch ? { inner: fetch, isInside: () => false } : globalFetch()
  const setting: Setting = {
    inner,
    key:
      typeof key === 'function'
        ? guarded(key, {
            name: 'key',
            answers: KEY,
            instead: 'the origin is taken',
            fallback: ({ url }) => originOf(url),
          })
        : key,
    timeoutMs,
    maxTotalWaitMs,
    replayLimitBytes,
    onEvent,
    repeatable:
      typeof repeatable === 'function'
        ? guarded(repeatable, {
            name: 'repeatable',
            answers: boolean,
            instead: 'the request is not repeatable',
            fallback: () => false,
          })
        : repeatable,
    priority:
      typeof priority === 'function'
        ? guarded(priority, {
            name: 'priority',
            answers: {
              takes: `${URGENCY.takes}, or undefined`,
              is: (value) => value === undefined || URGENCY.is(value),
            },
            instead: 'the request says',
            fallback: () => undefined,
          })
        : priority,
    weight: weight && guardedWeigher(weight),
  }
  const plain = all.length === 0 && timeoutMs === undefined && onEvent === undefined

  const direct = async (args: Parameters<Fetch>): Promise<Response> => responseOf(bottom.by, await inner(...args))

  const start = (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const sending = sendingOf(input)
    const given = take(input, init, replayLimitBytes)
    return startOn(given, sending ? { ...setting, sending } : setting, chain)
  }

  // As the platform's own: a plain function of this name and length, which never throws.
  const made: Fetch = (...args) => {
    // Without any argument there is nothing to show: browsers refuse it in their own words.
    if (plain || args.length < 1 || isInside()) return direct(args)
    try {
      return start(args[0], args[1])
    } catch (error) {
      return Promise.reject(error)
    }
  }
  Object.defineProperties(made, { name: { value: 'fetch' }, length: { value: 1 } })
  ours.add(made)
  return made
}
