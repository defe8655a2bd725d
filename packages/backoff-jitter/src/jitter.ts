/** How a delay is made random. A function gets the delay in milliseconds and returns the one to use. */
export type Jitter = 'additive' | 'full' | 'equal' | 'decorrelated' | 'none' | ((delayMs: number) => number)

/** Options of {@link delays}. */
export interface DelayOptions {
  readonly baseMs: number
  readonly maxMs: number
  readonly jitter: Jitter
}

const MODES = ['additive', 'full', 'equal', 'decorrelated', 'none'] as const

/** The share that `additive` puts on top at most. */
export const ADDED = 0.3

/**
 * The delays of one call, one after the other: `min(base * 2^n, max)`, made random. Jitter never goes beyond `maxMs`,
 * but for `additive`, which comes on top of it: at the cap, calls must still not meet.
 *
 * Modes as in "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @throws {TypeError} if the jitter is unknown.
 */
export const delays = ({ baseMs, maxMs, jitter }: DelayOptions): (() => number) => {
  if (typeof jitter !== 'function' && !MODES.includes(jitter)) {
    throw new TypeError(`backoffJitter: jitter must be one of ${MODES.join(', ')} or a function, got ${String(jitter)}`)
  }
  let n = 0
  let last = baseMs
  return () => {
    // The exponent is bounded: 0 * Infinity is no delay.
    const delay = Math.min(baseMs * 2 ** Math.min(n++, 100), maxMs)
    if (typeof jitter === 'function') return Math.max(0, Number(jitter(delay)) || 0)
    const random = Math.random()
    switch (jitter) {
      case 'none':
        return delay
      case 'full':
        return random * delay
      case 'equal':
        return delay / 2 + (random * delay) / 2
      case 'decorrelated':
        return (last = Math.min(maxMs, baseMs + random * (last * 3 - baseMs)))
      case 'additive':
        return delay * (1 + random * ADDED)
    }
  }
}
