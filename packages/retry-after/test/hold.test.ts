import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { abortAfter, CLEAN, outcomes, useFakeTime, watch } from '../../aplomb/test/support/time.ts'
import { newHold } from '../src/hold.ts'

useFakeTime()

const { signal } = new AbortController()

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

  test('one who gives up waiting leaves neither timer nor listener', async () => {
    const hold = newHold()
    hold.extend(1000)
    expect(await abortAfter(500, (own) => hold.pass(own))).toEqual(CLEAN)
  })

  test('waiters wake after the end, spread over up to a tenth of it', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const hold = newHold()
    hold.extend(1000)
    const woken: number[] = []
    const wait = async (): Promise<void> => {
      await hold.pass(signal)
      woken.push(performance.now())
    }
    const began = performance.now()
    await outcomes(Array.from({ length: 50 }, wait))
    const late = woken.map((at) => at - began - 1000)
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...late)).toBeLessThanOrEqual(100)
    expect(new Set(late).size).toBeGreaterThan(4)
  })

  test('a hold that was extended is one: its waiters spread over a tenth of the whole', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const hold = newHold()
    const began = performance.now()
    hold.extend(1000)
    vi.advanceTimersByTime(900)
    hold.extend(300)
    const woken: number[] = []
    const wait = async (): Promise<void> => {
      await hold.pass(signal)
      woken.push(performance.now() - began)
    }
    await outcomes(Array.from({ length: 10 }, wait))
    expect(Math.max(...woken)).toBe(1260)
  })
})

test('nobody wakes before the end in force when the wait began, nor later than a tenth of the hold after it', async () => {
  const event = fc.record({ ms: fc.integer({ min: 1, max: 5000 }), passMs: fc.nat(3000), joins: fc.nat(5) })
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 10 }), async (events) => {
      const hold = newHold()
      const waits: Promise<void>[] = []
      let began = 0
      let until = 0
      for (const { ms, passMs, joins } of events) {
        const now = performance.now()
        if (now >= until) began = now
        until = Math.max(until, now + ms)
        hold.extend(ms)
        const [from, to] = [began, until]
        const wait = async (): Promise<void> => {
          await hold.pass(signal)
          const at = performance.now()
          if (at < to || at > to + (to - from) * 0.1) throw new Error(`woke at ${at}, the hold was ${from} to ${to}`)
        }
        for (let i = 0; i < joins; i++) waits.push(wait())
        waits.forEach(watch)
        await vi.advanceTimersByTimeAsync(passMs)
      }
      for (const outcome of await outcomes(waits)) expect(outcome).toEqual({ value: undefined })
    }),
    { seed: 5, numRuns: 60 },
  )
})
