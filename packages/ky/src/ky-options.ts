import {
  callback,
  count,
  either,
  boolean,
  guarded,
  type KindsOf,
  list,
  milliseconds,
  oneOf,
  read,
  shape,
  string,
} from '@aplomb/pipeline'
import { aplomb, type AplombFetch, type AplombOptions, type Jitter } from 'aplomb'
import { refuseMeaningless } from './meaningless.ts'

/** ky's own `retry` options that mean something to aplomb. */
export interface KyRetryOptions {
  /** How often a request is sent again: `backoffJitter.maxAttempts` and `retryAfter.maxAttempts`, less one. */
  readonly limit?: number | undefined
  /** Added to `repeatable`: idempotent methods always are. */
  readonly methods?: readonly string[] | undefined
  /** `retryAfter.maxWaitMs`: an answer that asks for more is not waited for, but handed over at once. */
  readonly maxRetryAfter?: number | undefined
  /** `backoffJitter.maxMs`. */
  readonly backoffLimit?: number | undefined
  /** The delay before each retry, in milliseconds, where the server names none. */
  readonly delay?: ((attempt: number) => number) | undefined
  /** `backoffJitter.jitter`: `true` is `'full'`, `false` is `'none'`. */
  readonly jitter?: boolean | ((delayMs: number) => number) | undefined
  /** What times out is sent again where that is safe, as ky does with `true`. */
  readonly retryOnTimeout?: true | undefined
}

/** Options of {@link kyOptions}: those of `aplomb()`, and ky's own `retry`. */
export interface KyOptionsOptions extends AplombOptions {
  readonly retry?: number | KyRetryOptions | undefined
}

/** Options for `ky.create()` and `ky.extend()`. */
export interface KyOptions {
  fetch: AplombFetch
  retry: 0
  timeout: false
}

const LIMIT = count({ from: 0 }, 'retries')

const retryOptions: KindsOf<KyRetryOptions> = {
  limit: LIMIT,
  methods: list(string(), 'a list of methods'),
  maxRetryAfter: milliseconds({ from: 0 }),
  backoffLimit: milliseconds({ from: 0, below: Infinity }),
  delay: callback,
  jitter: either(boolean, callback),
  retryOnTimeout: oneOf(true),
}

/** What ky has and aplomb decides otherwise, and by what. */
const DECIDED_OTHERWISE = {
  statusCodes: 'the verdict on an answer decides; give `classify: { rules }`',
  afterStatusCodes: 'a wait is heard of any answer that names one',
  shouldRetry: 'the verdict decides; give `repeatable` or `classify: { rules }`',
}

/** So large that doubling never gets there: the delay tells how often it has doubled. */
const NEVER_MS = 2 ** 52

/** Where ky's `delay` answers none: as without it. */
const BASE_MS = 1000
const MAX_MS = 30_000

const DELAY = milliseconds({ from: 0, below: Infinity })

/** ky's delay and jitter as a jitter of ours: with a base of 1 ms, a delay of ours tells which retry it is for. */
const asJitter = (
  delay: (attempt: number) => number,
  { jitter, backoffLimit = Infinity }: KyRetryOptions,
): ((doubled: number) => number) => {
  const delayOf = guarded(delay, {
    name: 'kyOptions: retry.delay',
    answers: DELAY,
    instead: 'delays double from a second on',
    fallback: (attempt) => Math.min(MAX_MS, BASE_MS * 2 ** (attempt - 1)),
  })
  const jittered = guarded(
    typeof jitter === 'function' ? jitter : (delayMs) => (jitter ? Math.random() * delayMs : delayMs),
    { name: 'kyOptions: retry.jitter', answers: DELAY, instead: 'there is none', fallback: (delayMs) => delayMs },
  )
  return (doubled) => Math.min(backoffLimit, jittered(delayOf(Math.log2(doubled) + 1)))
}

const jitterOf = (jitter: KyRetryOptions['jitter']): Jitter | undefined =>
  typeof jitter === 'boolean' ? (jitter ? 'full' : 'none') : jitter

const defined = <T extends object>(options: T): Partial<T> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>

/** Of options that both have, aplomb's own win. */
const merged = <T extends object>(name: string, translated: T, own: unknown): T => {
  const from = defined(translated)
  if (Object.keys(from).length === 0) return own as T
  if (own === undefined || (typeof own === 'object' && own !== null)) return { ...from, ...own } as T
  throw new TypeError(`kyOptions: \`retry\` says something of \`${name}\`, in place of whose options is something else`)
}

const translate = (options: AplombOptions, retry: KyRetryOptions): AplombOptions => {
  const { limit, methods, maxRetryAfter, backoffLimit, delay, jitter } = retry
  const maxAttempts = limit === undefined ? undefined : limit + 1
  const backoff = delay
    ? { maxAttempts, baseMs: 1, maxMs: NEVER_MS, jitter: asJitter(delay, retry) }
    : { maxAttempts, maxMs: backoffLimit, jitter: jitterOf(jitter) }
  return {
    ...options,
    backoffJitter: merged('backoffJitter', backoff, options.backoffJitter),
    retryAfter: merged('retryAfter', { maxAttempts, maxWaitMs: maxRetryAfter }, options.retryAfter),
    ...(methods && { repeatable: options.repeatable ?? methods }),
  }
}

/**
 * Options for ky that make aplomb its `fetch`, with ky's own retries and time-out switched off.
 *
 * @throws {TypeError | RangeError} if an option is unknown or makes no sense.
 * @example
 * const api = ky.create({ ...kyOptions({ retry: { limit: 3 } }), prefix: 'https://api.example.com' })
 * const items = await api.get('v1/items').json()
 */
export const kyOptions = (options: KyOptionsOptions = {}): KyOptions => {
  // What is wrong with them, aplomb says itself.
  if (!Object.hasOwn(Object(options), 'retry')) return { fetch: aplomb(options), retry: 0, timeout: false }
  const { retry = {}, ...own } = options
  refuseMeaningless('kyOptions: retry.', retry, DECIDED_OTHERWISE)
  const given = read(either(LIMIT, shape(retryOptions)), retry, { of: 'kyOptions', path: 'retry', root: {} })
  const retries = typeof given === 'number' ? { limit: given } : (given as KyRetryOptions)
  return { fetch: aplomb(translate(own, retries)), retry: 0, timeout: false }
}
