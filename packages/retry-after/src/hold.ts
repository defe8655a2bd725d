import { sleep } from '@aplomb/pipeline'

/** A pause that all calls of a key share. */
export interface Hold {
  /** Milliseconds until it ends; 0 if there is none. */
  left(): number
  /** Holds for at least this long from now. Never shortens what is in force. */
  extend(ms: number): void
  /** Resolves some time after the end, each waiter at a moment of its own. The next hold may have begun by then. */
  pass(signal: AbortSignal): Promise<void>
}

/** Waiters come back spread over this share of the pause they sat out, so that its end is no stampede. */
const SPREAD = 0.1

export const newHold = (): Hold => {
  let began = 0
  let until = 0
  let waiting = 0
  const left = (): number => Math.max(0, until - performance.now())

  return {
    left,
    extend: (ms) => {
      const now = performance.now()
      if (now >= until) began = now
      until = Math.max(until, now + ms)
    },
    pass: async (signal) => {
      waiting++
      try {
        // Alone, there is nobody to collide with but other processes, and they began at other times.
        const spread = Math.min((until - began) * SPREAD, 20 * waiting)
        await sleep(left() + Math.random() * spread, signal)
      } finally {
        waiting--
      }
    },
  }
}
