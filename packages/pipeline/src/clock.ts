/** No clock goes in larger steps (17 ms in Firefox, where it resists fingerprinting), and no timer fires so much too early. */
const COARSEST_MS = 50

/** What is asked: fake timers put another in its place, and it back. */
let now: (() => number) | undefined
/** What it has shown last, and what is added to it. */
let readMs = 0
let addedMs = 0
/** When the last timer was due that has fired. */
let firedAt = 0
/** How far it may be behind that; not at all, once it is known to stand still. */
let toleratedMs = COARSEST_MS
/** When it was last known to go on. */
let alignedMs = 0

/**
 * The time in milliseconds: `performance.now()`, except where that stands still while timers fire (fake timers that leave it
 * out). There the delay of each timer of {@link later} that has fired has passed. Waits and deadlines go by this.
 */
export const clock = (): number => {
  // Looked up once: in Node it is a getter.
  const source = performance
  const beforeMs = readMs
  readMs = source.now()
  // One that goes back is another one, too.
  if (source.now !== now || readMs < beforeMs) {
    now = source.now
    addedMs = firedAt = 0
    alignedMs = readMs
    toleratedMs = COARSEST_MS
  }
  const lagMs = firedAt - readMs - addedMs
  if (lagMs > toleratedMs) {
    addedMs += lagMs
    toleratedMs = 0
  } else if (lagMs <= readMs - alignedMs) {
    // It has gone on by more than it lags: that was no standing still.
    alignedMs = readMs
    firedAt = readMs + addedMs
  }
  return readMs + addedMs
}

/** `setTimeout` for whoever asks the {@link clock} when it fires. */
export const later = (run: () => void, ms: number): ReturnType<typeof setTimeout> => {
  const dueAt = Math.max(readMs + addedMs, firedAt) + Math.trunc(ms)
  const set = now
  return setTimeout(() => {
    if (now === set) firedAt = Math.max(firedAt, dueAt)
    run()
  }, ms)
}
