import { describe, expect, test } from 'vitest'
import { newRounds, type Rounds } from '../src/rounds.ts'

const served = (count: number, active: number): Rounds => {
  const rounds = newRounds()
  for (let i = 0; i < count; i++) rounds.served(active)
  return rounds
}

describe('a refusal of one among four', () => {
  test.each([
    ['eight that were served among four', 8, 4, true],
    ['eight that were served among more', 8, 5, true],
    ['seven', 7, 4, false],
    ['any number that were served among fewer', 100, 3, false],
    ['none', 0, 4, false],
  ])('after %s', (_, count, active, expected) => {
    expect(served(count, active).refused(4)).toBe(expected)
  })

  test('only what was served since the last refusal counts', () => {
    const rounds = served(8, 4)
    rounds.refused(4)
    expect(rounds.refused(4)).toBe(false)
  })

  test('nor what is forgotten', () => {
    const rounds = served(8, 4)
    rounds.forget()
    expect(rounds.refused(4)).toBe(false)
  })
})
