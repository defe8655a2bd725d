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

/** How many may be in flight now. */
const most = (control: Control): number => {
  let active = 0
  while (active < 1000 && control.room(active)) active++
  return active
}

/** As many as are allowed are in flight all the time, and are all answered later. */
const round = (control: Control, kind: VerdictKind, tookMs = 100): number => {
  const size = most(control)
  const sent: Sent[] = Array.from({ length: size }, () => control.sent(size))
  vi.advanceTimersByTime(tookMs)
  for (const one of sent) control.learn(verdict(kind), one, size)
  return size
}

/** One answer to a request that was alone. */
const exchange = (control: Control, kind: VerdictKind): void => {
  control.learn(verdict(kind), control.sent(1), 1)
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

  describe('is shared with others', () => {
    test('what they use is not ours', () => {
      const control = newControl(undefined)
      control.learn(verdict('ok', concurrency(10, 1)), control.sent(1), 1)
      expect(control.limit).toBe(10)
      control.learn(verdict('ok', concurrency(10, 7)), control.sent(3), 3)
      expect(control.limit).toBe(6)
      control.learn(verdict('ok', concurrency(10, 6)), control.sent(6), 6)
      expect(control.limit).toBe(10)
    })

    test('it is not taken at once, but by doubling as long as there is room for that', () => {
      const control = newControl(undefined)
      /** So many slots of 100 are in use by others all the time. */
      const others = 40
      const sizes = Array.from({ length: 7 }, () => {
        const size = most(control)
        const sent = Array.from({ length: size }, () => control.sent(size))
        vi.advanceTimersByTime(100)
        for (const one of sent) control.learn(verdict('ok', concurrency(100, others + size)), one, size)
        return size
      })
      expect(sizes).toEqual([4, 8, 16, 32, 32, 33, 34])
    })

    test.each([
      ['for a twentieth of what the answer took, where they keep it full', 5, 2, 5],
      ['nor less where it counts more than it allows', 6, 2, 5],
      ['not where there is room', 4, 2, 0],
      ['not where all that are in flight are ours', 5, 5, 0],
    ])('a slot is left free for them %s', (_, used, ours, pauseMs) => {
      const control = newControl(undefined)
      const sent = control.sent(ours)
      vi.advanceTimersByTime(100)
      control.learn(verdict('ok', concurrency(5, used)), sent, ours)
      expect(control.pauseMs()).toBe(pauseMs)
      expect(control.room(0)).toBe(pauseMs === 0)
      vi.advanceTimersByTime(5)
      expect(control.pauseMs()).toBe(0)
      expect(control.room(0)).toBe(true)
    })

    test('a slot is left free for half a second at most', () => {
      const control = newControl(undefined)
      const sent = control.sent(2)
      vi.advanceTimersByTime(600_000)
      control.learn(verdict('ok', concurrency(5, 5)), sent, 2)
      expect(control.pauseMs()).toBe(500)
    })

    test('once they are gone, it is taken back by doubling, however few they had left', () => {
      const control = newControl(undefined)
      control.learn(verdict('ok', concurrency(7, 7)), control.sent(1), 1)
      for (let refusals = 0; refusals < 3; refusals++) {
        control.learn(verdict('concurrency-limited', concurrency(7, 7)), control.sent(1), 1)
        vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
      }
      const sizes = Array.from({ length: 5 }, () => {
        const size = most(control)
        const sent = Array.from({ length: size }, () => control.sent(size))
        vi.advanceTimersByTime(100)
        for (const one of sent) control.learn(verdict('ok', concurrency(7, size)), one, size)
        return size
      })
      expect(sizes).toEqual([1, 1, 2, 4, 7])
    })
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

describe('after a moment with nothing in flight', () => {
  test('a burst begins with 4, whatever the limit was, and doubles up again', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 5; i++) round(control, 'ok')
    expect(control.limit).toBe(128)
    control.rest()
    const first = control.sent(1)
    vi.advanceTimersByTime(100)
    control.learn(verdict('ok'), first, 1)
    expect(control.limit).toBe(4)
    expect(Array.from({ length: 3 }, () => round(control, 'ok'))).toEqual([4, 8, 16])
  })

  test('only then: a limit that was reached with one in flight stays', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 5; i++) round(control, 'ok')
    control.sent(1)
    expect(control.limit).toBe(128)
    control.rest()
    control.sent(1)
    expect(control.limit).toBe(4)
  })

  test('less stays less', () => {
    const control = newControl(undefined)
    control.rest()
    control.sent(1)
    expect(control.limit).toBe(4)
  })

  test.each([
    ['announced', () => verdict('ok', concurrency(50, 1))],
    ['learned', () => verdict('concurrency-limited')],
  ] as const)('a ceiling that is %s is used at once', (_, answer) => {
    const control = newControl(undefined)
    for (let i = 0; i < 4; i++) round(control, 'ok')
    control.learn(answer(), control.sent(51), 51)
    expect(control.limit).toBe(50)
    control.rest()
    control.sent(1)
    expect(control.limit).toBe(50)
  })

  test('a fixed number, too', () => {
    const control = newControl(100)
    control.rest()
    control.sent(1)
    expect(control.limit).toBe(100)
  })
})

