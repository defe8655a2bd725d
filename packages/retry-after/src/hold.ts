import { clock } from '@aplomb/pipeline'
/** A pause that all calls of a key share. */
export interface Hold {
  /** Milliseconds until it ends; 0 if there is none. */
  left(): number
  /** Holds for at least this long from now. Never shortens what is in force. */
  extend(ms: number): void
}

export const newHold = (): Hold => {
  let until = 0
  return {
    left: () => Math.max(0, until - clock()),
    extend: (ms) => {
      until = Math.max(until, clock() + ms)
    },
  }
}
