import { onAbort } from '@aplomb/pipeline'

/** Resolves when the work is done, after `ms` milliseconds, or when the signal fires, whichever comes first. */
export const within = (ms: number, work: Promise<unknown>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      stopListening()
      resolve()
    }
    const timer = setTimeout(finish, ms)
    const stopListening = onAbort(signal, finish)
    work.then(finish, finish)
    if (signal.aborted) finish()
  })
