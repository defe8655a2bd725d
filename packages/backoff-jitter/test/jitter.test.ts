import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { delays, type Jitter } from '../src/jitter.ts'

const draw = (value: number): void => {
  vi.spyOn(Math, 'random').mockReturnValue(value)
}

const first = (jitter: Jitter, count: number, { baseMs = 1000, maxMs = 30_000 } = {}): number[] =>
  Array.from({ length: count }, delays({ baseMs, maxMs, jitter })())

describe('the delays of a call', () => {
  test('none: they double up to the cap', () => {
    expect(first('none', 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  })

  test('additive: 0 to 30 % on top, at the cap as well', () => {
    draw(0)
    expect(first('additive', 6)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000])
    draw(0.5)
    expect(first('additive', 6)).toEqual([1150, 2300, 4600, 9200, 18_400, 34_500])
  })

  test('full: anything from 0 to the delay', () => {
    draw(0)
    expect(first('full', 3)).toEqual([0, 0, 0])
    draw(0.75)
    expect(first('full', 6)).toEqual([750, 1500, 3000, 6000, 12_000, 22_500])
  })

  test('equal: half of it fixed, half chance', () => {
    draw(0)
    expect(first('equal', 3)).toEqual([500, 1000, 2000])
    draw(0.5)
    expect(first('equal', 6)).toEqual([750, 1500, 3000, 6000, 12_000, 22_500])
  })

  test('decorrelated: from the base to three times the last one', () => {
    draw(0)
    expect(first('decorrelated', 3)).toEqual([1000, 1000, 1000])
    draw(0.5)
    expect(first('decorrelated', 4)).toEqual([2000, 3500, 5750, 9125])
    draw(0.999)
    expect(first('decorrelated', 5).at(-1)).toBe(30_000)
  })

  test('a function gets the delay and says what to use', () => {
    const seen: number[] = []
    const jitter = (delayMs: number): number => {
      seen.push(delayMs)
      return delayMs + 1
    }
    expect(first(jitter, 3)).toEqual([1001, 2001, 4001])
    expect(seen).toEqual([1000, 2000, 4000])
  })

  const nonsense: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ...[NaN, -1, Infinity, '5', undefined, null].map((value): [string, () => unknown] => [
      `returns ${typeof value === 'string' ? 'a string' : value}`,
      () => value,
    ]),
    ['returns a promise', async () => 5],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['hangs', () => new Promise(() => undefined)],
  ]
  test.each(nonsense)('a function that %s: the jitter is additive', (_, jitter) => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    draw(0.5)
    expect(first(jitter as Jitter & (() => number), 3)).toEqual([1150, 2300, 4600])
  })
})

test('every delay is a number from 0 to the cap, and at most 30 % on top of it, however many come', () => {
  const modes = fc.constantFrom('additive', 'full', 'equal', 'decorrelated', 'none')
  const times = fc.integer({ min: 0, max: 1e6 })
  fc.assert(
    fc.property(modes, times, times, fc.integer({ min: 1, max: 1200 }), (jitter, baseMs, maxMs, count) => {
      const top = jitter === 'additive' ? maxMs * 1.3 : maxMs
      const wrong = first(jitter, count, { baseMs, maxMs }).filter((delay) => !(delay >= 0 && delay <= top))
      expect(wrong).toEqual([])
    }),
    { seed: 3, numRuns: 300, examples: [['none', 0, 1000, 1100]] },
  )
})
