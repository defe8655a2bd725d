import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newTries, NONE, portion, wasRace } from '../src/share.ts'

useFakeTime()

const luck = (chance: number): void => void vi.spyOn(Math, 'random').mockReturnValue(chance)

describe('our portion of what is left', () => {
  test('is none where nobody has used any', () => {
    expect(portion({ limit: 100, remaining: 100 }, NONE)).toBe(0)
  })
  test('is as we had it of all, less what is open to all', () => {
    expect(portion({ limit: 100, remaining: 55 }, { ours: 10, others: 30 })).toBeCloseTo(10)
    expect(portion({ limit: 100, remaining: 55, owed: 20 }, { ours: 10, others: 30 })).toBeCloseTo(5)
  })
  test('leaves others what they had of the window before, the less so the less of it is to come', () => {
    const past = { ours: 20, others: 40 }
    const use = { ours: 10, others: 20 }
    expect(portion({ limit: 100, remaining: 62 }, use, past)).toBeCloseTo((30 * 30) / 90)
    expect(portion({ limit: 100, remaining: 62, toCome: 0 }, use, past)).toBeCloseTo((62 * 10) / 30)
  })
})

test.each([
  [10, 2999, 10_000, true],
  [9, 2999, 10_000, false],
  [10, 3000, 10_000, false],
  [10, 100, 10_001, false],
])('a window for %i that is used up in %i of %i ms: a race? %s', (limit, tookMs, lengthMs, race) => {
  expect(wasRace(limit, tookMs, lengthMs)).toBe(race)
})

describe('tries for what is open', () => {
  test('are a twentieth of the window apart, and a quarter of a second at most', () => {
    luck(0.5)
    const tries = newTries()
    tries.spent(1000)
    expect(tries.at() - performance.now()).toBe(50)
    tries.spent(60_000)
    expect(tries.at() - performance.now()).toBe(250)
  })

  test('are for more and more where others leave it, and for one where they do not', () => {
    luck(0.5)
    const tries = newTries()
    expect([tries.take(5, 20), tries.take(5, 20), tries.take(5, 20)]).toEqual([1, 2, 4])
    expect(tries.take(15, 20)).toBe(1)
    expect([tries.take(15, 3), tries.take(15, 1)]).toEqual([2, 1])
  })

  test('are left to others where they take more than there is', () => {
    luck(0.5)
    const tries = newTries()
    tries.take(0, 20)
    expect(tries.take(20, 10)).toBe(0)
    expect(tries.at()).toBe(Infinity)
    tries.ended(1, 0, 30, 1000)
    expect(tries.at()).toBe(0)
  })

  test('who had nothing of a window twice begins the next one late', () => {
    luck(0.5)
    const tries = newTries()
    // As long as one window only is known, it may be alone by the next.
    expect(tries.ended(0, 1, 100, 1000)).toBe(false)
    expect(tries.ended(0, 1, 100, 1000)).toBe(true)
    expect(tries.at() - performance.now()).toBe(200)
    expect(tries.ended(0, 0, 100, 1000)).toBe(true)
    vi.advanceTimersByTime(200)
    expect(tries.ended(0, 0, 100, 1000)).toBe(false)
    expect(tries.ended(1, 0, 100, 1000)).toBe(false)
  })

  test('where there is room for one, it stays away from more and more windows, thirty-two and a minute at most', () => {
    luck(0.999)
    const tries = newTries()
    const absences = Array.from({ length: 5 }, () => {
      tries.ended(0, 1, 1, 1000)
      return Math.floor((tries.at() - performance.now()) / 1000)
    })
    expect(absences).toEqual([3, 15, 31, 31, 31])
    tries.ended(0, 1, 1, 10_000)
    expect(Math.floor((tries.at() - performance.now()) / 10_000)).toBe(5)
  })
})
