import { clock, later } from './clock.ts'
import { onAbort } from './on-abort.ts'

/** The longest delay a timer takes (2^31-1 ms, 24.8 days); beyond it, `setTimeout` fires at once. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Resolves after `ms` milliseconds, however many. Rejects at once with `signal.reason` when the signal fires, and
 * leaves neither timer nor listener behind.
 */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const until = clock() + ms
    const arm = (): ReturnType<typeof setTimeout> => {
      const left = until - clock()
      return left > LONGEST_MS ? later(() => (timer = arm()), LONGEST_MS) : later(finish, Math.max(0, left))
    }
    const finish = (): void => {
      stopListening?.()
      resolve()
    }
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    let timer = arm()
    const stopListening = signal && onAbort(signal, abort)
  })
