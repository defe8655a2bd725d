import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { type Aimd, newAimd } from '../src/aimd.ts'
import { newCeiling } from '../src/ceiling.ts'
import { newDelayGuard } from '../src/delay-guard.ts'
import type { Sent } from '../src/sent.ts'

useFakeTime()

const setup = ({ fixed, mayRamp = false }: { readonly fixed?: number; readonly mayRamp?: boolean } = {}) => {
  const ceiling = newCeiling(fixed)
  return { ceiling, aimd: newAimd(ceiling, newDelayGuard(fixed ?? 4), () => mayRamp) }
}

const sent = (active = 4): Sent => ({ at: performance.now(), active, request: new Request('https://api.test/') })

/** Good answers, with as many in flight as the limit allows. */
const serve = (aimd: Aimd, times = 1): void => {
  for (let i = 0; i < times; i++) {
    const active = Math.floor(aimd.limit())
    aimd.served(sent(active), active)
    aimd.increase(active)
  }
}

const pass = (ms = 1): unknown => vi.advanceTimersByTime(ms)

describe('growth', () => {
  it('is one for each answer in slow start, and only where the limit is made use of', () => {
    const { aimd } = setup()
    serve(aimd, 4)
    expect(aimd.limit()).toBe(8)
    aimd.served(sent(3), 3)
    aimd.increase(3)
    expect(aimd.limit()).toBe(8)
  })

  it('is one for each round above the slow start threshold', () => {
    const { aimd, ceiling } = setup()
    aimd.refusedInFlight(sent(), 3)
    ceiling.forget()
    serve(aimd)
    expect(aimd.limit()).toBe(2.5)
  })

  it('is up to four times slower where refusals follow each other', () => {
    const step = (refusals: number): number => {
      const { aimd, ceiling } = setup()
      for (let i = 0; i < refusals; i++) {
        pass()
        aimd.refusedInFlight(sent(), 3)
      }
      ceiling.forget()
      serve(aimd)
      return aimd.limit() - 2
    }
    expect([1, 2, 3].map(step)).toEqual([1 / 4, 1 / 8, 1 / 8])
  })

  /** Good answers until more than this ceiling is tried. */
  const answersUntilTry = (aimd: Aimd, most: number): number => {
    let count = 0
    for (; aimd.limit() <= most; count++) serve(aimd)
    return count
  }

  it('tries one more than a learned ceiling after a good answer for each slot, and twice as many after each try that was refused', () => {
    const { aimd } = setup()
    pass()
    aimd.refusedInFlight(sent(), 3)
    const counts = Array.from({ length: 7 }, () => {
      const count = answersUntilTry(aimd, 2)
      pass()
      aimd.refusedInFlight(sent(), 3)
      return count
    })
    expect(counts).toEqual([3, 5, 9, 17, 33, 65, 65])
  })

  it('goes on at once after a try that was not, by twice as many, half as many again at most', () => {
    const { aimd } = setup()
    pass()
    aimd.refusedInFlight(sent(), 3)
    const limits = Array.from({ length: 6 }, () => {
      answersUntilTry(aimd, aimd.limit())
      return aimd.limit()
    })
    expect(limits).toEqual([3, 5, 8, 12, 18, 27])
  })

  it('tries sooner again after each try that was not refused', () => {
    const after = (raises: number): number => {
      const { aimd } = setup()
      for (let refusals = 0; refusals < 5; refusals++) {
        pass()
        aimd.refusedInFlight(sent(), 3)
        if (refusals < 4) answersUntilTry(aimd, 2)
      }
      for (let i = 0; i < raises; i++) answersUntilTry(aimd, aimd.limit())
      pass()
      aimd.refusedInFlight(sent(), 3)
      return answersUntilTry(aimd, 2)
    }
    // Sixteen good answers for each slot, half as many after each, and twice as many for the refusal.
    expect([1, 2, 3, 4].map(after)).toEqual([65, 33, 17, 9])
  })

  it('tries no more than a learned ceiling that is not in full use', () => {
    const { aimd } = setup()
    pass()
    aimd.refusedInFlight(sent(), 5)
    for (let i = 0; i < 100; i++) {
      aimd.served(sent(3), 3)
      aimd.increase(3)
    }
    expect(aimd.limit()).toBe(4)
  })

  it('looks for one that has moved at once', () => {
    const { aimd } = setup()
    for (let i = 0; i < 4; i++) {
      pass()
      aimd.refusedInFlight(sent(), 5)
      if (i < 3) answersUntilTry(aimd, 4)
    }
    pass()
    aimd.refusedInFlight(sent(), 3)
    expect(answersUntilTry(aimd, 2)).toBe(3)
  })

  it('goes by the clock where answers are slow, if nothing speaks against it', () => {
    const [clocked, not] = [setup({ mayRamp: true }), setup()]
    pass(140)
    expect([clocked.aimd.current(), not.aimd.current()]).toEqual([8, 4])
    expect(clocked.aimd.limit()).toBe(4)
    clocked.ceiling.learn(4)
    expect(clocked.aimd.current()).toBe(4)
  })

  it('on the clock, begins anew after a rest', () => {
    const { aimd } = setup({ mayRamp: true })
    serve(aimd, 8)
    aimd.rest()
    aimd.sent(1, true)
    expect([aimd.limit(), aimd.roomInMs(7)]).toEqual([4, 140])
  })
})

