import { expect, test } from 'vitest'
import { newDoubt } from '../src/doubt.ts'

test('one asks so much later than one of the shapes allows', () => {
  const doubt = newDoubt()
  expect(doubt.askMs(100, 20, 0)).toBe(120)
  expect(doubt.askMs(0, 20, 100)).toBe(20)
  expect(doubt.askMs(0, 20, 115)).toBe(5)
  expect(doubt.askMs(0, 20, 200)).toBe(0)
})

test('what comes after one has gone is a doubt of its own', () => {
  const doubt = newDoubt()
  doubt.askMs(0, 20, 0)
  doubt.over()
  expect(doubt.askMs(0, 20, 50)).toBe(20)
})
