import type { VerdictKind } from '@aplomb/classify'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { type Control, newControl, type Sent } from '../src/control.ts'
import { verdict } from './support.ts'

useFakeTime()

const concurrency = (limit?: number, active?: number, remaining?: number) => ({
  limits: { windows: [], concurrency: { limit, active, remaining, source: 'test' } },
})

/** As many as are allowed are in flight all the time, and are all answered 100 ms later. */
const round = (control: Control, kind: VerdictKind): number => {
  const size = control.allowed
  const sent: Sent[] = Array.from({ length: size }, () => control.sent(size))
  vi.advanceTimersByTime(100)
  for (const one of sent) control.learn(verdict(kind), one, size)
  return size
}

/** One good answer for a gate that is made full use of. */
const succeed = (control: Control, times = 1): void => {
  for (let i = 0; i < times; i++) control.learn(verdict('ok'), control.sent(control.limit), control.limit)
}

describe('while all goes well', () => {
  test('the limit doubles with each round, from 4 to 256', () => {
    const control = newControl(undefined)
    const sizes = Array.from({ length: 8 }, () => round(control, 'ok'))
    expect(sizes).toEqual([4, 8, 16, 32, 64, 128, 256, 256])
  })

  test('a gate that is not used learns nothing', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 100; i++) control.learn(verdict('ok'), control.sent(1), 1)
    expect(control.limit).toBe(4)
  })

  test.each(['empty', 'invalid', 'unauthenticated', 'missing', 'conflict', 'billing'] as const)(
    '%s is an answer of a server that is well',
    (kind) => {
      const control = newControl(undefined)
      round(control, kind)
      expect(control.limit).toBe(8)
    },
  )

  test.each(['aborted', 'unknown'] as const)('%s says nothing', (kind) => {
    const control = newControl(undefined)
    round(control, kind)
    expect(control.limit).toBe(4)
    expect(control.pauseMs()).toBe(0)
  })
})

describe('a ceiling that the server names', () => {
  test('is taken at once, and is never exceeded', () => {
    const control = newControl(undefined)
    const reason = control.learn(verdict('ok', concurrency(5, 1)), control.sent(1), 1)
    expect(control.limit).toBe(5)
    expect(reason).toBe('the server allows 5, others use 0')
    succeed(control, 1000)
    expect(control.limit).toBe(5)
  })

  test('may be below the start', () => {
    const control = newControl(undefined)
    control.learn(verdict('ok', concurrency(2, 1)), control.sent(1), 1)
    expect(control.limit).toBe(2)
  })

  test('shows as active and remaining, too', () => {
    const control = newControl(undefined)
    control.learn(verdict('ok', concurrency(undefined, 2, 4)), control.sent(2), 2)
    expect(control.limit).toBe(6)
  })

  test('is shared with others: what they use is not ours', () => {
    const control = newControl(undefined)
    control.learn(verdict('ok', concurrency(10, 7)), control.sent(3), 3)
    expect(control.limit).toBe(6)
    control.learn(verdict('ok', concurrency(10, 6)), control.sent(6), 6)
    expect(control.limit).toBe(10)
  })

  test('leaves one, however many others there are', () => {
    const control = newControl(undefined)
    control.learn(verdict('ok', concurrency(3, 9)), control.sent(1), 1)
    expect(control.limit).toBe(1)
  })

  test('never lifts a fixed number', () => {
    const control = newControl(3)
    control.learn(verdict('ok', concurrency(50, 1)), control.sent(1), 1)
    expect(control.limit).toBe(3)
    control.learn(verdict('ok', concurrency(2, 1)), control.sent(1), 1)
    expect(control.limit).toBe(2)
  })

  test('is not tried beyond, not even after a refusal and a long run of good answers', () => {
    const control = newControl(undefined)
    control.learn(verdict('ok', concurrency(5, 1)), control.sent(1), 1)
    control.learn(verdict('concurrency-limited'), control.sent(5), 5)
    succeed(control, 1000)
    expect(control.limit).toBe(5)
  })

  test('nonsense is not taken', () => {
    const control = newControl(undefined)
    control.learn(verdict('unknown', concurrency(0, 1)), control.sent(1), 1)
    expect(control.limit).toBe(4)
  })
})

describe('a refusal for too many in flight', () => {
  test('teaches exactly how many were in flight without it', () => {
    const control = newControl(undefined)
    round(control, 'ok')
    const sent = control.sent(7)
    expect(control.learn(verdict('concurrency-limited'), sent, 6)).toBe('refused with 6 in flight')
    expect(control.limit).toBe(5)
  })

  test('is no failure: it does not pause', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 10; i++) control.learn(verdict('concurrency-limited'), control.sent(4), 4)
    expect(control.limit).toBe(3)
    expect(control.pauseMs()).toBe(0)
  })

  test('of a call that was alone: others keep the limit full, so it pauses', () => {
    const control = newControl(undefined)
    control.learn(verdict('concurrency-limited'), control.sent(1), 1)
    expect(control.allowed).toBe(0)
    vi.advanceTimersByTime(100)
    expect(control.allowed).toBe(1)
  })

  test('a learned ceiling is tried again, one more at a time, after 20 good answers for each slot', () => {
    const control = newControl(undefined)
    control.learn(verdict('concurrency-limited'), control.sent(4), 4)
    expect(control.limit).toBe(3)
    succeed(control, 60)
    expect(control.limit).toBe(3)
    succeed(control)
    expect(control.limit).toBe(4)
    succeed(control, 80)
    expect(control.limit).toBe(4)
    succeed(control)
    expect(control.limit).toBe(5)
  })

  test('a fixed number comes back, and no more', () => {
    const control = newControl(4)
    control.learn(verdict('concurrency-limited'), control.sent(4), 4)
    expect(control.limit).toBe(3)
    succeed(control, 1000)
    expect(control.limit).toBe(4)
  })
})

