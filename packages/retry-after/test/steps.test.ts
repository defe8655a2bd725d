import { expect, test } from 'vitest'
import { newSteps } from '../src/steps.ts'

const sample = (at: number, remaining: number, charged: number) => ({
  at,
  remaining,
  limit: 40,
  charged,
  early: 0,
  late: 0,
  weight: 1,
})
const start = () => newSteps(sample(0, 39, 1), 1000)

test('a window gives nothing until its reset, and all at it', () => {
  const steps = start()
  expect(steps.error(sample(100, 20, 20), 1000, 5)).toBe(0)
  expect(steps.flatMs()).toBe(100)
  expect(steps.error(sample(1100, 39, 21), 2000, 5)).toBe(0)
  expect(steps.confirmed()).toBe(true)
})

test('what comes back before is an error, and so is what does not come back at the reset', () => {
  const steps = start()
  expect(steps.error(sample(100, 25, 20), 1000, 5)).toBe(5)
  expect(steps.error(sample(1100, 9, 21), 2000, 5)).toBe(30)
  expect(steps.confirmed()).toBe(false)
})

test('an answer of about the time of the reset may be of either side', () => {
  expect(start().error(sample(998, 39, 21), 2000, 5)).toBe(0)
  expect(start().error(sample(1002, 20, 20), 2000, 5)).toBe(0)
})

test('less than we can have taken was taken by others: that is no error', () => {
  const steps = start()
  expect(steps.error(sample(100, 12, 20), 1000, 5)).toBe(0)
})

test('a reset that came sooner than was told is one, if it gave all', () => {
  const steps = start()
  steps.due(600)
  expect(steps.error(sample(610, 39, 2), 1600, 5)).toBe(0)
  expect(steps.confirmed()).toBe(true)
})
