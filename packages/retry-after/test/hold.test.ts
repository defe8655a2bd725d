import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newHold } from '../src/hold.ts'

useFakeTime()

describe('a hold', () => {
  test('there is none at first', () => {
    expect(newHold().left()).toBe(0)
  })

  test('lasts as long as told', () => {
    const hold = newHold()
    hold.extend(1000)
    expect(hold.left()).toBe(1000)
    vi.advanceTimersByTime(999)
    expect(hold.left()).toBe(1)
    vi.advanceTimersByTime(2)
    expect(hold.left()).toBe(0)
  })

  test('is only ever extended', () => {
    const hold = newHold()
    hold.extend(1000)
    hold.extend(300)
    expect(hold.left()).toBe(1000)
    vi.advanceTimersByTime(900)
    hold.extend(300)
    expect(hold.left()).toBe(300)
  })

  test('is only a time: it has no timer', () => {
    newHold().extend(1000)
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('it ends when the last of the waits ends that were asked for, whatever their order', () => {
  const waits = fc.array(fc.record({ ms: fc.nat(5000), passMs: fc.nat(3000) }), { maxLength: 20 })
  fc.assert(
    fc.property(waits, (events) => {
      const hold = newHold()
      let until = 0
      for (const { ms, passMs } of events) {
        hold.extend(ms)
        until = Math.max(until, performance.now() + ms)
        expect(hold.left()).toBe(until - performance.now())
        vi.advanceTimersByTime(passMs)
        expect(hold.left()).toBe(Math.max(0, until - performance.now()))
      }
    }),
    { seed: 5, numRuns: 100 },
  )
})
