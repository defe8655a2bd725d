import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newOutage } from '../src/outage.ts'

useFakeTime()

const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)

describe('failures', () => {
  it('are of one outage, since the first of them, until somebody is served', () => {
    const outage = newOutage()
    expect(outage.failing()).toBe(false)
    pass(1000)
    outage.failed()
    pass(9000)
    outage.failed()
    expect([outage.failing(), outage.since()]).toEqual([true, performance.now() - 9000])
    outage.served()
    expect(outage.failing()).toBe(false)
  })

  it('more than ten seconds apart are of two', () => {
    const outage = newOutage()
    outage.failed()
    pass(10_001)
    outage.failed()
    expect(outage.since()).toBe(performance.now())
  })

  it('are no outage that a later refusal belongs to after ten seconds', () => {
    const outage = newOutage()
    outage.failed()
    pass(10_000)
    outage.expire()
    expect(outage.failing()).toBe(true)
    pass(1)
    outage.expire()
    expect(outage.failing()).toBe(false)
  })

  it('prevail from half of the last answers on', () => {
    const outage = newOutage()
    const after = (times: number): boolean => {
      for (let i = 0; i < times; i++) outage.failed()
      return outage.prevails()
    }
    expect([after(3), after(1)]).toEqual([false, true])
    outage.served()
    expect(outage.prevails()).toBe(false)
  })
})

describe('retries of what failed', () => {
  it('are spread from the second on, over 1.25 times the outage, a fourth of that for each further one', () => {
    const outage = newOutage()
    outage.failed()
    pass(800)
    outage.failed()
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    expect([1, 2, 3, 4].map((retry) => outage.spreadMs(retry))).toEqual([0, 500, 125, 31.25])
    outage.served()
    expect(outage.spreadMs(2)).toBe(0)
  })
})
