import { expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newSilentWindow, type SilentWindow } from '../src/silent-window.ts'

useFakeTime()

const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)

/** So many, one after the other. */
const serve = (window: SilentWindow, count: number, apartMs = 10): void => {
  for (let i = 0; i < count; i++) {
    const at = performance.now()
    window.sent(at, true)
    window.accepted(at)
    pass(apartMs)
  }
}

const refuse = (window: SilentWindow): boolean => {
  const at = performance.now()
  window.sent(at, true)
  const slides = window.slidesPast(at)
  if (!slides) window.refused(at)
  pass(1)
  return slides
}

/** Windows of a second that let five through, and then refuse until they end. */
const learned = (): SilentWindow => {
  const window = newSilentWindow()
  for (let i = 0; i < 3; i++) {
    serve(window, 5)
    refuse(window)
    pass(948)
    refuse(window)
  }
  return window
}

it('opens for all at once, as long as nothing else is known', () => {
  const window = learned()
  serve(window, 4)
  expect([window.slides(), window.waitMs()]).toEqual([false, 0])
})

it('is fixed where it is used up and refuses', () => {
  const window = learned()
  serve(window, 5, 1)
  expect([refuse(window), refuse(window), refuse(window)]).toEqual([false, false, false])
})

it('slides, once it has refused several that follow its first too soon', () => {
  const window = learned()
  serve(window, 1, 1)
  expect([refuse(window), refuse(window)]).toContain(true)
  expect(window.slides()).toBe(true)
  expect(window.waitMs()).toBeGreaterThan(0)
})
