import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, vi } from 'vitest'

/** A clock that tests turn on, and the same luck for each of them. */
export const useFakeTime = (): void => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
  })
  afterEach(() => {
    vi.useRealTimers()
  })
}

const turn = setImmediate
/** All that can happen without time passing has happened: microtasks, and the turns that a body in memory takes. */
const flush = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => void turn(resolve))
}

/** Lets time pass, timer by timer, until the promise has settled; fails if it never will. */
export const settled = async <T>(promise: Promise<T>): Promise<T> => {
  let done = false
  const end = (): void => {
    done = true
  }
  promise.then(end, end)
  for (let idle = 0; ;) {
    await flush()
    if (done) return promise
    if (vi.getTimerCount() > 0) {
      idle = 0
      vi.advanceTimersToNextTimer()
    } else if (++idle > 10) throw new Error('it never settles: no timer is left to wake it')
  }
}

/** What it came to, or what it was rejected with. */
export const outcomeOf = (promise: Promise<unknown>): Promise<unknown> =>
  settled(promise).catch((error: unknown) => error)

export const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length
