import { clock } from '@aplomb/pipeline'
import { describe, expect, test } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newRounds, type Rounds } from '../src/rounds.ts'

useFakeTime()

const served = (count: number, active: number): Rounds => {
  const rounds = newRounds()
  for (let i = 0; i < count; i++) rounds.served({ at: clock(), active })
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

  test('only what was served since the last refusals counts', () => {
    const rounds = served(8, 4)
    rounds.refused(4)
    rounds.served({ at: clock() + 1, active: 4 })
    expect(rounds.refused(4)).toBe(false)
  })

  test('one that was sent before another was refused has the same behind it', () => {
    const rounds = served(6, 4)
    expect(rounds.refused(4)).toBe(false)
    rounds.served({ at: clock() - 1, active: 4 })
    expect(rounds.refused(3)).toBe(true)
  })

  test('nor what is forgotten', () => {
    const rounds = served(8, 4)
    rounds.forget()
    expect(rounds.refused(4)).toBe(false)
  })
})
