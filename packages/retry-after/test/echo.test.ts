import { expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newDepartures } from '../src/departures.ts'
import { newEcho } from '../src/echo.ts'

useFakeTime()

const start = () => {
  const departures = newDepartures()
  const send = () => {
    const departure = departures.sent(1, performance.now())
    departures.answered(departure, true)
    return departure
  }
  const { at, calls } = send()
  const first = { at, remaining: 2, limit: 3, charged: calls, early: 0, late: 0, weight: 1 }
  return { departures, send, echo: newEcho({ departures, limit: 3, lengthMs: 1000, first }) }
}

test('each request comes back one length after it was sent', () => {
  const { echo, send } = start()
  vi.advanceTimersByTime(100)
  send()
  vi.advanceTimersByTime(200)
  send()
  expect(echo.waitMs(performance.now())).toBe(700)
  vi.advanceTimersByTime(700)
  expect(echo.waitMs(performance.now())).toBe(0)
  send()
  expect(echo.waitMs(performance.now())).toBe(100)
})

test('what was refused does not come back, and takes nothing', () => {
  const { departures, echo, send } = start()
  send()
  const refused = departures.sent(1, performance.now())
  expect(echo.level(performance.now(), departures.calls())).toBe(0)
  departures.answered(refused, false)
  expect(echo.level(performance.now(), departures.calls())).toBe(1)
})

test('where more is left than was thought, more was sent before the limit began to count', () => {
  const { departures, echo } = start()
  echo.allow(4, performance.now())
  expect(echo.level(performance.now(), departures.calls())).toBe(3)
})
