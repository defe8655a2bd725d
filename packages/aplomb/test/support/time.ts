import { getEventListeners } from 'node:events'
import { createFetch, type Fetch, type Middleware } from '@aplomb/pipeline'
import { afterEach, beforeEach, vi } from 'vitest'

const turn = setImmediate

/** All that can happen without time passing has happened: microtasks, and the turns a body in memory takes. */
export const flush = async (turns = 1): Promise<void> => {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => void turn(resolve))
}

/** The same numbers in every run (mulberry32). */
const chance = (): (() => number) => {
  let state = 1
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Every test gets a clock of its own (timers, Date and performance, at the same moment), and the same luck. */
export const useFakeTime = (): void => {
  beforeEach(() => {
    vi.useFakeTimers({
      now: Date.UTC(2026, 0, 1),
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
    })
    vi.spyOn(Math, 'random').mockImplementation(chance())
  })
  afterEach(() => {
    vi.useRealTimers()
  })
}

/** How a promise ended. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown }

/** What became of a promise, without waiting for it. */
export const watch = <T>(promise: Promise<T>): { readonly outcome: Outcome<T> | undefined } => {
  const state: { outcome: Outcome<T> | undefined } = { outcome: undefined }
  promise.then(
    (value) => (state.outcome = { value }),
    (error: unknown) => (state.outcome = { error }),
  )
  return state
}

/** Lets time pass, timer by timer, until all have settled; fails if they never will. */
export const outcomes = async <T>(promises: readonly Promise<T>[]): Promise<Outcome<T>[]> => {
  const watched = promises.map(watch)
  for (;;) {
    await flush()
    if (watched.every(({ outcome }) => outcome)) break
    if (vi.getTimerCount() > 0) vi.advanceTimersToNextTimer()
    else {
      await flush(20)
      if (vi.getTimerCount() > 0) continue
      const stuck = watched.filter(({ outcome }) => !outcome).length
      if (stuck > 0) throw new Error(`${stuck} of ${promises.length} calls never settle: no timer is left to wake them`)
    }
  }
  return watched.map(({ outcome }) => outcome as Outcome<T>)
}

/** The same for one, as a promise again. */
export const settled = async <T>(promise: Promise<T>): Promise<T> => {
  const [outcome] = await outcomes([promise])
  if (outcome && 'value' in outcome) return outcome.value
  throw outcome?.error
}

export const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

/** How many listeners the platform's own Request leaves on a signal after one call. */
export const platformListeners = async (): Promise<number> => {
  const { signal } = new AbortController()
  const pass: Middleware = (request, next) => next(request)
  await createFetch([pass], { fetch: async () => new Response() })('https://api.test/', { signal })
  return listeners(signal)
}

/** What an aborted call shows that kept its word. */
export const CLEAN = { waited: true, rejectedWith: 'the reason itself', timers: 0, listeners: 0 } as const

/** Aborts a call that waits, and looks at the same instant what became of it and what it left behind. */
export const abortAfter = async (ms: number, call: (signal: AbortSignal) => Promise<unknown>): Promise<object> => {
  const controller = new AbortController()
  const watched = watch(call(controller.signal))
  await vi.advanceTimersByTimeAsync(ms)
  const waited = watched.outcome === undefined
  const reason = { mine: true }
  controller.abort(reason)
  await flush()
  const { outcome } = watched
  const same = outcome !== undefined && 'error' in outcome && outcome.error === reason
  return {
    waited,
    rejectedWith: same ? 'the reason itself' : outcome,
    timers: vi.getTimerCount(),
    listeners: listeners(controller.signal),
  }
}

export const urlOf = (input: string | URL | Request): string => (input instanceof Request ? input.url : String(input))

/** When each request came in, in milliseconds from here. */
export const timed = <Inner extends Fetch>(
  inner: Inner,
): Fetch & { readonly times: number[]; readonly inner: Inner } => {
  const zero = performance.now()
  const times: number[] = []
  const fetch: Fetch = (input, init) => {
    times.push(performance.now() - zero)
    return inner(input, init)
  }
  return Object.assign(fetch, { times, inner })
}

/** Unhandled rejections since it was called. */
export const rejections = (): (() => Promise<unknown[]>) => {
  const found: unknown[] = []
  const note = (reason: unknown): void => {
    found.push(reason)
  }
  process.on('unhandledRejection', note)
  return async () => {
    // Node reports after the microtasks of a turn.
    await flush(2)
    process.off('unhandledRejection', note)
    return found
  }
}
