import { clock, later } from './clock.ts'
import { isSharedIsolate } from './isolate.ts'

/** The longest delay that a timer takes. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1

/** Sends whoever may go, whenever that may have changed: one timer for all who wait. */
export interface Pump {
  /** Something has changed. */
  wake(): void
  /** Once for all that changes in this turn. */
  wakeSoon(): void
  /** Whether nobody is known to go at any time. */
  idle(): boolean
  /** Milliseconds until the timer is due, for those who look by themselves. */
  dueInMs(): number
}

/** `send` sends whoever may go, and returns the milliseconds until somebody else may; `pumped` is called when nobody may any more. */
export const newPump = (send: () => number, waiting: () => number, pumped: () => void): Pump => {
  let timer: ReturnType<typeof setTimeout> | undefined
  /** When it is due, on the `clock`. */
  let dueAt = Infinity
  let pumping = false
  let wokenMeanwhile = false
  let soon = false
  const shared = isSharedIsolate()

  const wake = (): void => {
    wokenMeanwhile = true
    if (pumping) return
    pumping = true
    clearTimeout(timer)
    timer = undefined
    dueAt = Infinity
    let nextMs = Infinity
    while (wokenMeanwhile && waiting() > 0) {
      wokenMeanwhile = false
      nextMs = send()
    }
    pumping = false
    pumped()
    if (waiting() === 0 || nextMs === Infinity) return
    timer = later(wake, Math.min(LONGEST_TIMER_MS, Math.ceil(nextMs)))
    if (shared) dueAt = clock() + nextMs
  }

  return {
    wake,
    wakeSoon: () => {
      if (soon) return
      soon = true
      queueMicrotask(() => {
        soon = false
        wake()
      })
    },
    idle: () => timer === undefined,
    dueInMs: () => dueAt - clock(),
  }
}