describe('beyond 16 the limit doubles only as long as answers take no longer for it', () => {
  test('they wait for each other in the server: one more per round', () => {
    const control = newControl(undefined)
    expect(Array.from({ length: 3 }, () => round(control, 'ok', 10))).toEqual([4, 8, 16])
    // Beyond twice the fastest and five more.
    for (let i = 0; i < 4; i++) round(control, 'ok', 1000)
    const before = control.limit
    expect(round(control, 'ok', 1000)).toBe(before)
    expect(control.limit - before).toBeLessThanOrEqual(1)
  })

  test('a few milliseconds are no difference', () => {
    const control = newControl(undefined)
    expect(Array.from({ length: 7 }, (_, i) => round(control, 'ok', i % 2 === 0 ? 1 : 6))).toEqual([
      4, 8, 16, 32, 64, 128, 256,
    ])
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

  test('each of one batch counts: the limit is what was let through', () => {
    const control = newControl(16)
    const batch = Array.from({ length: 16 }, (_, i) => control.sent(i + 1))
    vi.advanceTimersByTime(5)
    for (let i = 0; i < 11; i++) control.learn(verdict('concurrency-limited'), batch[15 - i]!, 16 - i)
    expect(control.limit).toBe(5)
  })

  test('is no failure: it does not pause', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 10; i++) control.learn(verdict('concurrency-limited'), control.sent(4), 4)
    expect(control.limit).toBe(3)
    expect(control.pauseMs()).toBe(0)
  })

  test('of a call that was alone: others keep the limit full, so it pauses, 200 ms and then longer and longer', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const control = newControl(undefined)
    const pauses = Array.from({ length: 8 }, () => {
      exchange(control, 'concurrency-limited')
      expect(most(control)).toBe(0)
      const ms = control.pauseMs()
      vi.advanceTimersByTime(Math.ceil(ms))
      expect(most(control)).toBe(1)
      return Math.round(ms)
    })
    expect(pauses).toEqual([200, 300, 350, 350, 420, 567, 765, 1034])
  })

  describe('where refusals follow each other, others keep it full: the limit comes back more slowly', () => {
    const crowd = (refusals: number): Control => {
      const control = newControl(undefined)
      control.learn(verdict('ok', concurrency(10, 1)), control.sent(1), 1)
      for (let i = 0; i < refusals; i++) {
        vi.advanceTimersByTime(1)
        control.learn(verdict('concurrency-limited'), control.sent(4), 4)
      }
      return control
    }
    /** Good answers until there is one slot more. */
    const answers = (control: Control): number => {
      const { limit } = control
      let count = 0
      for (; control.limit === limit; count++) succeed(control)
      return count
    }

    test('after one, it takes twice as many good answers for one slot more; after more, four times', () => {
      // 3 + 1/3 + 1/3.3 + 1/3.6 would be one more after four.
      expect([1, 2, 3, 4].map((refusals) => answers(crowd(refusals)))).toEqual([7, 14, 14, 14])
    })

    test('those of what was sent together count as one', () => {
      const control = crowd(0)
      vi.advanceTimersByTime(1)
      const batch = Array.from({ length: 5 }, () => control.sent(8))
      vi.advanceTimersByTime(1)
      for (const [i, sent] of batch.entries()) control.learn(verdict('concurrency-limited'), sent, 8 - i)
      expect(answers(control)).toBe(7)
    })

    test('after twenty good answers in a row that is over', () => {
      const control = crowd(4)
      succeed(control, 21)
      const { limit } = control
      expect(answers(control)).toBeLessThanOrEqual(limit)
    })
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

  test('with a time above a minute nobody is held', () => {
    const control = newControl(undefined)
    control.learn(verdict('concurrency-limited', { retryAfterMs: 60_001 }), control.sent(4), 4)
    expect(control.pauseMs()).toBe(0)
    control.learn(verdict('concurrency-limited', { retryAfterMs: 60_000 }), control.sent(3), 3)
    expect(control.pauseMs()).toBe(60_000)
  })

  test('with a time, the key pauses for just that long; a shorter one does not shorten it, nor does a good answer', () => {
    const control = newControl(undefined)
    const early = control.sent(4)
    control.learn(verdict('concurrency-limited', { retryAfterMs: 2000 }), control.sent(4), 4)
    expect(control.pauseMs()).toBe(2000)
    control.learn(verdict('concurrency-limited', { retryAfterMs: 500 }), control.sent(3), 3)
    expect(control.pauseMs()).toBe(2000)
    vi.advanceTimersByTime(10)
    control.learn(verdict('ok'), early, 2)
    expect(control.pauseMs()).toBe(1990)
    expect(most(control)).toBe(0)
    vi.advanceTimersByTime(1990)
    expect(most(control)).toBe(2)
  })
})

describe('a refusal without a word', () => {
  /** A batch of which so many are let through after so long, the others refused at once. */
  const batch = (control: Control, size: number, refused: number): Sent[] => {
    const sent = Array.from({ length: size }, (_, i) => control.sent(i + 1))
    vi.advanceTimersByTime(5)
    for (let i = 0; i < refused; i++) control.learn(verdict('rate-limited'), sent[size - 1 - i]!, size - i)
    return sent.slice(0, size - refused)
  }

  /** The same up to the trial: of the five let through three are answered, and one more may go out. */
  const trial = (control: Control): { sent: Sent; others: Sent[] } => {
    const others = batch(control, 8, 3)
    vi.advanceTimersByTime(20)
    for (const active of [5, 4, 3]) {
      expect(control.room(active)).toBe(false)
      expect(control.room(0)).toBe(false)
      control.learn(verdict('ok'), others.shift()!, active)
    }
    expect(control.room(2)).toBe(true)
    const sent = control.sent(3)
    expect(control.room(3)).toBe(false)
    expect(control.room(0)).toBe(false)
    vi.advanceTimersByTime(20)
    return { sent, others }
  }

  test('one with a time is not ours', () => {
    const control = newControl(undefined)
    control.learn(verdict('rate-limited', { retryAfterMs: 1000 }), control.sent(1), 1)
    expect(most(control)).toBe(4)
  })

  test('of a call that was alone is one for a window: the key pauses at once', () => {
    const control = newControl(undefined)
    exchange(control, 'rate-limited')
    expect(control.pauseMs()).toBeGreaterThan(0)
    expect(most(control)).toBe(0)
  })

  test('of one of several may be either: nothing more is sent until half of the others are answered, then a trial', () => {
    expect(trial(newControl(undefined)).others).toHaveLength(2)
  })

  test('the limit does not grow meanwhile: that would be among more', () => {
    const control = newControl(undefined)
    const [first] = batch(control, 8, 3)
    control.learn(verdict('ok'), first!, 5)
    expect(control.limit).toBe(4)
  })

  test('others that take long are waited for only as long again as the first one took', () => {
    const control = newControl(undefined)
    const [first] = batch(control, 8, 3)
    vi.advanceTimersByTime(15)
    control.learn(verdict('ok'), first!, 5)
    expect(control.room(4)).toBe(false)
    expect(control.pauseMs()).toBe(20)
    vi.advanceTimersByTime(20)
    expect(control.room(4)).toBe(true)
    expect(control.learn(verdict('rate-limited'), control.sent(5), 5)).toBe('refused without a time: probing')
  })

  test('nor is more waited for than there is: the last one is refused, one was let through, and the trial is due', () => {
    const control = newControl(undefined)
    const [first, ...others] = batch(control, 8, 3)
    control.learn(verdict('ok'), first!, 5)
    others.forEach((one, i) => control.learn(verdict('rate-limited'), one, others.length - i))
    expect(control.room(0)).toBe(true)
    expect(control.learn(verdict('rate-limited'), control.sent(1), 1)).toBe('refused without a time: probing')
  })

  describe('where as many in flight were served for two rounds', () => {
    /** So many good answers among eight, then a refusal among eight. */
    const refused = (answers: number, between?: (control: Control) => void): Control => {
      const control = newControl(undefined)
      const sent = Array.from({ length: answers + 1 }, () => control.sent(8))
      vi.advanceTimersByTime(10)
      for (const one of sent.slice(1)) control.learn(verdict('ok'), one, 8)
      between?.(control)
      control.learn(verdict('rate-limited'), sent[0]!, 8)
      return control
    }

    test('it was for the window: no trial', () => {
      expect(refused(16).pauseMs()).toBeGreaterThan(0)
    })

    test.each([
      ['with fewer answers', 15, undefined],
      ['with those from before a rest: what came next may be of another sort', 16, (one: Control) => one.rest()],
    ])('not %s', (_, answers, between) => {
      expect(refused(answers, between).pauseMs()).toBe(0)
    })
  })

  test('the trial is let through: it was for too many in flight', () => {
    const control = newControl(undefined)
    const { sent, others } = trial(control)
    control.learn(verdict('ok'), sent, 3)
    expect(control.limit).toBe(4)
    expect(most(control)).toBe(4)
    for (const one of others) control.learn(verdict('ok'), one, 4)
    // From now on each one teaches the ceiling, without a trial.
    expect(control.learn(verdict('rate-limited'), control.sent(4), 4)).toBe('refused with 4 in flight')
    expect(most(control)).toBe(3)
    expect(control.pauseMs()).toBe(0)
  })

  test('the trial is refused, too: it was for the window', () => {
    const control = newControl(undefined)
    const { sent, others } = trial(control)
    expect(control.learn(verdict('rate-limited'), sent, 3)).toBe('refused without a time: probing')
    expect(control.pauseMs()).toBeGreaterThan(0)
    for (const one of others) control.learn(verdict('ok'), one, 1)
    expect(most(control)).toBe(0)
    vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
    expect(most(control)).toBe(1)
    // Open again: what was allowed in flight has not changed.
    exchange(control, 'ok')
    expect(most(control)).toBeGreaterThanOrEqual(4)
  })

  test('the next window gets what the last one let through, and one to find out whether that is all; then one at a time', () => {
    const control = newControl(undefined)
    const { sent, others } = trial(control)
    control.learn(verdict('rate-limited'), sent, 3)
    for (const one of others) control.learn(verdict('ok'), one, 1)
    vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
    exchange(control, 'ok')
    const all: Sent[] = []
    while (control.limit > 1) all.push(control.sent(all.length + 1))
    expect(all).toHaveLength(5)
    control.learn(verdict('rate-limited'), all.at(-1)!, 5)
    // Now it is known: five in each window.
    for (const one of all.slice(1)) control.learn(verdict('ok'), one, 1)
    vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
    exchange(control, 'ok')
    expect(most(control)).toBe(4)
  })

  test('refused three times although alone, with a good answer after each, it was for a window', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 3; i++) {
      exchange(control, 'rate-limited')
      vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
      exchange(control, 'ok')
      vi.advanceTimersByTime(1)
    }
    control.sent(2)
    expect(control.learn(verdict('rate-limited'), control.sent(3), 3)).toBe('refused without a time: probing')
  })

  test('a ceiling that was learned before is none then', () => {
    const control = newControl(undefined)
    const { sent, others } = trial(control)
    control.learn(verdict('ok'), sent, 3)
    for (const one of others) control.learn(verdict('ok'), one, 5)
    // Fewer are refused than were served before, three times.
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(1000)
      exchange(control, 'rate-limited')
    }
    vi.advanceTimersByTime(60_000)
    for (let i = 0; i < 30; i++) round(control, 'ok')
    expect(control.limit).toBeGreaterThan(5)
  })

  test.each(['aborted', 'unknown', 'network', 'server-error', 'overloaded', 'concurrency-limited'] as const)(
    'a trial that ends with %s is no end of all sending',
    (kind) => {
      const control = newControl(undefined)
      const { sent, others } = trial(control)
      for (const one of others) control.learn(verdict('ok'), one, 1)
      control.learn(verdict(kind), sent, 1)
      vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
      expect(most(control)).toBeGreaterThanOrEqual(1)
    },
  )

  test.each(['aborted', 'network', 'server-error'] as const)(
    'nor is it the end if none of the others is let through: %s',
    (kind) => {
      const control = newControl(undefined)
      const others = batch(control, 8, 3)
      others.forEach((one, i) => control.learn(verdict(kind), one, others.length - i))
      vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
      expect(most(control)).toBeGreaterThanOrEqual(1)
    },
  )

  test('a window that is closed is asked after 30 ms, then after as long as it was seen closed, a quarter chance, ten seconds at most', () => {
    const draw = vi.spyOn(Math, 'random')
    const pauses = (chance: number): number[] => {
      draw.mockReturnValue(chance)
      const control = newControl(undefined)
      return Array.from({ length: 12 }, () => {
        exchange(control, 'rate-limited')
        const ms = control.pauseMs()
        vi.advanceTimersByTime(Math.ceil(ms))
        expect(most(control)).toBe(1)
        return Math.round(ms)
      })
    }
    expect(pauses(0.5)).toEqual([30, 30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 10_000, 10_000])
    expect(pauses(0).slice(0, 4)).toEqual([23, 23, 35, 61])
    expect(pauses(1).slice(0, 4)).toEqual([38, 48, 108, 243])
  })

  test('what was sent before the pause does not lengthen it', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const control = newControl(undefined)
    const early = control.sent(2)
    vi.advanceTimersByTime(10)
    exchange(control, 'rate-limited')
    control.learn(verdict('rate-limited'), early, 1)
    expect(control.pauseMs()).toBe(30)
  })
})

