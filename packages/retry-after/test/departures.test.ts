import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newDepartures } from '../src/departures.ts'
import { knownWeight } from '../src/weights.ts'

useFakeTime()

const now = (): number => performance.now()

test('what was refused is not charged, neither to itself nor to those after it', () => {
  const departures = newDepartures()
  const [first, second, third] = [1, 2, 3].map((weight) => departures.sent({ tokens: weight }, now()))
  departures.answered(second!, false)
  expect([first, second, third].map((one) => one!.calls)).toEqual([1, 1, 2])
  expect([first, second, third].map((one) => one!.weights.get('tokens'))).toEqual([1, 1, 4])
  expect([departures.calls(), departures.weights('tokens')]).toEqual([2, 4])
})

test('within the shortest round trip, requests may have overtaken each other', () => {
  const departures = newDepartures()
  const fast = departures.sent(undefined, now())
  vi.advanceTimersByTime(10)
  departures.answered(fast, true)
  const times = [0, 5, 5, 20]
  const sent = times.map((ms) => {
    vi.advanceTimersByTime(ms)
    return departures.sent(undefined, now())
  })
  expect(departures.near(sent[1]!)).toEqual({ early: 1, late: 1 })
  expect(departures.near(sent[3]!)).toEqual({ early: 0, late: 0 })
})

test('however quick they are, those of a turn may', () => {
  const departures = newDepartures()
  departures.answered(departures.sent(undefined, now()), true)
  const sent = [0, 4, 6].map((ms) => {
    vi.advanceTimersByTime(ms)
    return departures.sent(undefined, now())
  })
  expect(sent.map((one) => departures.near(one))).toEqual([
    { early: 1, late: 1 },
    { early: 2, late: 0 },
    { early: 0, late: 0 },
  ])
})

test('what is sent in one turn leaves when the code that runs is done, and what is under way has left', async () => {
  const departures = newDepartures()
  vi.advanceTimersByTime(100)
  const [first, underWay] = [departures.sent(undefined, now()), departures.sent(undefined, now() - 20)]
  vi.advanceTimersByTime(30)
  const last = departures.sent(undefined, now())
  await Promise.resolve()
  expect([first, underWay, last].map(({ at }) => now() - at)).toEqual([0, 50, 0])
})

test('where another process sends them, also within the time by which that was later', () => {
  const departures = newDepartures()
  const [first, second, third] = [0, 30, 60].map((at) => departures.sent(1, at))
  vi.advanceTimersByTime(100)
  departures.answered(departures.sent(1, 90), true)
  expect(departures.near(second!)).toEqual({ early: 0, late: 0 })
  departures.answered(first!, true, 25)
  expect(first!.at).toBe(25)
  expect(departures.near(second!)).toEqual({ early: 1, late: 1 })
  expect(departures.near(third!)).toEqual({ early: 2, late: 1 })
})

test('an answer is expected while one is in flight, for four round trips at most', () => {
  const departures = newDepartures()
  const first = departures.sent(undefined, now())
  vi.advanceTimersByTime(10)
  departures.answered(first, true)
  expect(departures.expecting()).toBe(false)
  const second = departures.sent(undefined, now())
  vi.advanceTimersByTime(39)
  expect(departures.expecting()).toBe(true)
  vi.advanceTimersByTime(1)
  expect(departures.expecting()).toBe(false)
  departures.ended(second)
  departures.sent(undefined, now())
  expect(departures.expecting()).toBe(true)
})

test('tells how many were sent by a time, and when so many were', () => {
  const departures = newDepartures()
  const began = now()
  for (let i = 0; i < 5; i++) {
    departures.sent(undefined, now())
    vi.advanceTimersByTime(10)
  }
  expect([departures.callsBy(began - 1), departures.callsBy(began), departures.callsBy(began + 25)]).toEqual([0, 1, 3])
  expect(departures.timeOf(4)).toBe(began + 30)
})

describe('remembers', () => {
  const many = (departures: ReturnType<typeof newDepartures>, count: number): void => {
    for (let i = 0; i < count; i++) {
      departures.answered(departures.sent(undefined, now()), true)
      vi.advanceTimersByTime(1)
    }
  }
  test.each([0, 100, 1e6])('as many as it is told to, and no more than thousands: %i', (count) => {
    const departures = newDepartures()
    departures.remember(count)
    many(departures, 10_000)
    const oldest = Array.from({ length: 10_000 }, (_, at) => at + 1).find(
      (place) => departures.sentAt(place) > -Infinity,
    )!
    const kept = 10_001 - oldest
    expect(kept).toBeGreaterThanOrEqual(Math.min(count, 4096))
    expect(kept).toBeLessThanOrEqual(2 * Math.min(Math.max(count, 64) + 4, 4096))
    expect(departures.timeOf(10_000 - Math.min(count, 4000))).toBe(departures.sentAt(10_000 - Math.min(count, 4000)))
  })
  test('those in flight, and who may have overtaken them', () => {
    const departures = newDepartures()
    const inFlight = Array.from({ length: 50 }, () => departures.sent(undefined, now()))
    vi.advanceTimersByTime(10)
    many(departures, 100)
    for (const [at, one] of inFlight.entries()) expect(departures.sentAt(one.place)).toBe(inFlight[at]!.at)
  })
})

