import { type Kind, read } from './options.ts'
import { warnOnce } from './warn-once.ts'

/** What a callback of the user's is to answer, and what is taken where it does not. */
export interface Guard<Args extends readonly unknown[], T> {
  /** The option: "creditMeter.endpoint". What fails there is told once. */
  readonly name: string
  readonly answers: Kind
  /** The consequence, to be told: "the path is taken". */
  readonly instead: string
  readonly fallback: (...args: Args) => T
}

/** Nobody waits for what is promised; if it is not kept, that must not end the process. */
const settle = (result: unknown, failed: (error: unknown) => void): void => {
  if (typeof result === 'object' && result !== null && 'then' in result) Promise.resolve(result).catch(failed)
}

/**
 * Wraps a callback of the user's, once, so that it can break no call: where it throws or answers anything else than it
 * is to, be it a promise, the fallback is taken, and that is told once on the console.
 */
export const guarded =
  <Args extends readonly unknown[], T>(
    callback: (...args: Args) => T,
    { name, answers, instead, fallback }: Guard<Args, T>,
  ): ((...args: Args) => T) =>
  (...args) => {
    try {
      const result = callback(...args)
      settle(result, () => undefined)
      return read(answers, result, { of: name, path: 'its answer', root: {} }) as T
    } catch (error) {
      warnOnce(name, `${name} failed; ${instead}:`, error)
      return fallback(...args)
    }
  }

/** Observers that have failed before. */
const failing = new WeakSet<object>()

/**
 * Calls an observer that must not be able to break the call it observes: what it throws, or rejects with, is
 * reported on the console, the first time, and dropped.
 */
export const notify = <T>(observer: (value: T) => unknown, value: T): void => {
  const report = (error: unknown): void => {
    if (!failing.has(observer)) console.error('aplomb: an observer failed:', error)
    failing.add(observer)
  }
  try {
    settle(observer(value), report)
  } catch (error) {
    report(error)
  }
}
