import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { type Chance, newChance } from '../src/chance.ts'
import type { Sent } from '../src/sent.ts'

useFakeTime()

const REQUEST = new Request('https://api.test/')
const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)

/** One goes out among so many in flight, with what is known of refusals: whether they are a window's, and not for too many in flight. */
const send = (chance: Chance, active = 4, window = false, notInFlight = window): Sent => {
  const one = { at: performance.now(), active, request: REQUEST }
  chance.sent(one, window, notInFlight)
  return one
}

const serve = (chance: Chance, one = send(chance)): void => {
  chance.served(one)
  chance.ended(one)
}

const refuse = (chance: Chance, one = send(chance)): boolean => {
  const believed = chance.believed()
  chance.refused(one)
  chance.ended(one)
  return believed && !chance.believed()
}

/** A refusal, and the first request after it is served. */
const testServed = (chance: Chance): void => {
  refuse(chance)
  serve(chance)
}

/** A refusal, and so are so many requests after it, each a test of the one before. */
const testsRefused = (chance: Chance, times: number): void => {
  for (let i = 0; i <= times; i++) refuse(chance)
}

/** So many tests that were served. */
const leaning = (times: number): Chance => {
  const chance = newChance()
  for (let i = 0; i < times; i++) testServed(chance)
  return chance
}

describe('the first request sent after a refusal is a test', () => {
  it('served, it speaks for chance; three times, and that is likely', () => {
    expect([0, 1, 2, 3].map((times) => leaning(times).leaning())).toEqual([false, true, true, true])
    expect([0, 1, 2, 3].map((times) => leaning(times).likely())).toEqual([false, false, false, true])
  })

  it('refused, it speaks against it', () => {
    const after = (refused: number): boolean => {
      const chance = leaning(1)
      testsRefused(chance, refused)
      return chance.leaning()
    }
    expect([0, 1, 2, 3].map(after)).toEqual([true, true, true, false])
  })

  it('what comes after it is none', () => {
    const chance = newChance()
    refuse(chance)
    const [first] = [send(chance), serve(chance), serve(chance)]
    expect(chance.leaning()).toBe(false)
    serve(chance, first)
    expect(chance.leaning()).toBe(true)
  })

  it('among fewer than the refused one it is none: a server that takes only so many at once would serve it', () => {
    const chance = newChance()
    refuse(chance, send(chance, 4))
    serve(chance, send(chance, 3))
    expect(chance.leaning()).toBe(false)
    refuse(chance, send(chance, 4))
    serve(chance, send(chance, 3, true))
    expect(chance.leaning()).toBe(true)
  })

  it('one is asked for where a refusal is thought to be for too many in flight: among as many, once for those sent together', () => {
    const chance = newChance()
    const [one, other] = [send(chance, 4), send(chance, 5)]
    pass(1)
    chance.refused(one)
    expect([chance.asks(one, 5), chance.testAmong()]).toEqual([true, 5])
    chance.refused(other)
    expect(chance.asks(other, 4)).toBe(false)
    send(chance, 5)
    expect(chance.testAmong()).toBe(0)
  })

  it('where it may have been either, one among fewer that is served speaks only against a window', () => {
    const after = (times: number): readonly boolean[] => {
      const chance = newChance()
      for (let i = 0; i < times; i++) {
        refuse(chance, send(chance, 4, true, false))
        serve(chance, send(chance, 3, true, false))
      }
      return [chance.leaning(), chance.noWindow()]
    }
    expect([2, 3].map(after)).toEqual([
      [false, false],
      [false, true],
    ])
  })

  it.each([
    ['20 ms, where answers are faster than that', 1, 20, 21],
    ['what answers take', 100, 100, 101],
    ['250 ms, where they are slower than that', 5000, 250, 251],
  ])('within about a round trip, which is %s', (_, tookMs, within, beyond) => {
    const after = (ms: number): boolean => {
      const chance = newChance()
      const first = send(chance)
      pass(tookMs)
      serve(chance, first)
      refuse(chance)
      pass(ms)
      serve(chance)
      return chance.leaning()
    }
    expect(after(within)).toBe(true)
    expect(after(beyond)).toBe(false)
  })

  it('within ten seconds of a failure it is none: others come back to that server, too', () => {
    const chance = newChance()
    chance.outage()
    pass(9999)
    testServed(chance)
    expect(chance.leaning()).toBe(false)
    expect(chance.wantsTest()).toBe(false)
    pass(1)
    testServed(chance)
    expect(chance.leaning()).toBe(true)
  })
})

