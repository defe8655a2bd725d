import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newRamp } from '../src/ramp.ts'

useFakeTime()

const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)

describe('slow start by time', () => {
  it('begins after 100 ms, and doubles in 40, never more at one moment', () => {
    const ramp = newRamp()
    const factors = [0, 100, 20, 20, 1000].map((ms) => {
      pass(ms)
      return ramp.factor()
    })
    expect(factors).toEqual([1, 1, Math.SQRT2, 2, 2])
  })

  it('goes on from what the limit has taken over', () => {
    const ramp = newRamp()
    pass(140)
    expect(ramp.consume(2)).toBe(true)
    expect(ramp.factor()).toBe(1)
    pass(40)
    expect(ramp.factor()).toBe(2)
  })

  it('has nothing to be taken over before it begins, or once it has ended', () => {
    const ramp = newRamp()
    pass(100)
    expect(ramp.consume(2)).toBe(false)
    pass(1)
    expect(ramp.consume(2)).toBe(true)
    ramp.end()
    pass(1000)
    expect([ramp.consume(2), ramp.started(), ramp.factor(), ramp.reachesMs(2)]).toEqual([false, false, 1, Infinity])
  })

  it('what was not made use of is lost', () => {
    const ramp = newRamp()
    pass(140)
    ramp.hold()
    expect([ramp.factor(), ramp.reachesMs(2)]).toEqual([1, 40])
  })

  it('leaves growth to the answers for another 100 ms, unless it has ended', () => {
    const ramp = newRamp()
    pass(140)
    ramp.delay()
    expect([ramp.started(), ramp.reachesMs(1)]).toEqual([false, 100])
    ramp.end()
    ramp.delay()
    ramp.hold()
    expect(ramp.startsAt()).toBeUndefined()
  })

  it('goes on as if it had not ended', () => {
    const ramp = newRamp()
    const startsAt = ramp.startsAt()
    ramp.end()
    pass(140)
    ramp.resume(startsAt)
    expect(ramp.factor()).toBe(2)
  })
})
