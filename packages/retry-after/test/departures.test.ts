import { expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newDepartures } from '../src/departures.ts'

useFakeTime()

const now = (): number => performance.now()

test('what was refused is not charged, neither to itself nor to those after it', () => {
  const departures = newDepartures()
  const [first, second, third] = [1, 2, 3].map((weight) => departures.sent(weight, now()))
  departures.answered(second!, false)
  expect([first, second, third].map((one) => one!.calls)).toEqual([1, 1, 2])
  expect([first, second, third].map((one) => one!.weights)).toEqual([1, 1, 4])
  expect([departures.calls(), departures.weights()]).toEqual([2, 4])
})

test('within the shortest round trip, requests may have overtaken each other', () => {
  const departures = newDepartures()
  const fast = departures.sent(1, now())
  vi.advanceTimersByTime(10)
  departures.answered(fast, true)
  const times = [0, 5, 5, 20]
  const sent = times.map((ms) => {
    vi.advanceTimersByTime(ms)
    return departures.sent(1, now())
  })
  expect(departures.near(sent[1]!)).toEqual({ early: 1, late: 1 })
  expect(departures.near(sent[3]!)).toEqual({ early: 0, late: 0 })
})

test('an answer is expected while one is in flight, for four round trips at most', () => {
  const departures = newDepartures()
  const first = departures.sent(1, now())
  vi.advanceTimersByTime(10)
  departures.answered(first, true)
  expect(departures.expecting()).toBe(false)
  const second = departures.sent(1, now())
  vi.advanceTimersByTime(39)
  expect(departures.expecting()).toBe(true)
  vi.advanceTimersByTime(1)
  expect(departures.expecting()).toBe(false)
  departures.ended(second)
  departures.sent(1, now())
  expect(departures.expecting()).toBe(true)
})

test('tells how many were sent by a time, and when so many were', () => {
  const departures = newDepartures()
  const began = now()
  for (let i = 0; i < 5; i++) {
    departures.sent(1, now())
    vi.advanceTimersByTime(10)
  }
  expect([departures.callsBy(began - 1), departures.callsBy(began), departures.callsBy(began + 25)]).toEqual([0, 1, 3])
  expect(departures.timeOf(4)).toBe(began + 30)
})