describe('a refusal by a window that says how long to wait', () => {
  const refuse = (control: Control, sent: Sent): number => {
    control.learn(verdict('rate-limited', { retryAfterMs: 1000 }), sent, 64)
    return control.limit
  }
  /** A control that has met one such refusal. */
  const refused = (limit: number): Control => {
    const control = newControl(limit)
    refuse(control, control.sent(limit))
    vi.advanceTimersByTime(1)
    return control
  }

  test('is no habit, once: nothing changes', () => {
    expect(refused(64).limit).toBe(64)
  })

  test('from then on it halves the limit, once for all that were sent before, and does not pause', () => {
    const control = refused(64)
    const batch = Array.from({ length: 3 }, () => control.sent(64))
    vi.advanceTimersByTime(100)
    expect(batch.map((sent) => refuse(control, sent))).toEqual([32, 32, 32])
    expect(control.pauseMs()).toBe(0)
    vi.advanceTimersByTime(1)
    expect(refuse(control, control.sent(32))).toBe(16)
  })

  test.each([
    [12, 8],
    [5, 5],
  ])('of %d down to %d', (limit, least) => {
    const control = refused(limit)
    for (let i = 0; i < 3; i++) {
      expect(refuse(control, control.sent(limit))).toBe(least)
      vi.advanceTimersByTime(1)
    }
  })

  test('afterwards the limit grows as ever', () => {
    const control = refused(64)
    expect(refuse(control, control.sent(64))).toBe(32)
    for (let i = 0; i < 3; i++) round(control, 'ok')
    expect(control.limit).toBe(64)
  })
})