describe('overload', () => {
  test('halves the limit, once for all that were sent before', () => {
    const control = newControl(16)
    expect(round(control, 'overloaded')).toBe(16)
    expect(control.limit).toBe(8)
    vi.advanceTimersByTime(1)
    expect(round(control, 'overloaded')).toBe(8)
    expect(control.limit).toBe(4)
  })

  test('never goes below one', () => {
    const control = newControl(1)
    round(control, 'overloaded')
    expect(control.allowed).toBe(1)
  })

  test('afterwards the limit grows by one for each round', () => {
    const control = newControl(16)
    round(control, 'overloaded')
    vi.advanceTimersByTime(1)
    round(control, 'ok')
    expect(control.limit).toBe(8)
    round(control, 'ok')
    expect(control.limit).toBe(9)
  })
})

describe('a server that is down', () => {
  const fail = (control: Control, kind: VerdictKind): void => {
    control.learn(verdict(kind), control.sent(1), 1)
  }

  test.each(['server-error', 'network', 'timeout'] as const)('three times %s in a row, and the key pauses', (kind) => {
    const control = newControl(undefined)
    fail(control, kind)
    fail(control, kind)
    expect(control.allowed).toBe(4)
    fail(control, kind)
    expect(control.allowed).toBe(0)
    expect(control.limit).toBe(1)
  })

  test('a good answer in between starts the count anew', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 10; i++) {
      fail(control, 'server-error')
      fail(control, 'server-error')
      control.learn(verdict('ok'), control.sent(1), 1)
    }
    expect(control.allowed).toBe(4)
  })

  test('a time-window refusal without a time pauses at once; one with a time is not ours', () => {
    const named = newControl(undefined)
    named.learn(verdict('rate-limited', { retryAfterMs: 1000 }), named.sent(1), 1)
    expect(named.allowed).toBe(4)
    const silent = newControl(undefined)
    fail(silent, 'rate-limited')
    expect(silent.allowed).toBe(0)
  })

  test('one probe at a time, at pauses that grow by half from 100 ms to 2 s, the half of them chance', () => {
    const draw = vi.spyOn(Math, 'random').mockReturnValue(0)
    const control = newControl(undefined)
    fail(control, 'rate-limited')
    const pauses: number[] = []
    for (let i = 0; i < 10; i++) {
      pauses.push(Math.floor(control.pauseMs()))
      vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
      expect(control.allowed).toBe(1)
      fail(control, 'server-error')
    }
    expect(pauses).toEqual([50, 75, 112, 168, 253, 379, 569, 854, 1000, 1000])
    draw.mockReturnValue(0.5)
    vi.advanceTimersByTime(control.pauseMs())
    fail(control, 'server-error')
    expect(control.pauseMs()).toBe(1500)
  })

  test('what was sent before the pause does not lengthen it', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const control = newControl(undefined)
    const early = control.sent(2)
    vi.advanceTimersByTime(10)
    fail(control, 'rate-limited')
    control.learn(verdict('rate-limited'), early, 1)
    expect(control.pauseMs()).toBe(50)
  })

  test('the first good answer ends it, and the limit doubles up from 1', () => {
    const control = newControl(undefined)
    fail(control, 'rate-limited')
    vi.advanceTimersByTime(100)
    expect(control.allowed).toBe(1)
    const sizes = Array.from({ length: 5 }, () => round(control, 'ok'))
    expect(sizes).toEqual([1, 2, 4, 8, 16])
  })

  test('the next outage starts with a short pause again', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const control = newControl(undefined)
    for (let i = 0; i < 5; i++) {
      fail(control, 'rate-limited')
      vi.advanceTimersByTime(control.pauseMs())
    }
    succeed(control)
    vi.advanceTimersByTime(1)
    fail(control, 'rate-limited')
    expect(control.pauseMs()).toBe(50)
  })
})

test('whatever comes, the limit stays between 1 and the ceiling, and every pause ends', () => {
  const kinds = [
    'ok',
    'invalid',
    'concurrency-limited',
    'rate-limited',
    'overloaded',
    'server-error',
    'network',
    'aborted',
  ] as const
  const step = fc.record({
    kind: fc.constantFrom(...kinds),
    active: fc.integer({ min: 1, max: 40 }),
    agoMs: fc.nat(200),
    named: fc.option(fc.tuple(fc.nat(30), fc.nat(60)), { nil: undefined, freq: 5 }),
    passMs: fc.nat(3000),
  })
  fc.assert(
    fc.property(fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }), fc.array(step), (fixed, steps) => {
      const control = newControl(fixed)
      for (const { kind, active, agoMs, named, passMs } of steps) {
        const sent = control.sent(active)
        vi.advanceTimersByTime(agoMs)
        control.learn(verdict(kind, named && concurrency(...named)), sent, active)
        expect(control.limit).toBeGreaterThanOrEqual(1)
        expect(control.limit).toBeLessThanOrEqual(fixed ?? 256)
        expect(Number.isInteger(control.limit)).toBe(true)
        expect(control.pauseMs()).toBeLessThanOrEqual(2000)
        expect(control.allowed).toBe(control.pauseMs() > 0 ? 0 : control.limit)
        vi.advanceTimersByTime(passMs)
      }
      vi.advanceTimersByTime(2000)
      expect(control.allowed).toBeGreaterThanOrEqual(1)
    }),
    { seed: 2, numRuns: 200 },
  )
})
