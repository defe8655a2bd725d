import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { type Breaker, newBreaker } from '../src/breaker.ts'

useFakeTime()

const now = (): number => performance.now()
const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)
const request = (path: string, method = 'GET'): Request => new Request(`https://api.test/${path}`, { method })

type Opened = ReturnType<Breaker['failed']>

const fail = (breaker: Breaker, path: string, times = 1): Opened[] =>
  Array.from({ length: times }, () => breaker.failed(request(path), now()))

const serve = (breaker: Breaker, path: string): boolean => breaker.served(request(path), now())

const laneOf = (breaker: Breaker, path: string): string | undefined => breaker.laneOf(request(path))

/** Milliseconds until a probe of this endpoint may be sent; 0 if none is needed. */
const waitMs = (breaker: Breaker, path: string): number => {
  const lane = laneOf(breaker, path)
  return lane === undefined ? 0 : breaker.waitMs(lane)
}

const probe = (breaker: Breaker, path: string): Request => {
  const one = request(path)
  breaker.probe(laneOf(breaker, path)!, one)
  return one
}

/** Waits for its turn, and fails again. Returns how long that was. */
const probeAndFail = (breaker: Breaker, path: string): number => {
  const ms = waitMs(breaker, path)
  pass(Math.ceil(ms))
  breaker.failed(probe(breaker, path), now())
  return ms
}

/** With pauses that are not left to chance. */
const evenly = (breaker: Breaker): Breaker => {
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  return breaker
}

const down = (path = 'down'): Breaker => {
  const breaker = evenly(newBreaker())
  fail(breaker, path, 5)
  return breaker
}

describe('five failures in a row of an endpoint', () => {
  it('open it, for that endpoint alone', () => {
    const breaker = newBreaker()
    expect(fail(breaker, 'down', 5)).toEqual([undefined, undefined, undefined, undefined, 'endpoint'])
    expect(laneOf(breaker, 'down')).toBeDefined()
    expect(laneOf(breaker, 'well')).toBeUndefined()
  })

  it('ids make no endpoint of its own, a method does', () => {
    const breaker = newBreaker()
    for (let i = 0; i < 5; i++) breaker.failed(request(`users/${1000 + i}`), now())
    expect(laneOf(breaker, 'users/7')).toBeDefined()
    expect(breaker.laneOf(request('users/7', 'DELETE'))).toBeUndefined()
  })

  it('not four, however often, with a success in between', () => {
    const breaker = newBreaker()
    for (let i = 0; i < 10; i++) {
      fail(breaker, 'down', 4)
      serve(breaker, 'down')
    }
    expect(laneOf(breaker, 'down')).toBeUndefined()
  })

  it('the successes of others are none of its own', () => {
    const breaker = newBreaker()
    fail(breaker, 'down', 4)
    serve(breaker, 'well')
    expect(fail(breaker, 'down')).toEqual(['endpoint'])
  })

  it('failures more than ten seconds apart are not of one outage', () => {
    const breaker = newBreaker()
    for (let i = 0; i < 20; i++) {
      fail(breaker, 'down')
      pass(10_001)
    }
    expect(laneOf(breaker, 'down')).toBeUndefined()
    for (let i = 0; i < 5; i++) {
      fail(breaker, 'down')
      pass(10_000)
    }
    expect(laneOf(breaker, 'down')).toBeDefined()
  })
})

