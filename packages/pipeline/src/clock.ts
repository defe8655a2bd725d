/** Timers count whole milliseconds, by a clock that may lag by one: they fire so much too early anywhere. */
const EARLY_MS = 2
/** No clock goes in larger steps: what it lags behind by more, it will not make up for. */
const COARSEST_MS = 100

/** What `performance.now()` has shown last, and what is to be added to it. */
let readMs = 0
let addedMs = 0
/** When the last timer was due that has fired. */
let firedAt = 0
/** How much too early that may be; nothing, once it is known not to go by them. */
let earlyMs = EARLY_MS
/** How many clocks there were: fake timers put another in its place, and it back. */
let clocks = 0

/**
 * The time in milliseconds: `performance.now()`, except where that stands still while timers fire (fake timers that leave it
 * out). Once a timer of {@link later} has fired, its delay has passed. Waits and deadlines go by this.
 */
export const clock = (): number => {
  const ms = performance.now()
  // One that goes back is another.
  if (ms < readMs) {
    addedMs = firedAt = 0
    earlyMs = EARLY_MS
    clocks++
  }
  readMs = ms
  const lagMs = firedAt - ms - addedMs
  if (lagMs < earlyMs) return ms + addedMs
  earlyMs = 0
  if (lagMs > COARSEST_MS) addedMs += lagMs
  return firedAt
}

/** `setTimeout` for whoever asks the {@link clock} when it fires. */
export const later = (run: () => void, ms: number): ReturnType<typeof setTimeout> => {
  const dueAt = Math.max(readMs + addedMs, firedAt) + Math.trunc(ms)
  const before = clocks
  return setTimeout(() => {
    clock()
    if (clocks === before) firedAt = Math.max(firedAt, dueAt)
    run()
  }, ms)
}
