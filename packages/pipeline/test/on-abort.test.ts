import { getEventListeners } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import { onAbort } from '../src/index.ts'

const listening = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('onAbort', () => {
  test('does not listen to a signal that has fired', () => {
    const signal = AbortSignal.abort()
    const listener = vi.fn<() => void>()
    onAbort(signal, listener)()
    expect(listening(signal)).toBe(0)
    expect(listener).not.toHaveBeenCalled()
  })

  test('calls each listener once, in the order they came', () => {
    const controller = new AbortController()
    const heard: string[] = []
    for (const name of ['a', 'b', 'c']) onAbort(controller.signal, () => heard.push(name))
    controller.abort()
    controller.signal.dispatchEvent(new Event('abort'))
    expect(heard).toEqual(['a', 'b', 'c'])
  })

  test('not those that were taken off, whichever it is', () => {
    for (const gone of [0, 1, 2]) {
      const controller = new AbortController()
      const listeners = [vi.fn(), vi.fn(), vi.fn()]
      const stops = listeners.map((listener) => onAbort(controller.signal, listener))
      stops[gone]!()
      stops[gone]!()
      controller.abort()
      expect(listeners.map(({ mock }) => mock.calls.length)).toEqual([0, 1, 2].map((n) => (n === gone ? 0 : 1)))
    }
  })

  test('those that come after the first has left are called behind those that were there', () => {
    const controller = new AbortController()
    const heard: string[] = []
    const stop = onAbort(controller.signal, () => heard.push('first'))
    onAbort(controller.signal, () => heard.push('second'))
    stop()
    onAbort(controller.signal, () => heard.push('third'))
    controller.abort()
    expect(heard).toEqual(['second', 'third'])
  })

  test('one that is taken off by another, while the signal fires, is not called', () => {
    const controller = new AbortController()
    const late = vi.fn()
    let stop: (() => void) | undefined
    onAbort(controller.signal, () => stop?.())
    stop = onAbort(controller.signal, late)
    controller.abort()
    expect(late).not.toHaveBeenCalled()
  })

  test('does nothing with a signal that has fired', () => {
    const listener = vi.fn()
    onAbort(AbortSignal.abort(), listener)()
    expect(listener).not.toHaveBeenCalled()
  })

  test('the signal has one listener, however many there are, and none when they are gone', () => {
    const { signal } = new AbortController()
    for (let round = 0; round < 2; round++) {
      const stops = Array.from({ length: 100 }, () => onAbort(signal, vi.fn()))
      expect(listening(signal)).toBe(1)
      for (const stop of stops) stop()
      expect(listening(signal)).toBe(0)
    }
  })
})