describe('overload', () => {
  test('halves the limit once most of the late answers failed, once for all that were sent before', () => {
    const control = newControl(64)
    const batch = Array.from({ length: 64 }, () => control.sent(64))
    vi.advanceTimersByTime(100)
    const limits = batch.slice(0, 4).map((sent) => {
      control.learn(verdict('overloaded'), sent, 64)
      return control.limit
    })
    expect(limits).toEqual([64, 64, 64, 32])
    for (const sent of batch.slice(4)) control.learn(verdict('overloaded'), sent, 64)
    expect(control.limit).toBe(32)
    expect(control.pauseMs()).toBe(0)
  })

  test('of a third of the answers changes nothing', () => {
    const control = newControl(16)
    for (let i = 0; i < 50; i++) {
      control.learn(verdict('overloaded'), control.sent(16), 16)
      vi.advanceTimersByTime(1)
      succeed(control, 2)
      vi.advanceTimersByTime(1)
    }
    expect(control.limit).toBe(16)
  })

  test('other failures do not halve it', () => {
    const control = newControl(16)
    for (let i = 0; i < 4; i++) control.learn(verdict('server-error'), control.sent(16), 16)
    expect(control.limit).toBe(16)
  })

  test('never goes below one', () => {
    const control = newControl(1)
    for (let i = 0; i < 4; i++) exchange(control, 'overloaded')
    expect(most(control)).toBe(1)
  })

  test('afterwards the limit grows by one for each round', () => {
    const control = newControl(16)
    for (let i = 0; i < 4; i++) control.learn(verdict('overloaded'), control.sent(16), 16)
    expect(control.limit).toBe(8)
    vi.advanceTimersByTime(1)
    round(control, 'ok')
    expect(control.limit).toBe(8)
    round(control, 'ok')
    expect(control.limit).toBe(9)
  })
})

