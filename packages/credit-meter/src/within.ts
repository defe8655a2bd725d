import { later, onAbort } from '@aplomb/pipeline'

/**
 * Resolves when the work is done, after `ms` milliseconds, or when the signal fires, whichever comes first. `late` is
 * called in the second case.
 */
export const within = (
  ms: number,
  work: Promise<unknown>,
  signal: AbortSignal | undefined,
  late: () => void,
): Promise<void> =>
  new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      stopListening?.()
      resolve()
    }
    const timer = later(() => {
      late()
      finish()
    }, ms)
    const stopListening = signal && onAbort(signal, finish)
    work.then(finish, finish)
    if (signal?.aborted) finish()
  })