test('a weight that is a number is of every unit, and one that is not said the mean', () => {
  const departures = newDepartures()
  expect(departures.scaleOf('tokens')).toBeUndefined()
  departures.sent(10, now())
  const scale = departures.scaleOf('tokens')!
  departures.sent(30, now())
  departures.sent(undefined, now())
  expect(departures.weights(scale)).toBe(60)
  expect([departures.weigh(scale), departures.weigh(scale, 5)]).toEqual([20, 5])
  expect(departures.scaleOf('points')).toBe(scale)
  // A percentage is no amount that a request takes.
  expect(departures.scaleOf('percent')).toBeUndefined()
})

test('units are known by their own names only', () => {
  const departures = newDepartures()
  departures.sent({ tokens: 10 }, now())
  expect(departures.scaleOf('tokens')).toBe('tokens')
  for (const unit of ['points', 'constructor', '__proto__']) expect(departures.scaleOf(unit)).toBeUndefined()
})

test('what a request took on arrival takes the place of its estimate, for those after it, too', () => {
  const departures = newDepartures()
  const [first, second] = [10, 20].map((tokens) => departures.sent({ tokens }, now()))
  expect(departures.settled(first!, { tokens: 16 })).toEqual(new Map([['tokens', 6]]))
  expect([first, second].map((one) => one!.weights.get('tokens'))).toEqual([16, 36])
  expect(departures.weights('tokens')).toBe(36)
  expect(departures.weigh('tokens')).toBe(18)
  departures.answered(first!, false)
  expect(departures.weights('tokens')).toBe(20)
})

test('what is charged later is pending until it is settled: then those who go afterwards find it charged', () => {
  const departures = newDepartures()
  const first = departures.sent({ tokens: { onArrival: 10, later: 5 } }, now())
  const second = departures.sent({ tokens: { onArrival: 10, later: 5 } }, now())
  expect([departures.weights('tokens'), departures.pending('tokens')]).toEqual([20, 10])
  expect(departures.weigh('tokens')).toBe(15)
  departures.answered(first, true)
  expect(departures.settled(first, { tokens: { onArrival: 10, later: 8 } })).toEqual(new Map())
  expect([departures.weights('tokens'), departures.pending('tokens')]).toEqual([28, 5])
  expect(second.weights.get('tokens')).toBe(20)
  expect(departures.sent({ tokens: 1 }, now()).weights.get('tokens')).toBe(29)
})

test('nothing is charged later for what was refused, or was never answered', () => {
  const departures = newDepartures()
  const [refused, lost] = [1, 2].map(() => departures.sent({ tokens: { onArrival: 10, later: 5 } }, now()))
  departures.answered(refused!, false)
  expect([departures.weights('tokens'), departures.pending('tokens')]).toEqual([10, 5])
  departures.ended(lost!)
  expect([departures.weights('tokens'), departures.pending('tokens')]).toEqual([10, 0])
})

test('what was answered and never settled is charged as estimated after ten minutes', () => {
  const departures = newDepartures()
  const one = departures.sent({ tokens: { onArrival: 10, later: 5 } }, now())
  departures.answered(one, true)
  departures.ended(one)
  vi.advanceTimersByTime(599_999)
  expect([departures.pending('tokens'), departures.weights('tokens')]).toEqual([5, 10])
  vi.advanceTimersByTime(1)
  expect([departures.pending('tokens'), departures.weights('tokens')]).toEqual([0, 15])
})

test('a weight by the name of a limit goes before that by its unit', () => {
  const departures = newDepartures()
  departures.sent({ tokens: 15, 'input-tokens': 10 }, now())
  expect(departures.scaleOf('tokens', 'input-tokens')).toBe('input-tokens')
  expect(departures.scaleOf('tokens', 'tokens-minute')).toBe('tokens')
  expect(knownWeight('tokens', 'input-tokens', { tokens: 15, 'input-tokens': 10 })).toBe(10)
  expect(knownWeight('tokens', 'output-tokens', { tokens: { onArrival: 15, later: 9 } })).toBe(15)
})

test('a unit of its own for each request does not make each dearer than the one before', () => {
  const departures = newDepartures()
  const sent = Array.from({ length: 100 }, (_, i) => departures.sent({ [`unit ${i}`]: 1 }, now()))
  expect(sent.at(-1)!.weight.size).toBe(8)
  expect(departures.weights('unit 0')).toBe(100)
  expect(departures.scaleOf('unit 99')).toBeUndefined()
})