describe('a server that is down', () => {
  const down = (control: Control, kind: VerdictKind = 'server-error'): void => {
    for (let i = 0; i < 5; i++) exchange(control, kind)
  }

  test.each(['server-error', 'network', 'timeout'] as const)('five times %s in a row, and the key pauses', (kind) => {
    const control = newControl(undefined)
    for (let i = 0; i < 4; i++) exchange(control, kind)
    expect(most(control)).toBe(4)
    const sent = control.sent(1)
    expect(control.learn(verdict(kind), sent, 1)).toBe('the server fails: probing')
    expect(most(control)).toBe(0)
    vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
    expect(most(control)).toBe(1)
  })

  test('a good answer in between starts the count anew', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 10; i++) {
      for (let n = 0; n < 4; n++) exchange(control, 'server-error')
      exchange(control, 'ok')
    }
    expect(most(control)).toBe(4)
  })

  test('one probe at a time, after 100 ms and then 15 % of the time it was down, 4 s at most, a quarter of it chance', () => {
    const draw = vi.spyOn(Math, 'random')
    const pauses = (chance: number): number[] => {
      draw.mockReturnValue(chance)
      const control = newControl(undefined)
      down(control)
      return Array.from({ length: 35 }, () => {
        const ms = control.pauseMs()
        vi.advanceTimersByTime(Math.ceil(ms))
        expect(most(control)).toBe(1)
        exchange(control, 'server-error')
        return Math.round(ms)
      })
    }
    const even = pauses(0.5)
    expect(even.slice(0, 8)).toEqual([100, 100, 100, 100, 100, 100, 100, 105])
    expect(even.at(-1)).toBe(4000)
    expect(pauses(0).at(0)).toBe(75)
    expect(pauses(1).at(0)).toBe(125)
    expect(pauses(1).at(-1)).toBe(5000)
  })

  test('the first good answer ends it, and the limit begins with 4 again', () => {
    const control = newControl(64)
    down(control)
    expect(control.limit).toBe(4)
    vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
    exchange(control, 'ok')
    expect(control.pauseMs()).toBe(0)
    expect(most(control)).toBe(4)
    expect(Array.from({ length: 5 }, () => round(control, 'ok'))).toEqual([4, 8, 16, 32, 64])
  })

  test('or to all of it, if it was small', () => {
    const control = newControl(3)
    down(control)
    vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
    control.learn(verdict('ok'), control.sent(0), 0)
    expect(most(control)).toBe(3)
  })

  test.each(['ok', 'server-error', 'rate-limited'] as const)(
    '%s to what was sent before the pause does not change it',
    (kind) => {
      vi.spyOn(Math, 'random').mockReturnValue(0.5)
      const control = newControl(undefined)
      const early = control.sent(2)
      vi.advanceTimersByTime(10)
      down(control)
      vi.advanceTimersByTime(10)
      control.learn(verdict(kind), early, 1)
      expect(control.pauseMs()).toBe(90)
      expect(most(control)).toBe(0)
      vi.advanceTimersByTime(90)
      expect(most(control)).toBe(1)
    },
  )

  test('the next outage starts with a short pause again', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const control = newControl(undefined)
    down(control)
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(control.pauseMs())
      exchange(control, 'server-error')
    }
    expect(control.pauseMs()).toBeGreaterThan(500)
    vi.advanceTimersByTime(control.pauseMs())
    exchange(control, 'ok')
    vi.advanceTimersByTime(1)
    down(control)
    expect(control.pauseMs()).toBe(100)
  })
})

