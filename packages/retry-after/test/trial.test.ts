import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { newTrial, type Trial } from '../src/trial.ts'

/** A quarter of a second after one of the clock. */
const START = Date.UTC(2026, 0, 1) + 250

beforeEach(() => {
  vi.useFakeTimers({ now: START })
})

afterEach(() => {
  vi.useRealTimers()
})

/** Milliseconds from here to that second of the clock. */
const untilSecond = (second: number): number => second * 1000 - 250

/** Two answers of a window that began with us tell of a reset. */
const told = (trial: Trial, resetMs: number, began: number | undefined = 0): void => {
  trial.told(resetMs, began, true, 0)
  trial.told(resetMs, began, false, 0)
}

test.each([
  { second: 2, after: 1000 },
  { second: 3, after: 2000 },
  { second: 6, after: 5000 },
  { second: 11, after: 10_000 },
])('a reset at second $second: one goes after $after ms', ({ second, after }) => {
  const trial = newTrial()
  told(trial, untilSecond(second))
  expect(trial.waitMs(0)).toBe(after)
  expect(trial.waitMs(after + 5)).toBe(0)
  trial.sent(7, after + 5)
  expect(trial.waitMs(after + 6)).toBe(Infinity)
})

test.each([
  ['nobody chooses such a length', untilSecond(5), 0],
  ['a second is little of it', untilSecond(61), 0],
  ['it is told to the millisecond', 1333, 0],
  ['others began it', untilSecond(2), undefined],
])('none where %s', (_, resetMs, began) => {
  const trial = newTrial()
  trial.told(resetMs, began, true, 0)
  trial.told(resetMs, began, false, 0)
  expect(trial.waitMs(0)).toBe(Infinity)
})

test('one answer may be in whole seconds by chance', () => {
  const trial = newTrial()
  trial.told(2000, 0, true, 0)
  expect(trial.waitMs(0)).toBe(Infinity)
  trial.told(1990, 0, false, 10)
  expect(trial.waitMs(10)).toBe(Infinity)
})

test('where it is served, that is the length', () => {
  const trial = newTrial()
  told(trial, untilSecond(2))
  trial.sent(7, 1000)
  expect(trial.served(6, true)).toBe(false)
  expect(trial.served(7, true)).toBe(true)
  expect(trial.foundMs()).toBe(1000)
})

test.each([
  ['refused', (trial: Trial) => trial.refused(7)],
  ['served from what was left', (trial: Trial) => trial.served(7, false)],
])('where it is %s, there is no other', (_, end) => {
  const trial = newTrial()
  told(trial, untilSecond(2))
  trial.sent(7, 1000)
  end(trial)
  expect(trial.foundMs()).toBeUndefined()
  told(trial, untilSecond(2))
  expect(trial.waitMs(0)).toBe(Infinity)
})

test('what was sent before its time is no trial', () => {
  const trial = newTrial()
  told(trial, untilSecond(2))
  trial.sent(6, 900)
  expect(trial.waitMs(900)).toBe(100)
})

test('the next window has its own', () => {
  const trial = newTrial()
  told(trial, untilSecond(2))
  trial.told(untilSecond(5), 3000, true, 3000)
  trial.told(untilSecond(5), 3000, false, 3000)
  expect(trial.waitMs(3000)).toBe(Infinity)
})

test('nobody follows before its answer, for two round trips', () => {
  const trial = newTrial()
  told(trial, untilSecond(2))
  expect(trial.pendingMs(999, 50)).toBe(0)
  trial.sent(7, 1000)
  expect(trial.pendingMs(1040, 50)).toBe(60)
  expect(trial.pendingMs(1100, 50)).toBe(0)
  trial.served(7, true)
  expect(trial.pendingMs(1040, 50)).toBe(0)
})
