import { expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import type { Sent } from '../src/sent.ts'
import { newSilentWindow, type SilentWindow } from '../src/silent-window.ts'

useFakeTime()

const one = (active = 1): Sent => ({
  at: performance.now(),
  active,
  request: { method: 'GET', url: 'https://api.test/' },
})
const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)

/** So many, one after the other. */
const serve = (window: SilentWindow, count: number, apartMs = 10, active = 1): void => {
  for (let i = 0; i < count; i++) {
    const sent = one(active)
    window.sent(sent, true)
    window.accepted(sent, active)
    pass(apartMs)
  }
}

const refuse = (window: SilentWindow): boolean => {
  const sent = one()
  window.sent(sent, true)
  const flow = window.flowsPast(sent, 1)
  if (!flow) window.refused(sent.at)
  pass(1)
  return flow !== undefined
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
  expect([window.flow(), window.waitMs()]).toEqual([undefined, 0])
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
  expect(window.flow()).toBe('slides')
  expect(window.waitMs()).toBeGreaterThan(0)
})

/** Lets one through every 20 ms, asked more often, and with more in flight after a refusal than with it. */
const refill = (window: SilentWindow, ms: number): void => {
  let full = performance.now()
  for (let spent = 0; spent < ms; spent += 4) {
    pass(4)
    const sent = one(spent % 8 ? 3 : 1)
    window.sent(sent, false)
    if (performance.now() - full >= 20) {
      full += 20
      window.accepted(sent, sent.active)
    } else if (!window.flowsPast(sent, sent.active)) window.refused(sent.at)
  }
}

it('refills, once refusals lie on a line; what is forgotten of windows leaves that', () => {
  const window = newSilentWindow()
  refill(window, 450)
  const another = window.anew()
  expect(another.flow()).toBe('refills')
  another.rest()
  expect(another.flow()).toBeUndefined()
})

it('does not refill if its window is known, although the ends of windows lie on a line, too', () => {
  const window = learned()
  for (let i = 0; i < 8; i++) {
    serve(window, 5, 10, 3)
    refuse(window)
    expect(window.flow()).toBeUndefined()
    pass(949)
  }
})