describe('a call that comes back to a server that has only failed since', () => {
  /** Two failures, a second apart, and another second since. */
  const failing = (): Control => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const control = newControl(undefined)
    exchange(control, 'server-error')
    vi.advanceTimersByTime(1000)
    exchange(control, 'overloaded')
    vi.advanceTimersByTime(1000)
    return control
  }

  test('comes later by up to 1.35 times the time since the first failure', () => {
    const control = failing()
    expect(control.spreadMs(1)).toBe(2700)
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    expect(control.spreadMs(1)).toBe(1350)
    vi.spyOn(Math, 'random').mockReturnValue(0)
    expect(control.spreadMs(1)).toBe(0)
  })

  test('a fourth of that for each further retry', () => {
    const control = failing()
    expect([2, 3].map(control.spreadMs)).toEqual([675, 168.75])
  })

  test('not at all once it has served somebody', () => {
    const control = failing()
    exchange(control, 'ok')
    expect(control.spreadMs(1)).toBe(0)
  })

  test('not while it is probed: that is one at a time', () => {
    const control = failing()
    for (let i = 0; i < 3; i++) exchange(control, 'network')
    expect(control.pauseMs()).toBeGreaterThan(0)
    expect(control.spreadMs(1)).toBe(0)
  })

  test('nor where nobody failed', () => {
    const control = newControl(undefined)
    exchange(control, 'ok')
    exchange(control, 'concurrency-limited')
    expect(control.spreadMs(1)).toBe(0)
  })

  test('failures further apart than ten seconds are not of one outage', () => {
    const control = failing()
    vi.advanceTimersByTime(9000)
    exchange(control, 'server-error')
    expect(control.spreadMs(1)).toBe(11_000 * 1.35)
    vi.advanceTimersByTime(10_001)
    exchange(control, 'server-error')
    vi.advanceTimersByTime(1000)
    expect(control.spreadMs(1)).toBe(1350)
  })
})