describe('while it is open', () => {
  it('one probe at a time is sent', () => {
    const breaker = down()
    expect(waitMs(breaker, 'down')).toBe(100)
    pass(100)
    expect(waitMs(breaker, 'down')).toBe(0)
    probe(breaker, 'down')
    expect(waitMs(breaker, 'down')).toBeGreaterThan(0)
  })

  it('a probe without an answer does not keep the next one for more than ten seconds', () => {
    const breaker = down()
    pass(100)
    probe(breaker, 'down')
    expect(waitMs(breaker, 'down')).toBe(10_000)
    pass(10_000)
    expect(waitMs(breaker, 'down')).toBe(0)
  })

  it('nor does one that came to nothing', () => {
    const breaker = down()
    pass(100)
    breaker.ended(probe(breaker, 'down'))
    expect(waitMs(breaker, 'down')).toBe(0)
  })

  it('after 100 ms and then 15 % of the time that it was down, 4 s at most, give or take a quarter', () => {
    const draw = vi.spyOn(Math, 'random')
    const pauses = (chance: number): number[] => {
      const breaker = down()
      draw.mockReturnValue(chance)
      breaker.failed(request('down'), now())
      return Array.from({ length: 40 }, () => Math.round(probeAndFail(breaker, 'down')))
    }
    const even = pauses(0.5)
    expect(even.slice(0, 9)).toEqual([100, 100, 100, 100, 100, 100, 100, 105, 121])
    expect(even.at(-1)).toBe(4000)
    expect(pauses(0).at(0)).toBe(75)
    expect(pauses(1).at(0)).toBe(125)
    expect(pauses(1).at(-1)).toBe(5000)
  })

  it('the first success ends it', () => {
    const breaker = down()
    pass(100)
    expect(breaker.served(probe(breaker, 'down'), now())).toBe(true)
    expect(laneOf(breaker, 'down')).toBeUndefined()
  })

  it('the next outage begins with a short pause again', () => {
    const breaker = down()
    for (let i = 0; i < 20; i++) probeAndFail(breaker, 'down')
    expect(waitMs(breaker, 'down')).toBeGreaterThan(500)
    pass(4000)
    breaker.served(probe(breaker, 'down'), now())
    fail(breaker, 'down', 5)
    expect(waitMs(breaker, 'down')).toBe(100)
  })

  it.each(['served', 'failed'] as const)('what was sent before the pause, and %s, does not change it', (end) => {
    const breaker = evenly(newBreaker())
    const early = now()
    pass(10)
    fail(breaker, 'down', 5)
    pass(10)
    breaker[end](request('down'), early)
    expect(waitMs(breaker, 'down')).toBe(90)
  })

  it('tells whether others are served meanwhile', () => {
    const breaker = down()
    expect(breaker.othersServed()).toBe(false)
    serve(breaker, 'well')
    expect(breaker.othersServed()).toBe(true)
    expect(laneOf(breaker, 'down')).toBeDefined()
    serve(breaker, 'down')
    expect(breaker.othersServed()).toBe(false)
  })

  it('a server that answers, if only with refusals, is not down', () => {
    const breaker = down()
    breaker.close()
    expect(laneOf(breaker, 'down')).toBeUndefined()
  })
})

describe('five failures in a row of the key, from several endpoints, with no success of anyone', () => {
  const keyDown = (): Breaker => {
    const breaker = evenly(newBreaker())
    expect(fail(breaker, 'a', 3)).toEqual([undefined, undefined, undefined])
    expect(fail(breaker, 'b', 2)).toEqual([undefined, 'key'])
    return breaker
  }

  it('open it for the key: those that failed wait for one probe together', () => {
    const breaker = keyDown()
    expect(laneOf(breaker, 'a')).toBeDefined()
    expect(laneOf(breaker, 'b')).toBe(laneOf(breaker, 'a'))
    expect(waitMs(breaker, 'a')).toBe(100)
  })

  it('not with a success in between', () => {
    const breaker = newBreaker()
    fail(breaker, 'a', 4)
    serve(breaker, 'c')
    fail(breaker, 'b', 4)
    expect(laneOf(breaker, 'a')).toBeUndefined()
    expect(laneOf(breaker, 'b')).toBeUndefined()
  })

  it('an endpoint that has not failed sends one trial at once', () => {
    const breaker = keyDown()
    expect(waitMs(breaker, 'c')).toBe(0)
    expect(waitMs(breaker, 'd')).toBe(0)
    probe(breaker, 'c')
    expect(waitMs(breaker, 'd')).toBeGreaterThan(0)
    expect(waitMs(breaker, 'a')).toBeGreaterThan(0)
  })

  it('as long as that trial has no answer, nobody else sends one', () => {
    const breaker = keyDown()
    probe(breaker, 'c')
    pass(100)
    for (const path of ['a', 'b', 'd']) expect(waitMs(breaker, path)).toBe(9900)
  })

  it.each(['a', 'c'])('a probe of /%s that came to nothing makes way for the next', (path) => {
    const breaker = keyDown()
    pass(100)
    breaker.ended(probe(breaker, path))
    for (const other of ['a', 'b', 'd']) expect(waitMs(breaker, other)).toBe(0)
  })

  it('failed, too, it is one of those; the next one waits for its turn', () => {
    const breaker = keyDown()
    pass(10)
    breaker.failed(probe(breaker, 'c'), now())
    expect(laneOf(breaker, 'c')).toBe(laneOf(breaker, 'a'))
    expect(waitMs(breaker, 'd')).toBe(100)
  })

  it('served, it ends the outage of the key', () => {
    const breaker = keyDown()
    expect(breaker.served(probe(breaker, 'c'), now())).toBe(true)
    for (const path of ['a', 'b', 'c', 'd']) expect(laneOf(breaker, path)).toBeUndefined()
  })

  it('but not that of an endpoint which has failed five times itself', () => {
    const breaker = keyDown()
    fail(breaker, 'a', 2)
    serve(breaker, 'c')
    expect(laneOf(breaker, 'a')).toBeDefined()
    expect(laneOf(breaker, 'b')).toBeUndefined()
  })

  it('what was sent before does not end it', () => {
    const breaker = newBreaker()
    const early = now()
    pass(10)
    fail(breaker, 'a', 3)
    fail(breaker, 'b', 2)
    expect(breaker.served(request('c'), early)).toBe(false)
    expect(laneOf(breaker, 'a')).toBeDefined()
  })
})
