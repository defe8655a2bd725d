/** How a delay is made random. A function gets the delay in milliseconds and returns the one to use. */
export type Jitter = 'additive' | 'full' | 'equal' | 'decorrelated' | 'none' | ((delayMs: number) => number)

/** Options of {@link delays}. */
export interface DelayOptions {
  readonly baseMs: number
  readonly maxMs: number
  readonly jitter: Jitter
}

/** The share that `additive` puts on top at most. */
export const ADDED = 0.3

/** Each gets the delay and the range that `decorrelated` draws from. */
const MODES: Readonly<Record<string, (delayMs: number, fromMs: number, toMs: number, maxMs: number) => number>> = {
  additive: (delayMs) => delayMs * (1 + Math.random() * ADDED),
  full: (delayMs) => Math.random() * delayMs,
  equal: (delayMs) => (delayMs * (1 + Math.random())) / 2,
  decorrelated: (_, fromMs, toMs, maxMs) => Math.min(maxMs, fromMs + Math.random() * (toMs - fromMs)),
  none: (delayMs) => delayMs,
}

/**
 * The delays of one call, one after the other: `min(base * 2^n, max)`, made random. Jitter never goes beyond `maxMs`,
 * but for `additive`, which comes on top of it: at the cap, calls must still not meet.
 *
 * Modes as in "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @throws {TypeError} if the jitter is unknown.
 */
export const delays = ({ baseMs, maxMs, jitter }: DelayOptions): (() => number) => {
  const mode = typeof jitter === 'function' ? jitter : Object.hasOwn(MODES, jitter) ? MODES[jitter] : undefined
  if (!mode) {
    const known = Object.keys(MODES).join(', ')
    throw new TypeError(`backoffJitter: jitter must be one of ${known} or a function, got ${jitter as string}`)
  }
  let n = 0
  let last = baseMs
  return () => {
    // The exponent is bounded: 0 * Infinity is no delay.
    const delay = Math.min(baseMs * 2 ** Math.min(n++, 100), maxMs)
    last = mode(delay, baseMs, last * 3, maxMs)
    // What a function makes of it is taken as it is, but for nonsense: a timer would take that for 0, too.
    return last > 0 ? last : 0
  }
}