describe('a silent refusal of a server that failed before', () => {
  const back = (failedMs: number, sinceMs: number): Control => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const control = newControl(undefined)
    exchange(control, 'server-error')
    vi.advanceTimersByTime(failedMs)
    exchange(control, 'server-error')
    vi.advanceTimersByTime(sinceMs)
    exchange(control, 'rate-limited')
    return control
  }

  test('pauses for a tenth of the time since the first failure: it is up again, and others want it, too', () => {
    const control = back(5000, 1000)
    expect(control.failing).toBe(true)
    expect(control.pauseMs()).toBe(600)
    vi.advanceTimersByTime(600)
    exchange(control, 'rate-limited')
    expect(control.pauseMs()).toBe(660)
  })

  test('for 30 ms at least, and four seconds at most', () => {
    expect(back(100, 100).pauseMs()).toBe(30)
    const control = back(9000, 9000)
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(control.pauseMs())
      exchange(control, 'rate-limited')
    }
    expect(control.pauseMs()).toBe(4000)
  })

  test('the first good answer ends it', () => {
    const control = back(5000, 1000)
    vi.advanceTimersByTime(control.pauseMs())
    exchange(control, 'ok')
    expect(control.failing).toBe(false)
    expect(control.pauseMs()).toBe(0)
    expect(most(control)).toBeGreaterThan(1)
  })

  test('long after its last failure it is one like any other', () => {
    const control = back(5000, 10_001)
    expect(control.failing).toBe(false)
    expect(control.pauseMs()).toBe(30)
  })
})

