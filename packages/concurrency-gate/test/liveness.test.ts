import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newLiveness } from '../src/liveness.ts'

useFakeTime()

const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)
const request = (): Request => new Request('https://api.test/')

describe('a key', () => {
  it('is serving for ten seconds after a success', () => {
    const liveness = newLiveness()
    expect(liveness.serving()).toBe(false)
    liveness.served()
    pass(9999)
    expect(liveness.serving()).toBe(true)
    pass(1)
    expect(liveness.serving()).toBe(false)
  })

  it('keeps nobody for more than ten seconds after the last request', () => {
    const liveness = newLiveness()
    expect(liveness.floorMs()).toBe(0)
    liveness.sent()
    pass(4000)
    expect(liveness.floorMs()).toBe(6000)
    pass(6000)
    expect(liveness.floorMs()).toBe(0)
  })

  it('knows whether different calls were refused since the last success', () => {
    const liveness = newLiveness()
    const [one, other] = [request(), request()]
    const refused = (of: Request): boolean => {
      liveness.refused(of)
      return liveness.severalRefused()
    }
    expect([refused(one), refused(one), refused(other), refused(other)]).toEqual([false, false, true, true])
    liveness.served()
    expect(refused(one)).toBe(false)
  })
})