describe('whether one should go at once, to be a test', () => {
  it('always, until three were refused; from then on every other time', () => {
    const chance = newChance()
    testsRefused(chance, 2)
    expect(chance.possible()).toBe(true)
    expect(Array.from({ length: 4 }, () => chance.wantsTest())).toEqual([true, true, true, true])
    refuse(chance)
    expect(chance.possible()).toBe(false)
    expect(Array.from({ length: 4 }, () => chance.wantsTest())).toEqual([false, true, false, true])
  })
})

describe('a refusal that changes nothing', () => {
  it('is the only one since a success', () => {
    const chance = newChance()
    refuse(chance)
    expect(chance.negligible()).toBe(true)
    refuse(chance)
    expect(chance.negligible()).toBe(false)
    // No test: it was sent among fewer.
    serve(chance, send(chance, 1))
    refuse(chance)
    expect(chance.negligible()).toBe(true)
  })

  it('not where tests have spoken against chance', () => {
    const chance = newChance()
    testsRefused(chance, 3)
    serve(chance, send(chance, 1))
    refuse(chance)
    expect(chance.negligible()).toBe(false)
  })

  it('or any, where they have spoken for it', () => {
    const chance = leaning(1)
    pass(300)
    refuse(chance)
    pass(300)
    refuse(chance)
    expect(chance.negligible()).toBe(true)
  })

  it.each([
    ['or one whose test is under way, where refusals take as long as answers', 100, true],
    ['not where they are quick', 10, false],
  ])('%s', (_, refusalMs, negligible) => {
    const chance = newChance()
    const first = send(chance)
    pass(100)
    serve(chance, first)
    const [one, other] = [send(chance), send(chance)]
    pass(refusalMs)
    refuse(chance, one)
    send(chance)
    refuse(chance, other)
    expect(chance.negligible()).toBe(negligible)
  })
})

describe('once it is believed', () => {
  const believed = (): Chance => {
    const chance = leaning(3)
    chance.believe()
    return chance
  }
  const refusals = (chance: Chance, count: number): boolean[] =>
    Array.from({ length: count }, () => {
      pass(1)
      return refuse(chance)
    })

  it('eight refusals in a row refute it', () => {
    const chance = believed()
    expect(refusals(chance, 8)).toEqual([...Array.from({ length: 7 }, () => false), true])
    expect(chance.believed()).toBe(false)
    expect(chance.leaning()).toBe(false)
  })

  it('not with a success in between', () => {
    const chance = believed()
    refusals(chance, 7)
    serve(chance)
    refusals(chance, 1)
    expect(chance.believed()).toBe(true)
  })

  /** So many refusals, then so many successes, again and again. */
  const rounds = (chance: Chance, refused: number, served: number): void => {
    for (let i = 0; i < 100; i++) {
      refusals(chance, refused)
      for (let j = 0; j < served; j++) serve(chance)
    }
  }

  it('two of five that are refused do not refute it, three of four do: chance refuses as many at any rate', () => {
    const chance = believed()
    rounds(chance, 2, 3)
    expect(chance.believed()).toBe(true)
    rounds(chance, 3, 1)
    expect(chance.believed()).toBe(false)
  })

  it('three of five do not, where as many were refused before', () => {
    const chance = leaning(3)
    rounds(chance, 3, 2)
    chance.believe()
    rounds(chance, 3, 2)
    expect(chance.believed()).toBe(true)
  })

  it('nor before those that were sent with them have had the time to be served', () => {
    const chance = newChance()
    const first = send(chance)
    pass(1000)
    serve(chance, first)
    for (let i = 0; i < 3; i++) testServed(chance)
    chance.believe()
    for (let i = 0; i < 100; i++) refuse(chance)
    expect(chance.believed()).toBe(true)
    pass(2000)
    expect(refuse(chance)).toBe(true)
  })

  it('the next time more evidence is asked for', () => {
    const chance = believed()
    refusals(chance, 8)
    pass(1000)
    const tests = Array.from({ length: 6 }, () => {
      testServed(chance)
      return chance.likely()
    })
    expect(tests).toEqual([false, false, false, false, false, true])
  })

  it('by a server that refuses seven of eight, although the first one after a refusal is served: a slot has come free', () => {
    const chance = believed()
    for (let i = 0; i < 20; i++) {
      refusals(chance, 7)
      serve(chance)
    }
    expect(chance.believed()).toBe(false)
    expect(chance.leaning()).toBe(false)
  })
})