describe('whether it fails', () => {
  test('is known from failures, until the next good answer', () => {
    const control = newControl(undefined)
    expect(control.failing).toBe(false)
    exchange(control, 'timeout')
    expect(control.failing).toBe(true)
    exchange(control, 'concurrency-limited')
    expect(control.failing).toBe(true)
    exchange(control, 'missing')
    expect(control.failing).toBe(false)
  })
})

describe('whether it serves', () => {
  test('is known from good answers, for ten seconds', () => {
    const control = newControl(undefined)
    expect(control.serving).toBe(false)
    exchange(control, 'rate-limited')
    expect(control.serving).toBe(false)
    exchange(control, 'missing')
    expect(control.serving).toBe(true)
    vi.advanceTimersByTime(9999)
    exchange(control, 'server-error')
    expect(control.serving).toBe(true)
    vi.advanceTimersByTime(1)
    expect(control.serving).toBe(false)
  })
})

test('whatever comes, the limit stays between 1 and the ceiling, and every pause ends', () => {
  const kinds = [
    'ok',
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
    /** How many go out first, as long as there is room; and which of those in flight is answered. */
    more: fc.nat(6),
    which: fc.nat(1000),
    named: fc.option(fc.tuple(fc.nat(30), fc.nat(60)), { nil: undefined, freq: 5 }),
    retryAfterMs: fc.option(fc.nat(3000), { nil: undefined, freq: 8 }),
    passMs: fc.oneof(fc.constant(0), fc.nat(100), fc.nat(3000)),
  })
  fc.assert(
    fc.property(fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }), fc.array(step), (fixed, steps) => {
      const control = newControl(fixed)
      const out: Sent[] = []
      const check = (): void => {
        expect(control.limit).toBeGreaterThanOrEqual(1)
        expect(control.limit).toBeLessThanOrEqual(fixed ?? 256)
        expect(Number.isInteger(control.limit)).toBe(true)
        if (control.pauseMs() > 0) expect(control.room(0)).toBe(false)
      }
      for (const { kind, more, which, named, retryAfterMs, passMs } of steps) {
        for (let i = 0; i < more && control.room(out.length); i++) out.push(control.sent(out.length + 1))
        vi.advanceTimersByTime(passMs)
        const [sent] = out.splice(which % Math.max(1, out.length), 1)
        if (sent)
          control.learn(verdict(kind, { ...(named && concurrency(...named)), retryAfterMs }), sent, out.length + 1)
        check()
      }
      // All that are still out are lost.
      while (out.length > 0) control.learn(verdict('aborted'), out.pop()!, out.length + 1)
      vi.advanceTimersByTime(Math.ceil(control.pauseMs()))
      expect(control.room(0)).toBe(true)
    }),
    { seed: 2, numRuns: 300 },
  )
})

test('a ceiling that the server named is kept, whatever comes after it', () => {
  const kinds = ['ok', 'concurrency-limited', 'rate-limited', 'overloaded', 'server-error', 'aborted'] as const
  const step = fc.record({
    kind: fc.constantFrom(...kinds),
    more: fc.nat(30),
    passMs: fc.oneof(fc.constant(0), fc.nat(100), fc.nat(3000)),
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step), fc.array(step), (named, before, after) => {
      const control = newControl(undefined)
      let out: Sent[] = []
      const play = (steps: typeof before, ceiling: number): void => {
        for (const { kind, more, passMs } of steps) {
          for (let i = 0; i < more && control.room(out.length); i++) {
            out.push(control.sent(out.length + 1))
            // The trial is one more.
            expect(out.length).toBeLessThanOrEqual(ceiling + 1)
          }
          vi.advanceTimersByTime(passMs)
          const sent = out.shift()
          if (sent) control.learn(verdict(kind), sent, out.length + 1)
        }
        while (out.length > 0) control.learn(verdict('aborted'), out.pop()!, out.length + 1)
        out = []
      }
      play(before, 256)
      control.learn(verdict('ok', concurrency(named, 1)), control.sent(1), 1)
      play(after, named)
      expect(control.limit).toBeLessThanOrEqual(named)
    }),
    { seed: 3, numRuns: 200 },
  )
})
