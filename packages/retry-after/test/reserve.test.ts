import { expect, test } from 'vitest'
import { newReserve } from '../src/reserve.ts'

test('a refusal keeps a step more free, up to a quarter of the limit; twenty answers give it back', () => {
  const reserve = newReserve()
  expect(reserve.units()).toBe(0)
  reserve.learn(false, 2, 100)
  expect(reserve.units()).toBe(2)
  for (let i = 0; i < 10; i++) reserve.learn(true, 2, 100)
  expect(reserve.units()).toBeCloseTo(1)
  for (let i = 0; i < 30; i++) reserve.learn(true, 2, 100)
  expect(reserve.units()).toBe(0)
  for (let i = 0; i < 30; i++) reserve.learn(false, 2, 100)
  expect(reserve.units()).toBe(25)
})
