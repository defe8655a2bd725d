import { clock } from '@aplomb/pipeline'
import { within } from './within.ts'

/** How long the store may leave a question unanswered. Longer than a database takes, and short beside a call. */
const STORE_MS = 1000

/** How long a store that does not answer is left alone: each try leaves it one more question that may pile up there. */
const AWAY_MS = 10_000

type Circuit =
  /** Each call asks the store, and waits for its answers. */
  | { readonly state: 'closed' }
  /** The store is away: no call asks it. The first that comes after `retryAt` has it tried. */
  | { readonly state: 'open'; readonly retryAt: number }
  /** The store is being tried, in the background: no call asks it or waits. A try may hang as well. */
  | { readonly state: 'half-open'; readonly retryAt: number }

/**
 * Puts a question to the store, which may answer at once, later, or never well. `answered` and `failed` are called
 * whenever that turns out, however late. The promise, if any, never rejects, and ends when the store is taken as away.
 */
export type Ask = <T>(
  question: () => T | PromiseLike<T>,
  answered: (value: T) => void,
  failed?: () => void,
) => void | Promise<void>

/** A circuit breaker for a store: whether it is asked, and how long it is waited for. */
export interface Breaker {
  /** Asks if the circuit is closed; else the question is dropped. */
  readonly ask: Ask
  isClosed(): boolean
  /** Waits for the store's answers until it is taken as away, or the signal fires. */
  wait(work: Promise<unknown>, signal?: AbortSignal): Promise<void>
  /** Tries whether the store is back. The promise never rejects, and lasts as long as the store takes. */
  retry(): Promise<void>
}

/** What to do with a store that may be back, one step after the other; first what does no harm if it hangs. */
export type Recovery = (ask: Ask) => Iterable<void | Promise<void>>

export const isThenable = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof value === 'object' && value !== null && 'then' in value

/**
 * A closed breaker. It opens when a question is not answered in time; to be refused is an answer, and costs no wait.
 * `report` hears of the first failure after a success.
 */
export const newBreaker = (recovery: Recovery, report: (error: unknown) => void): Breaker => {
  /** Questions without an answer, the oldest first. */
  const unanswered = new Set<{ readonly askedAt: number; readonly giveUp: () => void }>()
  let circuit: Circuit = { state: 'closed' }
  let isFailing = false

  const broke = (error: unknown): void => {
    if (!isFailing) report(error ?? new Error('the store failed without a reason'))
    isFailing = true
  }

  const open = (): void => {
    circuit = { state: 'open', retryAt: clock() + AWAY_MS }
  }

  const giveUp = (): void => {
    for (const one of unanswered) one.giveUp()
    unanswered.clear()
  }

  const timedOut = (): void => {
    giveUp()
    open()
    broke(new Error(`no answer within ${STORE_MS} ms`))
  }

  const run: Ask = (question, answered, failed) => {
    const worked = (value: Parameters<typeof answered>[0]): void => {
      isFailing = false
      answered(value)
    }
    const fail = (error: unknown): void => {
      failed?.()
      broke(error)
    }
    try {
      const answer = question()
      if (!isThenable(answer)) return worked(answer)
      return new Promise((resolve) => {
        const one = { askedAt: clock(), giveUp: resolve }
        unanswered.add(one)
        const end = (): void => {
          unanswered.delete(one)
          resolve()
        }
        void Promise.resolve(answer).then(worked).catch(fail).then(end)
      })
    } catch (error) {
      return fail(error)
    }
  }

  const retry = async (): Promise<void> => {
    const trial = (circuit = { state: 'half-open', retryAt: clock() + AWAY_MS } as Circuit)
    let isSlow = false
    for (const step of recovery(run)) {
      const began = clock()
      await step
      if (circuit !== trial) return
      isSlow ||= clock() - began >= STORE_MS
      if (isFailing) break
    }
    giveUp()
    if (isSlow) return open()
    circuit = { state: 'closed' }
    // What calls have left behind meanwhile.
    if (!isFailing) for (const step of recovery(ask)) void step
  }

  /** Those who waited for the oldest question may have gone, if their own time was shorter. */
  const isClosed = (): boolean => {
    const oldest = circuit.state === 'closed' ? unanswered.values().next().value : undefined
    if (oldest && clock() - oldest.askedAt >= STORE_MS) timedOut()
    return circuit.state === 'closed'
  }

  const ask: Ask = (question, answered, failed) => {
    if (isClosed()) return run(question, answered, failed)
    if (circuit.state !== 'closed' && clock() >= circuit.retryAt) void retry()
  }

  return {
    ask,
    retry,
    isClosed,
    wait: (work, signal) => {
      isClosed()
      return within(STORE_MS, work, signal, timedOut)
    },
  }
}
