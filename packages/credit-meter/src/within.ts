/** Resolves when the work is done, after `ms` milliseconds, or when the signal fires, whichever comes first. */
export const within = (ms: number, work: Promise<unknown>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal.addEventListener('abort', finish)
    work.then(finish, finish)
    if (signal.aborted) finish()
  })
