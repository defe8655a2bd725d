/** The time in milliseconds that waits and deadlines go by, on the clock of `performance.now()`. */
export const clock = (): number => performance.now()

/** `setTimeout` for whoever asks the {@link clock} when it fires. */
export const later = (run: () => void, ms: number): ReturnType<typeof setTimeout> => setTimeout(run, ms)
