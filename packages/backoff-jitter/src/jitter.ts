import { guarded, milliseconds } from '@aplomb/pipeline'

/** The ways there are to make a delay random. */
export const JITTERS = ['additive', 'full', 'equal', 'decorrelated', 'none'] as const

/**
 * How a delay is made random. A function gets the delay in milliseconds and returns the one to use; where it fails, or
 * returns no finite number of 0 or more, the jitter is additive.
 */
export type Jitter = (typeof JITTERS)[number] | ((delayMs: number) => number)

/** Options of {@link delays}. */
export interface DelayOptions {
  readonly baseMs: number
  readonly maxMs: number
  readonly jitter: Jitter
}

/** The share that `additive` puts on top at most. */
export const ADDED = 0.3

const additive = (delayMs: number): number => delayMs * (1 + Math.random() * ADDED)

/** Each gets the delay and the range that `decorrelated` draws from. */
const MODES: Readonly<
  Record<(typeof JITTERS)[number], (delayMs: number, fromMs: number, toMs: number, maxMs: number) => number>
> = {
  additive,
  full: (delayMs) => Math.random() * delayMs,
  equal: (delayMs) => (delayMs * (1 + Math.random())) / 2,
  decorrelated: (_, fromMs, toMs, maxMs) => Math.min(maxMs, fromMs + Math.random() * (toMs - fromMs)),
  none: (delayMs) => delayMs,
}

/**
 * The delays of calls: each function that it makes gives those of one call, one after the other, `min(base * 2^n, max)`, made random.
 * Jitter never goes beyond `maxMs`, but for `additive`, which comes on top of it: at the cap, calls must still not meet.
 *
 * Modes as in "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export const delays = ({ baseMs, maxMs, jitter }: DelayOptions): (() => () => number) => {
  const mode =
    typeof jitter === 'function'
      ? guarded(jitter, {
          name: 'backoffJitter.jitter',
          answers: milliseconds({ from: 0, below: Infinity }),
          instead: 'the jitter is additive',
          fallback: additive,
        })
      : MODES[jitter]
  return () => {
    let n = 0
    let last = baseMs
    // The exponent is bounded: 0 * Infinity is no delay.
    return () => (last = mode(Math.min(baseMs * 2 ** Math.min(n++, 100), maxMs), baseMs, last * 3, maxMs))
  }
}
