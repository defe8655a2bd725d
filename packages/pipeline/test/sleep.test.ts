import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { sleep } from '../src/index.ts'
import { noTimers } from './support/timers.ts'
import { errorOf } from './support/outcome.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  noTimers()
  vi.useRealTimers()
})

/** When this promise settles, on the fake clock. */
const endOf = async (ms: number): Promise<number> => {
  const began = performance.now()
  const ended = sleep(ms).then(() => performance.now() - began)
  await vi.runAllTimersAsync()
  return ended
}

describe('sleep', () => {
  test.each([0, 1, 10, 1000, 86_400_000])('resolves after %i ms', async (ms) => {
    expect(await endOf(ms)).toBe(ms)
  })
  test.each([2 ** 31 - 1, 2 ** 31, 2 ** 31 + 5, 2 ** 32, 5 * 2 ** 31, 365 * 86_400_000])(
    'resolves after %i ms, longer than a timer takes',
    async (ms) => {
      expect(await endOf(ms)).toBe(ms)
    },
  )
  test.each([-1, -Infinity])('resolves at once if it is over already: %d', async (ms) => {
    expect(await endOf(ms)).toBe(0)
  })
  test('never resolves after for ever, until it is aborted', async () => {
    const controller = new AbortController()
    let ended = false
    const end = errorOf(sleep(Infinity, controller.signal)).finally(() => void (ended = true))
    await vi.advanceTimersByTimeAsync(2 ** 33)
    expect([ended, vi.getTimerCount()]).toEqual([false, 1])
    controller.abort('enough')
    expect(await end).toBe('enough')
  })
  test.each(['enough', undefined, null, 0])('rejects at once with the reason of the signal: %s', async (reason) => {
    const controller = new AbortController()
    const end = errorOf(sleep(1000, controller.signal))
    expect(vi.getTimerCount()).toBe(1)
    controller.abort(reason)
    expect(vi.getTimerCount()).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(await end).toBe(reason === undefined ? controller.signal.reason : reason)
  })
  test('rejects at once if the signal has fired already', async () => {
    expect(await errorOf(sleep(1000, AbortSignal.abort('enough')))).toBe('enough')
    expect(await errorOf(sleep(0, AbortSignal.abort('enough')))).toBe('enough')
  })
  test('is aborted in its second stretch, too', async () => {
    const controller = new AbortController()
    const end = errorOf(sleep(2 ** 33, controller.signal))
    await vi.advanceTimersByTimeAsync(2 ** 31 + 7)
    expect(vi.getTimerCount()).toBe(1)
    controller.abort('enough')
    expect(vi.getTimerCount()).toBe(0)
    expect(await end).toBe('enough')
  })
  test('leaves no listener behind when it ends by itself', async () => {
    const { signal } = new AbortController()
    const ended = sleep(1000, signal)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await vi.runAllTimersAsync()
    await ended
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
  test('an abort after its end changes nothing', async () => {
    const controller = new AbortController()
    const ended = sleep(10, controller.signal)
    await vi.runAllTimersAsync()
    controller.abort('too late')
    expect(await ended).toBeUndefined()
  })
  test('many may sleep on one signal', async () => {
    const controller = new AbortController()
    const ends = Promise.allSettled(Array.from({ length: 100 }, (_, i) => sleep(i + 1, controller.signal)))
    await vi.advanceTimersByTimeAsync(50)
    controller.abort('enough')
    expect((await ends).map(({ status }) => status)).toEqual(
      Array.from({ length: 100 }, (_, i) => (i < 50 ? 'fulfilled' : 'rejected')),
    )
  })
  test('goes by the clock of its time, not by that of its import', async () => {
    vi.useRealTimers()
    vi.useFakeTimers()
    expect(await endOf(500)).toBe(500)
  })
})
