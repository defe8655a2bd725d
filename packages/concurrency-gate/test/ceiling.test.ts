import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { type Announcement, type Ceiling, newCeiling } from '../src/ceiling.ts'
import { verdict } from './support.ts'

useFakeTime()

/** An answer after `tookMs` to one of so many in flight, and what its headers say. */
const heed = (
  ceiling: Ceiling,
  concurrency: { readonly limit?: number; readonly active?: number; readonly remaining?: number },
  active = 1,
  tookMs = 0,
): Announcement | undefined => {
  const sent = { at: performance.now(), active, request: new Request('https://api.test/') }
  vi.advanceTimersByTime(tookMs)
  const { limit, active: used, remaining } = concurrency
  const limits = { windows: [], concurrency: { limit, active: used, remaining, source: 'test' } }
  return ceiling.heed(verdict('ok', { limits }), sent, active)
}

describe('a ceiling that is announced', () => {
  it('is what others leave of it, one at least', () => {
    const ceiling = newCeiling(undefined)
    expect(heed(ceiling, { limit: 10, active: 6 }, 2)).toMatchObject({ slots: 10, others: 4, share: 6, first: true })
    expect([ceiling.most(), ceiling.slots(), ceiling.announced()]).toEqual([6, 10, true])
    expect(heed(ceiling, { limit: 10, active: 30 }, 2)).toMatchObject({ share: 1, before: 6, first: false })
  })

  it('is the sum of what is used and what is left, where only those are named', () => {
    expect(heed(newCeiling(undefined), { active: 2, remaining: 3 }, 2)).toMatchObject({ slots: 5, share: 5 })
    expect(heed(newCeiling(undefined), { remaining: 3 })).toBeUndefined()
    expect(heed(newCeiling(undefined), { limit: 0 })).toBeUndefined()
  })

  it('is news only when it changes', () => {
    const ceiling = newCeiling(undefined)
    expect([10, 10, 9].map((limit) => heed(ceiling, { limit })?.news)).toEqual([true, false, true])
  })

  it('is never above the one of the user', () => {
    const ceiling = newCeiling(4)
    heed(ceiling, { limit: 10 })
    expect([ceiling.most(), ceiling.allows(3, 0), ceiling.allows(4, 0)]).toEqual([4, true, false])
  })

  it('outlasts what refusals teach', () => {
    const ceiling = newCeiling(undefined)
    heed(ceiling, { limit: 10 })
    ceiling.learn(3)
    ceiling.forget()
    expect([ceiling.most(), ceiling.learned()]).toEqual([10, false])
  })

  it('tells whether there is room to double: for all of ours, or any where nobody else is', () => {
    const ceiling = newCeiling(undefined)
    const room = (active: number, limit: number) => {
      heed(ceiling, { limit: 10, active }, 2)
      return ceiling.roomToDouble(limit)
    }
    expect([room(2, 9), room(6, 4), room(7, 4), room(10, 1)]).toEqual([true, true, false, false])
    heed(ceiling, { limit: 10 })
    expect(ceiling.roomToDouble(4)).toBeUndefined()
  })

  it('lets others have a slot for a twentieth of the answer, half a second at most, where they keep it full', () => {
    const yielded = (active: number, tookMs: number): number => {
      const ceiling = newCeiling(undefined)
      heed(ceiling, { limit: 10, active }, 2, tookMs)
      return Math.max(0, ceiling.yieldMs())
    }
    expect([yielded(10, 1000), yielded(10, 60_000), yielded(9, 1000)]).toEqual([50, 500, 0])
  })

  it('counts no open streams where nothing else is in flight', () => {
    const ceiling = newCeiling(undefined)
    heed(ceiling, { limit: 2 })
    expect([ceiling.allows(2, 2), ceiling.allows(2, 1)]).toEqual([true, false])
  })
})

describe('a ceiling that is learned', () => {
  it('is raised, and forgotten', () => {
    const ceiling = newCeiling(undefined)
    expect([ceiling.most(), ceiling.learned()]).toEqual([Infinity, false])
    ceiling.learn(5)
    expect([ceiling.learned(), ceiling.raise(2), ceiling.most()]).toEqual([true, 7, 7])
    ceiling.forget()
    expect([ceiling.most(), ceiling.learned()]).toEqual([Infinity, false])
  })

  it('is back at the one of the user when it is forgotten, and no more raised there', () => {
    const ceiling = newCeiling(6)
    ceiling.learn(5)
    ceiling.raise(1)
    expect(ceiling.learned()).toBe(false)
    ceiling.learn(2)
    ceiling.forget()
    expect(ceiling.most()).toBe(6)
  })
})