describe('decrease', () => {
  it('to what was in flight without the refused one, which is the ceiling', () => {
    const { aimd, ceiling } = setup()
    aimd.refusedInFlight(sent(), 3)
    expect([aimd.limit(), ceiling.most()]).toEqual([2, 2])
  })

  it('by half for overload, which is undone where it was one endpoint that failed', () => {
    const after = (whole: boolean): number => {
      const { aimd } = setup()
      serve(aimd, 4)
      aimd.overloaded()
      expect(aimd.limit()).toBe(4)
      aimd.breakerOpened(whole)
      return aimd.limit()
    }
    expect([false, true].map(after)).toEqual([8, 4])
  })

  it('by half from the second timed refusal on, down to eight, once for what was sent before', () => {
    const { aimd } = setup({ fixed: 20 })
    const timed = (): boolean => {
      pass()
      const one = sent()
      pass()
      return aimd.refusedUntil(one)
    }
    expect([timed(), timed(), aimd.limit()]).toEqual([false, true, 10])
    expect([aimd.refusedUntil({ ...sent(), at: 0 }), aimd.limit()]).toEqual([false, 10])
    expect([timed(), timed(), aimd.limit()]).toEqual([true, false, 8])
  })

  it('never above the ceiling of a server that names it', () => {
    const { aimd } = setup()
    aimd.follow({ slots: 2, others: 0, share: 2, before: Infinity, first: true, news: true })
    expect(aimd.limit()).toBe(2)
  })
})

describe('after a pause', () => {
  it('of a window whose quota is known, the limit is what it was, and no more than that', () => {
    const { aimd } = setup()
    serve(aimd, 4)
    aimd.suspend(3, true)
    expect(aimd.limit()).toBe(2)
    aimd.resume(20)
    expect(aimd.limit()).toBe(8)
    aimd.resume(5)
    expect(aimd.limit()).toBe(5)
  })

  it('of a window whose quota is not, as many as were served, then one at a time', () => {
    const { aimd } = setup()
    serve(aimd, 4)
    aimd.resume(Infinity)
    expect(aimd.limit()).toBe(3)
    for (let i = 0; i < 3; i++) aimd.sent(1, false)
    expect(aimd.limit()).toBe(1)
  })

  it('of none, half of what it was', () => {
    const { aimd } = setup()
    serve(aimd, 8)
    aimd.pauseBegins()
    aimd.resume(undefined)
    expect(aimd.limit()).toBe(6)
  })

  it('that an outage began, the initial limit at most', () => {
    const { aimd } = setup()
    serve(aimd, 4)
    aimd.pauseBegins()
    aimd.restore(false)
    expect(aimd.limit()).toBe(8)
    aimd.restore(true)
    expect(aimd.limit()).toBe(4)
  })
})
