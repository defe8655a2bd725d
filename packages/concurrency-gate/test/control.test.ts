import type { VerdictKind } from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { type Control, newControl } from '../src/control.ts'
import type { Sent } from '../src/sent.ts'
import { verdict } from './support.ts'

useFakeTime()

const concurrency = (limit?: number, active?: number, remaining?: number) => ({
  limits: { windows: [], concurrency: { limit, active, remaining, source: 'test' } },
})

const request = (path = 'x', method = 'GET'): Request => new Request(`https://api.test/${path}`, { method })

/** A call of its own goes out. */
const send = (control: Control, active: number, of = request()): Sent => control.sent(active, of)

/** Milliseconds until one more may go out, with so many in flight. */
const pause = (control: Control, active = 0): number => (control.room(active) ? 0 : control.pauseMs(active))

/** How many may be in flight now. */
const most = (control: Control): number => {
  let active = 0
  while (active < 5000 && control.room(active)) active++
  return active
}

/** As many as are allowed are in flight all the time, and are all answered later. */
const round = (control: Control, kind: VerdictKind, tookMs = 0): number => {
  const size = most(control)
  const sent: Sent[] = Array.from({ length: size }, () => send(control, size))
  vi.advanceTimersByTime(tookMs)
  for (const one of sent) control.learn(verdict(kind), one, size)
  return size
}

/** One answer to a request that was alone. */
const exchange = (control: Control, kind: VerdictKind, of = request()): string | undefined =>
  control.learn(verdict(kind), send(control, 1, of), 1)

/** One good answer for a gate that is made full use of. */
const succeed = (control: Control, times = 1): void => {
  for (let i = 0; i < times; i++) control.learn(verdict('ok'), send(control, control.limit()), control.limit())
}

describe('while all goes well', () => {
  test('the limit doubles with each round, from 4 on without an end', () => {
    const control = newControl(undefined)
    const sizes = Array.from({ length: 10 }, () => round(control, 'ok'))
    expect(sizes).toEqual([4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048])
  })

  test('a gate that is not used learns nothing', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 100; i++) control.learn(verdict('ok'), send(control, 1), 1)
    expect(control.limit()).toBe(4)
  })

  test.each(['empty', 'invalid', 'unauthenticated', 'missing', 'conflict', 'billing'] as const)(
    '%s is an answer of a server that is well',
    (kind) => {
      const control = newControl(undefined)
      round(control, kind)
      expect(control.limit()).toBe(8)
    },
  )

  test.each(['aborted', 'unknown'] as const)('%s says nothing', (kind) => {
    const control = newControl(undefined)
    round(control, kind)
    expect(control.limit()).toBe(4)
    expect(pause(control)).toBe(0)
  })
})

describe('slow start by time', () => {
  /** All that there is room for goes out, with so many in flight. Returns how many are then. */
  const fill = (control: Control, active = 0): number => {
    let now = active
    while (control.room(now)) send(control, ++now)
    return now
  }
  /** As many as there is room for are in flight all the time, and nobody answers. */
  const unanswered = (control: Control, ms: number): number => {
    let active = fill(control)
    for (let at = 0; at < ms; at++) {
      vi.advanceTimersByTime(1)
      active = fill(control, active)
    }
    return active
  }

  test('without an answer the limit doubles every 40 ms after the first 100', () => {
    const counts = [0, 100, 141, 181, 221, 261].map((ms) => unanswered(newControl(undefined), ms))
    expect(counts).toEqual([4, 4, 8, 16, 32, 65])
  })

  test('until then it goes by the answers', () => {
    const control = newControl(undefined)
    expect(Array.from({ length: 4 }, () => round(control, 'ok', 30))).toEqual([4, 8, 16, 32])
  })

  test('a refusal that may be by chance makes it go by the answers for 100 ms', () => {
    const control = newControl(undefined)
    unanswered(control, 180)
    control.learn(verdict('rate-limited'), send(control, 16), 16)
    expect(unanswered(control, 100)).toBe(16)
    expect(unanswered(control, 40)).toBe(32)
  })

  test('it is known when there will be room for one more', () => {
    const control = newControl(undefined)
    let active = fill(control)
    while (active < 32) {
      const ms = Math.ceil(control.pauseMs(active))
      vi.advanceTimersByTime(ms - 1)
      expect(control.room(active)).toBe(false)
      vi.advanceTimersByTime(1)
      expect(control.room(active)).toBe(true)
      active = fill(control, active)
    }
  })

  test('what is not made use of does not grow', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 100; i++) {
      send(control, 2)
      vi.advanceTimersByTime(50)
    }
    expect(fill(control, 2)).toBe(8)
  })

  test('however long nobody was sent, the limit has doubled', () => {
    const control = newControl(undefined)
    fill(control)
    vi.advanceTimersByTime(60_000)
    expect(most(control)).toBe(8)
  })

  test('a rest begins it anew', () => {
    const control = newControl(undefined)
    unanswered(control, 200)
    control.rest()
    send(control, 1)
    expect(fill(control, 1)).toBe(4)
    vi.advanceTimersByTime(140)
    expect(fill(control, 4)).toBe(8)
  })

  test.each([
    ['a refusal until a time', verdict('rate-limited', { retryAfterMs: 1000 }), 1],
    ['overload', verdict('overloaded'), 4],
  ])('%s ends it, until a rest', (_, bad, times) => {
    const control = newControl(undefined)
    for (let i = 0; i < 2; i++) round(control, 'ok')
    for (let i = 0; i < times; i++) control.learn(bad, send(control, 16), 16)
    const limit = control.limit()
    vi.advanceTimersByTime(5000)
    expect(control.limit()).toBe(limit)
    control.rest()
    send(control, 1)
    expect(unanswered(control, 140)).toBe(8)
  })

  test.each([
    ['announced', 6, () => verdict('ok', concurrency(6, 1))],
    ['learned', 4, () => verdict('concurrency-limited')],
  ])('nor is there one while a ceiling is %s', (_, ceiling, answer) => {
    const control = newControl(undefined)
    control.learn(answer(), send(control, 7), 7)
    expect(unanswered(control, 500)).toBe(ceiling)
  })

  test('nor below a fixed number', () => {
    expect(unanswered(newControl(7), 500)).toBe(7)
  })

  test('nor while more in flight only makes answers slower', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 6; i++) round(control, 'ok', 10 * most(control))
    const limit = control.limit()
    vi.advanceTimersByTime(5000)
    expect(control.limit()).toBe(limit)
    expect(limit).toBeLessThan(16)
  })
})

describe('a ceiling that the server names', () => {
  test('is taken at once, and is never exceeded', () => {
    const control = newControl(undefined)
    const reason = control.learn(verdict('ok', concurrency(5, 1)), send(control, 1), 1)
    expect(control.limit()).toBe(5)
    expect(reason).toBe('the server allows 5, others use 0')
    succeed(control, 1000)
    expect(control.limit()).toBe(5)
  })

  test('may be below the start', () => {
    const control = newControl(undefined)
    control.learn(verdict('ok', concurrency(2, 1)), send(control, 1), 1)
    expect(control.limit()).toBe(2)
  })

  test('shows as active and remaining, too', () => {
    const control = newControl(undefined)
    control.learn(verdict('ok', concurrency(undefined, 2, 4)), send(control, 2), 2)
    expect(control.limit()).toBe(6)
  })

  describe('is shared with others', () => {
    test('what they use is not ours', () => {
      const control = newControl(undefined)
      control.learn(verdict('ok', concurrency(10, 1)), send(control, 1), 1)
      expect(control.limit()).toBe(10)
      control.learn(verdict('ok', concurrency(10, 7)), send(control, 3), 3)
      expect(control.limit()).toBe(6)
      control.learn(verdict('ok', concurrency(10, 6)), send(control, 6), 6)
      expect(control.limit()).toBe(10)
    })

    test('it is not taken at once, but by doubling as long as there is room for that', () => {
      const control = newControl(undefined)
      /** So many slots of 100 are in use by others all the time. */
      const others = 40
      const sizes = Array.from({ length: 7 }, () => {
        const size = most(control)
        const sent = Array.from({ length: size }, () => send(control, size))
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
      const sent = send(control, ours)
      vi.advanceTimersByTime(100)
      control.learn(verdict('ok', concurrency(5, used)), sent, ours)
      expect(pause(control)).toBe(pauseMs)
      expect(control.room(0)).toBe(pauseMs === 0)
      vi.advanceTimersByTime(5)
      expect(pause(control)).toBe(0)
      expect(control.room(0)).toBe(true)
    })

    test('a slot is left free for half a second at most', () => {
      const control = newControl(undefined)
      const sent = send(control, 2)
      vi.advanceTimersByTime(600_000)
      send(control, 3)
      control.learn(verdict('ok', concurrency(5, 5)), sent, 3)
      expect(pause(control)).toBe(500)
    })

    test('once they are gone, it is taken back by doubling, however few they had left', () => {
      const control = newControl(undefined)
      control.learn(verdict('ok', concurrency(7, 7)), send(control, 1), 1)
      for (let refusals = 0; refusals < 3; refusals++) {
        control.learn(verdict('concurrency-limited', concurrency(7, 7)), send(control, 1), 1)
        vi.advanceTimersByTime(Math.ceil(pause(control)))
      }
      const sizes = Array.from({ length: 5 }, () => {
        const size = most(control)
        const sent = Array.from({ length: size }, () => send(control, size))
        vi.advanceTimersByTime(100)
        for (const one of sent) control.learn(verdict('ok', concurrency(7, size)), one, size)
        return size
      })
      expect(sizes).toEqual([1, 1, 2, 4, 7])
    })
  })

  test('leaves one, however many others there are', () => {
    const control = newControl(undefined)
    control.learn(verdict('ok', concurrency(3, 9)), send(control, 1), 1)
    expect(control.limit()).toBe(1)
  })

  test('never lifts a fixed number', () => {
    const control = newControl(3)
    control.learn(verdict('ok', concurrency(50, 1)), send(control, 1), 1)
    expect(control.limit()).toBe(3)
    control.learn(verdict('ok', concurrency(2, 1)), send(control, 1), 1)
    expect(control.limit()).toBe(2)
  })

  test('is not tried beyond, not even after a refusal and a long run of good answers', () => {
    const control = newControl(undefined)
    control.learn(verdict('ok', concurrency(5, 1)), send(control, 1), 1)
    control.learn(verdict('concurrency-limited'), send(control, 5), 5)
    succeed(control, 1000)
    expect(control.limit()).toBe(5)
  })

  test('nonsense is not taken', () => {
    const control = newControl(undefined)
    control.learn(verdict('unknown', concurrency(0, 1)), send(control, 1), 1)
    expect(control.limit()).toBe(4)
  })
})

describe('after a moment with nothing in flight', () => {
  test('a burst begins with 4, whatever the limit was, and doubles up again', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 5; i++) round(control, 'ok')
    expect(control.limit()).toBe(128)
    control.rest()
    control.learn(verdict('ok'), send(control, 1), 1)
    expect(control.limit()).toBe(4)
    expect(Array.from({ length: 3 }, () => round(control, 'ok'))).toEqual([4, 8, 16])
  })

  test('only then: a limit that was reached with one in flight stays', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 5; i++) round(control, 'ok')
    send(control, 1)
    expect(control.limit()).toBe(128)
    control.rest()
    send(control, 1)
    expect(control.limit()).toBe(4)
  })

  test('less stays less', () => {
    const control = newControl(undefined)
    control.rest()
    send(control, 1)
    expect(control.limit()).toBe(4)
  })

  test.each([
    ['announced', () => verdict('ok', concurrency(50, 1))],
    ['learned', () => verdict('concurrency-limited')],
  ] as const)('a ceiling that is %s is used at once', (_, answer) => {
    const control = newControl(undefined)
    for (let i = 0; i < 4; i++) round(control, 'ok')
    control.learn(answer(), send(control, 51), 51)
    expect(control.limit()).toBe(50)
    control.rest()
    send(control, 1)
    expect(control.limit()).toBe(50)
  })

  test('a fixed number, too', () => {
    const control = newControl(100)
    control.rest()
    send(control, 1)
    expect(control.limit()).toBe(100)
  })
})

describe('beyond 16 the limit doubles only as long as answers take no longer for it', () => {
  test('they wait for each other in the server: one more per round', () => {
    const control = newControl(undefined)
    expect(Array.from({ length: 3 }, () => round(control, 'ok', 10))).toEqual([4, 8, 16])
    /** It works on one at a time beyond sixteen. */
    const queueing = (): number => round(control, 'ok', Math.max(10, 100 * (control.limit() - 16)))
    for (let i = 0; i < 4; i++) queueing()
    const before = control.limit()
    expect(before).toBeLessThan(64)
    expect(queueing()).toBe(before)
    expect(control.limit() - before).toBeLessThanOrEqual(1)
  })

  test('a server that has become slower is no queue: the limit is what it was', () => {
    const control = newControl(undefined)
    expect(Array.from({ length: 4 }, () => round(control, 'ok', 10))).toEqual([4, 8, 16, 32])
    const before = control.limit()
    for (let i = 0; i < 6; i++) round(control, 'ok', 1000)
    expect(control.limit()).toBeGreaterThanOrEqual(before)
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
    const sent = send(control, 7)
    expect(control.learn(verdict('concurrency-limited'), sent, 6)).toBe('refused with 6 in flight')
    expect(control.limit()).toBe(5)
  })

  test('each of one batch counts: the limit is what was let through', () => {
    const control = newControl(16)
    const batch = Array.from({ length: 16 }, (_, i) => send(control, i + 1))
    vi.advanceTimersByTime(5)
    for (let i = 0; i < 11; i++) control.learn(verdict('concurrency-limited'), batch[15 - i]!, 16 - i)
    expect(control.limit()).toBe(5)
  })

  test('is no failure: it does not pause', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 10; i++) control.learn(verdict('concurrency-limited'), send(control, 4), 4)
    expect(control.limit()).toBe(3)
    expect(pause(control)).toBe(0)
  })

  test('of a call that was alone: others keep the limit full, so it pauses, 200 ms and then longer and longer', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const control = newControl(undefined)
    exchange(control, 'concurrency-limited')
    const pauses = Array.from({ length: 8 }, () => {
      exchange(control, 'concurrency-limited')
      expect(most(control)).toBe(0)
      const ms = pause(control)
      vi.advanceTimersByTime(Math.ceil(ms))
      expect(most(control)).toBe(1)
      return Math.round(ms)
    })
    expect(pauses).toEqual([200, 300, 350, 350, 420, 567, 765, 1034])
  })

  test('of a call that was alone, again and again: that may be only about itself, and nobody pauses for it', () => {
    const control = newControl(undefined)
    const same = request()
    for (let i = 0; i < 20; i++) {
      exchange(control, 'concurrency-limited', same)
      expect(control.room(0)).toBe(true)
    }
    exchange(control, 'concurrency-limited')
    expect(control.room(0)).toBe(false)
  })

  test('and if somebody was served in between, different calls do not add up', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 20; i++) {
      exchange(control, 'concurrency-limited')
      expect(control.room(0)).toBe(true)
      exchange(control, 'ok')
      vi.advanceTimersByTime(1)
    }
    for (let i = 0; i < 2; i++) exchange(control, 'concurrency-limited')
    vi.advanceTimersByTime(Math.ceil(pause(control)))
    exchange(control, 'ok')
    vi.advanceTimersByTime(1)
    exchange(control, 'concurrency-limited')
    expect(control.room(0)).toBe(true)
  })

  test('but where a header names the ceiling, the first one pauses', () => {
    const control = newControl(undefined)
    control.learn(verdict('concurrency-limited', concurrency(5, 5)), send(control, 1), 1)
    expect(control.room(0)).toBe(false)
  })

  describe('where refusals follow each other, others keep it full: the limit comes back more slowly', () => {
    const crowd = (refusals: number): Control => {
      const control = newControl(undefined)
      control.learn(verdict('ok', concurrency(10, 1)), send(control, 1), 1)
      for (let i = 0; i < refusals; i++) {
        vi.advanceTimersByTime(1)
        control.learn(verdict('concurrency-limited'), send(control, 4), 4)
      }
      return control
    }
    /** Good answers until there is one slot more. */
    const answers = (control: Control): number => {
      const limit = control.limit()
      let count = 0
      for (; control.limit() === limit; count++) succeed(control)
      return count
    }

    test('after one, it takes twice as many good answers for one slot more; after more, four times', () => {
      // 3 + 1/3 + 1/3.3 + 1/3.6 would be one more after four.
      expect([1, 2, 3, 4].map((refusals) => answers(crowd(refusals)))).toEqual([7, 14, 14, 14])
    })

    test('those of what was sent together count as one', () => {
      const control = crowd(0)
      vi.advanceTimersByTime(1)
      const batch = Array.from({ length: 5 }, () => send(control, 8))
      vi.advanceTimersByTime(1)
      for (const [i, sent] of batch.entries()) control.learn(verdict('concurrency-limited'), sent, 8 - i)
      expect(answers(control)).toBe(7)
    })

    test('after twenty good answers in a row that is over', () => {
      const control = crowd(4)
      succeed(control, 21)
      const limit = control.limit()
      expect(answers(control)).toBeLessThanOrEqual(limit)
    })
  })

  test('a learned ceiling is tried again, after a good answer for each slot', () => {
    const control = newControl(undefined)
    control.learn(verdict('concurrency-limited'), send(control, 4), 4)
    expect(control.limit()).toBe(3)
    succeed(control, 3)
    expect(control.limit()).toBe(3)
    succeed(control)
    expect(control.limit()).toBe(4)
    succeed(control, 4)
    expect(control.limit()).toBe(4)
    succeed(control)
    expect(control.limit()).toBe(6)
  })

  test('a fixed number comes back, and no more', () => {
    const control = newControl(4)
    control.learn(verdict('concurrency-limited'), send(control, 4), 4)
    expect(control.limit()).toBe(3)
    succeed(control, 1000)
    expect(control.limit()).toBe(4)
  })

  test('with a time above a minute nobody is held', () => {
    const control = newControl(undefined)
    control.learn(verdict('concurrency-limited', { retryAfterMs: 60_001 }), send(control, 4), 4)
    expect(pause(control)).toBe(0)
    control.learn(verdict('concurrency-limited', { retryAfterMs: 60_000 }), send(control, 3), 3)
    expect(pause(control)).toBe(60_000)
  })

  test('with a time, the key pauses for just that long; a shorter one does not shorten it, nor does a good answer', () => {
    const control = newControl(undefined)
    const early = send(control, 4)
    control.learn(verdict('concurrency-limited', { retryAfterMs: 2000 }), send(control, 4), 4)
    control.learn(verdict('concurrency-limited', { retryAfterMs: 500 }), send(control, 3), 3)
    vi.advanceTimersByTime(10)
    control.learn(verdict('ok'), early, 2)
    vi.advanceTimersByTime(1989)
    expect(most(control)).toBe(0)
    vi.advanceTimersByTime(1)
    expect(most(control)).toBe(2)
  })
})

describe('a refusal without a word', () => {
  /** A batch of which so many are let through after so long, the others refused at once. */
  const batch = (control: Control, size: number, refused: number): Sent[] => {
    const sent = Array.from({ length: size }, (_, i) => send(control, i + 1))
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
    const sent = send(control, 3)
    expect(control.room(3)).toBe(false)
    expect(control.room(0)).toBe(false)
    vi.advanceTimersByTime(20)
    return { sent, others }
  }

  test('one with a time is not ours', () => {
    const control = newControl(undefined)
    control.learn(verdict('rate-limited', { retryAfterMs: 1000 }), send(control, 1), 1)
    expect(most(control)).toBe(4)
  })

  test('of a call that was alone is one for a window, or chance: one goes at once, and if that is refused, too, the key pauses', () => {
    const control = newControl(undefined)
    expect(exchange(control, 'rate-limited')).toBe('refused without a time: probing')
    expect(most(control)).toBe(1)
    exchange(control, 'rate-limited')
    expect(most(control)).toBe(0)
    vi.advanceTimersByTime(Math.ceil(pause(control)))
    expect(most(control)).toBe(1)
  })

  test('of one of several changes nothing if it is the only one since a success: a limit would refuse the next, too', () => {
    const control = newControl(undefined)
    const sent = Array.from({ length: 4 }, () => send(control, 4))
    expect(control.learn(verdict('rate-limited'), sent[0]!, 4)).toBeUndefined()
    expect(most(control)).toBe(4)
    expect(control.learn(verdict('rate-limited'), sent[1]!, 3)).toBe('refused with 3 in flight')
    expect(most(control)).toBe(0)
  })

  test('of several may be either: nothing more is sent until half of the others are answered, then a trial', () => {
    expect(trial(newControl(undefined)).others).toHaveLength(2)
  })

  test('the limit does not grow meanwhile: that would be among more', () => {
    const control = newControl(undefined)
    const [first] = batch(control, 8, 3)
    const limit = control.limit()
    control.learn(verdict('ok'), first!, 5)
    expect(control.limit()).toBe(limit)
  })

  test('others that take long are waited for only as long again as the first one took', () => {
    const control = newControl(undefined)
    const [first] = batch(control, 8, 3)
    vi.advanceTimersByTime(15)
    control.learn(verdict('ok'), first!, 5)
    expect(control.room(4)).toBe(false)
    expect(pause(control)).toBe(20)
    vi.advanceTimersByTime(20)
    expect(control.room(4)).toBe(true)
    expect(control.learn(verdict('rate-limited'), send(control, 5), 5)).toBe('refused without a time: probing')
  })

  test('nor is more waited for than there is: the last one is refused, one was let through, and the trial is due', () => {
    const control = newControl(undefined)
    const [first, ...others] = batch(control, 8, 3)
    control.learn(verdict('ok'), first!, 5)
    others.forEach((one, i) => control.learn(verdict('rate-limited'), one, others.length - i))
    expect(control.room(0)).toBe(true)
    expect(control.learn(verdict('rate-limited'), send(control, 1), 1)).toBe('refused without a time: probing')
  })

  describe('where as many in flight were served for two rounds', () => {
    /** So many good answers among eight, then two refusals among eight. */
    const refused = (answers: number, between?: (control: Control) => void): string | undefined => {
      const control = newControl(undefined)
      const [one, other, ...sent] = Array.from({ length: answers + 2 }, () => send(control, 8))
      vi.advanceTimersByTime(10)
      for (const good of sent) control.learn(verdict('ok'), good, 8)
      between?.(control)
      control.learn(verdict('rate-limited'), one!, 8)
      return control.learn(verdict('rate-limited'), other!, 8)
    }

    test('it was for the window: no trial', () => {
      expect(refused(16)).toBe('refused without a time: probing')
    })

    test.each([
      ['with fewer answers', 15, undefined],
      ['with those from before a rest: what came next may be of another sort', 16, (one: Control) => one.rest()],
    ])('not %s', (_, answers, between) => {
      expect(refused(answers, between)).toBe('refused with 8 in flight')
    })
  })

  test('the trial is let through: it was for too many in flight', () => {
    const control = newControl(undefined)
    const { sent, others } = trial(control)
    control.learn(verdict('ok'), sent, 3)
    expect(control.limit()).toBe(4)
    expect(most(control)).toBe(4)
    for (const one of others) control.learn(verdict('ok'), one, 4)
    // From now on each one teaches the ceiling, without a trial.
    expect(control.learn(verdict('rate-limited'), send(control, 4), 4)).toBe('refused with 4 in flight')
    // One goes among as many, to find out whether that was chance.
    expect(most(control)).toBe(4)
    send(control, 4)
    expect(most(control)).toBe(3)
    expect(pause(control)).toBe(0)
  })

  describe('sooner than the end of a window that is known, with quota left', () => {
    /** Ten a second, asked by one call after the other for six seconds. */
    const learnWindow = (control: Control): void => {
      let openedAt = -Infinity
      let taken = 0
      for (const until = performance.now() + 6000; performance.now() < until || taken > 5;) {
        vi.advanceTimersByTime(Math.max(1, Math.ceil(pause(control))))
        const at = performance.now()
        if (at >= openedAt + 1000) [openedAt, taken] = [at, 0]
        exchange(control, taken++ < 10 ? 'ok' : 'rate-limited')
      }
    }

    test('it was for too many in flight, if a trial has shown a ceiling before', () => {
      const control = newControl(undefined)
      const { sent, others } = trial(control)
      control.learn(verdict('ok'), sent, 3)
      for (const one of others) control.learn(verdict('ok'), one, 4)
      learnWindow(control)
      expect(control.learn(verdict('rate-limited'), send(control, 4), 4)).toBe('refused with 4 in flight')
      expect(control.limit()).toBe(3)
    })

    test('else others have taken from the window', () => {
      const control = newControl(undefined)
      learnWindow(control)
      expect(control.learn(verdict('rate-limited'), send(control, 4), 4)).toBe('refused without a time: probing')
    })
  })

  test('the trial is refused, too: it was for the window', () => {
    const control = newControl(undefined)
    const { sent, others } = trial(control)
    expect(control.learn(verdict('rate-limited'), sent, 3)).toBe('refused without a time: probing')
    for (const one of others) control.learn(verdict('ok'), one, 1)
    // One finds out whether it was chance.
    expect(most(control)).toBe(1)
    exchange(control, 'rate-limited')
    expect(most(control)).toBe(0)
    vi.advanceTimersByTime(Math.ceil(pause(control)))
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
    vi.advanceTimersByTime(Math.ceil(pause(control)))
    exchange(control, 'ok')
    const all: Sent[] = []
    while (control.limit() > 1) all.push(send(control, all.length + 1))
    expect(all).toHaveLength(5)
    control.learn(verdict('rate-limited'), all.at(-1)!, 5)
    // Now it is known: five in each window.
    for (const one of all.slice(1)) control.learn(verdict('ok'), one, 1)
    vi.advanceTimersByTime(Math.ceil(pause(control)))
    exchange(control, 'ok')
    expect(most(control)).toBe(4)
  })

  test('refused three times although alone, and so were those that went at once, with a good answer after each, it was for a window', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 3; i++) {
      exchange(control, 'rate-limited')
      exchange(control, 'rate-limited')
      vi.advanceTimersByTime(Math.ceil(pause(control)))
      exchange(control, 'ok')
      vi.advanceTimersByTime(1)
    }
    send(control, 2)
    expect(control.learn(verdict('rate-limited'), send(control, 3), 3)).toBe('refused without a time: probing')
  })

  test('a window whose length more than doubles was none, and is forgotten', () => {
    const control = newControl(undefined)
    let openedAt = -Infinity
    /** One at a time, as soon as there is room, to a server that lets one through in each window of so long. */
    const next = (windowMs: number): void => {
      for (let opens = false; !opens; vi.advanceTimersByTime(Math.ceil(pause(control)))) {
        opens = performance.now() >= openedAt + windowMs
        if (opens) openedAt = performance.now()
        exchange(control, opens ? 'ok' : 'rate-limited')
      }
    }
    /** What is made of a refusal of one among several. */
    const refusal = (): string | undefined => control.learn(verdict('rate-limited'), send(control, 3), 3)
    for (let i = 0; i < 20; i++) next(100)
    expect(refusal()).toBe('refused without a time: probing')
    for (let i = 0; i < 2; i++) next(1000)
    expect(refusal()).toBe('refused with 3 in flight')
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
    expect(control.limit()).toBeGreaterThan(5)
  })

  test.each(['aborted', 'unknown', 'network', 'server-error', 'overloaded', 'concurrency-limited'] as const)(
    'a trial that ends with %s is no end of all sending',
    (kind) => {
      const control = newControl(undefined)
      const { sent, others } = trial(control)
      for (const one of others) control.learn(verdict('ok'), one, 1)
      control.learn(verdict(kind), sent, 1)
      vi.advanceTimersByTime(Math.ceil(pause(control)))
      expect(most(control)).toBeGreaterThanOrEqual(1)
    },
  )

  test.each(['aborted', 'network', 'server-error'] as const)(
    'nor is it the end if none of the others is let through: %s',
    (kind) => {
      const control = newControl(undefined)
      const others = batch(control, 8, 3)
      others.forEach((one, i) => control.learn(verdict(kind), one, others.length - i))
      vi.advanceTimersByTime(Math.ceil(pause(control)))
      expect(most(control)).toBeGreaterThanOrEqual(1)
    },
  )

  test('a window that is closed is asked at once, after 30 ms, then after as long as it was seen closed, a quarter chance, ten seconds at most', () => {
    const draw = vi.spyOn(Math, 'random')
    const pauses = (chance: number): number[] => {
      draw.mockReturnValue(chance)
      const control = newControl(undefined)
      return Array.from({ length: 12 }, () => {
        exchange(control, 'rate-limited')
        const ms = pause(control)
        vi.advanceTimersByTime(Math.ceil(ms))
        expect(control.room(0)).toBe(true)
        return Math.round(ms)
      })
    }
    expect(pauses(0.5)).toEqual([0, 30, 30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 10_000])
    expect(pauses(0).slice(0, 5)).toEqual([0, 23, 23, 35, 61])
    expect(pauses(1).slice(0, 5)).toEqual([0, 38, 48, 108, 243])
    expect(pauses(1).at(-1)).toBe(10_000)
  })

  test('what was sent before the pause does not lengthen it', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const control = newControl(undefined)
    const early = send(control, 2)
    vi.advanceTimersByTime(10)
    exchange(control, 'rate-limited')
    exchange(control, 'rate-limited')
    vi.advanceTimersByTime(10)
    control.learn(verdict('rate-limited'), early, 1)
    expect(pause(control)).toBe(20)
  })
})

describe('a refusal by a window that says how long to wait', () => {
  const refuse = (control: Control, sent: Sent): number => {
    control.learn(verdict('rate-limited', { retryAfterMs: 1000 }), sent, 64)
    return control.limit()
  }
  /** A control that has met one such refusal. */
  const refused = (limit: number): Control => {
    const control = newControl(limit)
    refuse(control, send(control, limit))
    vi.advanceTimersByTime(1)
    return control
  }

  test('is no habit, once: nothing changes', () => {
    expect(refused(64).limit()).toBe(64)
  })

  test('from then on it halves the limit, once for all that were sent before, and does not pause', () => {
    const control = refused(64)
    const batch = Array.from({ length: 3 }, () => send(control, 64))
    vi.advanceTimersByTime(100)
    expect(batch.map((sent) => refuse(control, sent))).toEqual([32, 32, 32])
    expect(pause(control)).toBe(0)
    vi.advanceTimersByTime(1)
    expect(refuse(control, send(control, 32))).toBe(16)
  })

  test.each([
    [12, 8],
    [5, 5],
  ])('of %d down to %d', (limit, least) => {
    const control = refused(limit)
    for (let i = 0; i < 3; i++) {
      expect(refuse(control, send(control, limit))).toBe(least)
      vi.advanceTimersByTime(1)
    }
  })

  test('afterwards the limit grows as ever', () => {
    const control = refused(64)
    expect(refuse(control, send(control, 64))).toBe(32)
    for (let i = 0; i < 3; i++) round(control, 'ok')
    expect(control.limit()).toBe(64)
  })
})

describe('refusals at random', () => {
  /** One is refused, and the one that goes out at once is served. */
  const refusal = (control: Control): void => {
    exchange(control, 'rate-limited')
    expect(control.room(0)).toBe(true)
    exchange(control, 'ok')
    vi.advanceTimersByTime(1)
  }
  const believed = (): Control => {
    const control = newControl(undefined)
    for (let i = 0; i < 3; i++) refusal(control)
    expect(control.random()).toBe(true)
    return control
  }

  test('three of them whose test was served, and it is believed; not before', () => {
    const control = newControl(undefined)
    const random = Array.from({ length: 3 }, () => {
      refusal(control)
      return control.random()
    })
    expect(random).toEqual([false, false, true])
  })

  test('from then on nothing is learned from any', () => {
    const control = believed()
    const limit = control.limit()
    for (let i = 0; i < 50; i++) {
      const sent = Array.from({ length: 4 }, () => send(control, 4))
      const kind = i % 2 === 0 ? 'rate-limited' : 'ok'
      for (const one of sent) expect(control.learn(verdict(kind), one, 4)).toBeUndefined()
      expect(control.limit()).toBeGreaterThanOrEqual(limit)
      expect(control.room(0)).toBe(true)
    }
  })

  test('eight in a row refute it, and something is learned again', () => {
    const control = believed()
    for (let i = 0; i < 8; i++) {
      expect(control.random()).toBe(true)
      vi.advanceTimersByTime(1)
      exchange(control, 'rate-limited')
    }
    expect(control.random()).toBe(false)
    exchange(control, 'rate-limited')
    expect(control.room(0)).toBe(false)
  })

  test('a limit that was found before is as it was', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 4; i++) round(control, 'ok')
    const limit = control.limit()
    for (let i = 0; i < 3; i++) refusal(control)
    expect(control.limit()).toBeGreaterThanOrEqual(limit)
  })
})

describe('what was learned keeps nobody for more than ten seconds after the last request', () => {
  test('a pause that would last for longer', () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const control = newControl(undefined)
    for (let i = 0; i < 12; i++) {
      exchange(control, 'rate-limited')
      vi.advanceTimersByTime(9999)
    }
    expect(control.room(0)).toBe(false)
    vi.advanceTimersByTime(1)
    expect(control.room(0)).toBe(true)
    send(control, 1)
    expect(control.room(1)).toBe(false)
  })

  test('nor a pause because others keep the server full', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 400; i++) {
      control.learn(verdict('concurrency-limited', concurrency(1, 1)), send(control, 1), 1)
      vi.advanceTimersByTime(10_000)
      expect(control.room(0)).toBe(true)
    }
  })

  test('unless the server named the time', () => {
    const control = newControl(undefined)
    control.learn(verdict('concurrency-limited', { retryAfterMs: 30_000 }), send(control, 1), 1)
    vi.advanceTimersByTime(29_999)
    expect(control.room(0)).toBe(false)
    expect(control.pauseMs(0)).toBe(1)
  })

  test('nor where the slots are taken', () => {
    const control = newControl(3)
    send(control, 3)
    vi.advanceTimersByTime(3_600_000)
    expect(control.room(3)).toBe(false)
    expect(control.pauseMs(3)).toBe(0)
  })
})

describe('open streams', () => {
  test('one other may always go, however many there are', () => {
    const control = newControl(undefined)
    expect([4, 50].map((streams) => control.room(streams, streams))).toEqual([true, true])
    expect([5, 51].map((active) => control.room(active, active - 1))).toEqual([false, false])
  })

  test('unless the server announces its ceiling, or the limit is a number', () => {
    const announced = newControl(undefined)
    announced.learn(verdict('ok', concurrency(4, 1)), send(announced, 1), 1)
    const fixed = newControl(4)
    send(fixed, 1)
    for (const control of [announced, fixed]) {
      expect(control.room(3, 3)).toBe(true)
      expect(control.room(4, 4)).toBe(false)
    }
  })

  test('they are no probe', () => {
    const control = newControl(undefined)
    exchange(control, 'rate-limited')
    expect(control.room(2, 2)).toBe(true)
    expect(control.room(2, 1)).toBe(false)
  })
})

describe('what only prose says of an answer to something else', () => {
  test.each(['concurrency-limited', 'rate-limited', 'server-error', 'overloaded'] as const)(
    'changes nothing: %s',
    (kind) => {
      const control = newControl(undefined)
      for (let i = 0; i < 20; i++) control.learn(verdict(kind, { tentative: true }), send(control, 4), 4)
      expect(most(control)).toBe(4)
      expect(control.failing()).toBe(false)
      expect(control.breaker.laneOf(request())).toBeUndefined()
    },
  )
})

describe('overload', () => {
  test('halves the limit once most of the late answers failed, once for all that were sent before', () => {
    const control = newControl(64)
    exchange(control, 'ok')
    const batch = Array.from({ length: 64 }, () => send(control, 64))
    vi.advanceTimersByTime(100)
    // Four of five: a fifth in a row would be an outage.
    const limits = batch.map((sent, i) => {
      control.learn(verdict(i % 5 === 4 ? 'ok' : 'overloaded'), sent, 64)
      return control.limit()
    })
    expect(limits.slice(0, 4)).toEqual([64, 64, 64, 32])
    expect(Math.min(...limits)).toBe(32)
    expect(control.room(0)).toBe(true)
  })

  test('of a third of the answers changes nothing', () => {
    const control = newControl(16)
    for (let i = 0; i < 50; i++) {
      control.learn(verdict('overloaded'), send(control, 16), 16)
      vi.advanceTimersByTime(1)
      succeed(control, 2)
      vi.advanceTimersByTime(1)
    }
    expect(control.limit()).toBe(16)
  })

  test('other failures do not halve it', () => {
    const control = newControl(16)
    for (let i = 0; i < 4; i++) control.learn(verdict('server-error'), send(control, 16), 16)
    expect(control.limit()).toBe(16)
  })

  test('never goes below one', () => {
    const control = newControl(1)
    for (let i = 0; i < 4; i++) exchange(control, 'overloaded')
    expect(most(control)).toBe(1)
  })

  test('where nobody was served for ten seconds before, it is an outage', () => {
    const control = newControl(64)
    exchange(control, 'ok')
    vi.advanceTimersByTime(10_000)
    for (let i = 0; i < 4; i++) control.learn(verdict('overloaded'), send(control, 64), 64)
    expect(control.limit()).toBe(64)
  })

  test('afterwards the limit grows by one for each round', () => {
    const control = newControl(16)
    exchange(control, 'ok')
    for (let i = 0; i < 4; i++) control.learn(verdict('overloaded'), send(control, 16), 16)
    expect(control.limit()).toBe(8)
    vi.advanceTimersByTime(1)
    round(control, 'ok')
    expect(control.limit()).toBe(8)
    round(control, 'ok')
    expect(control.limit()).toBe(9)
  })
})

describe('a server that is down', () => {
  const DOWN = request('down')
  const down = (control: Control, kind: VerdictKind = 'server-error', times = 5): (string | undefined)[] =>
    Array.from({ length: times }, () => exchange(control, kind, DOWN))

  test.each(['server-error', 'network', 'timeout', 'overloaded'] as const)(
    'five times %s in a row, and its calls wait for a probe',
    (kind) => {
      const control = newControl(undefined)
      down(control, kind, 4)
      expect(control.breaker.laneOf(DOWN)).toBeUndefined()
      expect(down(control, kind, 1)).toEqual(['the server fails: probing'])
      const lane = control.breaker.laneOf(DOWN)
      expect(control.breaker.waitMs(lane!)).toBeGreaterThan(0)
    },
  )

  test.each(['aborted', 'unknown', 'concurrency-limited'] as const)('%s is no failure', (kind) => {
    const control = newControl(undefined)
    down(control, kind, 50)
    expect(control.breaker.laneOf(DOWN)).toBeUndefined()
  })

  test('a good answer in between starts the count anew', () => {
    const control = newControl(undefined)
    for (let i = 0; i < 10; i++) {
      down(control, 'server-error', 4)
      exchange(control, 'ok', DOWN)
    }
    expect(control.breaker.laneOf(DOWN)).toBeUndefined()
    expect(most(control)).toBe(4)
  })

  test('when it is up again, the limit begins with 4', () => {
    const control = newControl(64)
    down(control)
    exchange(control, 'ok', DOWN)
    expect(Array.from({ length: 5 }, () => round(control, 'ok'))).toEqual([4, 8, 16, 32, 64])
  })

  test('or with all of it, if it was small', () => {
    const control = newControl(3)
    down(control)
    exchange(control, 'ok', DOWN)
    expect(most(control)).toBe(3)
  })

  test('unless others of the key are served meanwhile: they go on as they did', () => {
    const control = newControl(64)
    down(control, 'server-error', 4)
    exchange(control, 'ok')
    down(control, 'server-error', 1)
    expect(control.breaker.laneOf(DOWN)).toBeDefined()
    expect(control.limit()).toBe(64)
    exchange(control, 'ok', DOWN)
    expect(control.breaker.laneOf(DOWN)).toBeUndefined()
    expect(control.limit()).toBe(64)
  })

  test.each(['aborted', 'unknown', 'concurrency-limited'] as const)(
    'a probe that ends with %s makes way for the next one',
    (kind) => {
      vi.spyOn(Math, 'random').mockReturnValue(0.5)
      const control = newControl(undefined)
      down(control)
      const lane = control.breaker.laneOf(DOWN)!
      vi.advanceTimersByTime(100)
      control.breaker.probe(lane, DOWN)
      const sent = send(control, 1, DOWN)
      expect(control.breaker.waitMs(lane)).toBeGreaterThan(0)
      control.learn(verdict(kind), sent, 1)
      expect(control.breaker.waitMs(lane)).toBe(0)
    },
  )
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
  const spreadMs = (control: Control, retry: number): number => control.spreadMs(retry, request())

  test('comes when it is said to, the first time', () => {
    expect(spreadMs(failing(), 1)).toBe(0)
  })

  test('comes later from the second time on, by up to 1.25 times the length of the outage', () => {
    const control = failing()
    expect(spreadMs(control, 2)).toBe(1250)
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    expect(spreadMs(control, 2)).toBe(625)
    vi.spyOn(Math, 'random').mockReturnValue(0)
    expect(spreadMs(control, 2)).toBe(0)
  })

  test('a fourth of that for each further retry', () => {
    const control = failing()
    expect([3, 4].map((retry) => spreadMs(control, retry))).toEqual([312.5, 78.125])
  })

  test('not at all once it has served somebody', () => {
    const control = failing()
    exchange(control, 'ok')
    expect(spreadMs(control, 2)).toBe(0)
  })

  test('not while it waits for a probe: that is one at a time', () => {
    const control = failing()
    for (let i = 0; i < 3; i++) exchange(control, 'network')
    expect(control.breaker.laneOf(request())).toBeDefined()
    expect(spreadMs(control, 2)).toBe(0)
  })

  test('nor where nobody failed', () => {
    const control = newControl(undefined)
    exchange(control, 'ok')
    exchange(control, 'concurrency-limited')
    expect(spreadMs(control, 2)).toBe(0)
  })

  test('failures further apart than ten seconds are not of one outage', () => {
    const control = failing()
    vi.advanceTimersByTime(9000)
    exchange(control, 'server-error')
    expect(spreadMs(control, 2)).toBe(11_000 * 1.25)
    vi.advanceTimersByTime(10_001)
    exchange(control, 'server-error')
    vi.advanceTimersByTime(1000)
    exchange(control, 'server-error')
    expect(spreadMs(control, 2)).toBe(1250)
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
    expect(control.failing()).toBe(true)
    expect(pause(control)).toBe(600)
    vi.advanceTimersByTime(600)
    exchange(control, 'rate-limited')
    expect(pause(control)).toBe(660)
  })

  test('for 30 ms at least, and four seconds at most', () => {
    expect(pause(back(100, 100))).toBe(30)
    const control = back(9000, 9000)
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(pause(control))
      exchange(control, 'rate-limited')
    }
    expect(pause(control)).toBe(4000)
  })

  test('the first good answer ends it', () => {
    const control = back(5000, 1000)
    vi.advanceTimersByTime(pause(control))
    exchange(control, 'ok')
    expect(control.failing()).toBe(false)
    expect(pause(control)).toBe(0)
    expect(most(control)).toBeGreaterThan(1)
  })

  test('long after its last failure it is one like any other', () => {
    const control = back(5000, 10_001)
    expect(control.failing()).toBe(false)
    // Asked again at once, as after any other.
    expect(pause(control)).toBe(0)
  })
})

describe('a server that is back', () => {
  /** It was down, and refuses the probe. */
  const back = (): Control => {
    const control = newControl(undefined)
    for (let i = 0; i < 5; i++) exchange(control, 'server-error')
    vi.advanceTimersByTime(1000)
    expect(control.comingBack(performance.now())).toBe(false)
    exchange(control, 'rate-limited')
    return control
  }

  test('is probed no more for its failures: it answers', () => {
    expect(back().breaker.laneOf(request())).toBeUndefined()
  })

  test('is known to be, until it serves somebody', () => {
    const control = back()
    expect(control.comingBack(performance.now())).toBe(true)
    exchange(control, 'ok')
    expect(control.comingBack(performance.now())).toBe(false)
  })

  test('or its outage began a minute ago', () => {
    const control = back()
    vi.advanceTimersByTime(58_999)
    expect(control.comingBack(performance.now())).toBe(true)
    vi.advanceTimersByTime(1)
    expect(control.comingBack(performance.now())).toBe(false)
  })

  test('where it fails again, it is down as before', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const control = back()
    vi.advanceTimersByTime(1000)
    exchange(control, 'server-error')
    // 15 % of the time since its first failure.
    expect(pause(control)).toBe(300)
  })

  test('for whoever has met that outage, not one before it', () => {
    const longAgo = performance.now() - 1
    const control = back()
    expect(control.comingBack(longAgo)).toBe(false)
  })
})

describe('whether it fails', () => {
  test('is known from failures, until the next good answer', () => {
    const control = newControl(undefined)
    expect(control.failing()).toBe(false)
    exchange(control, 'timeout')
    expect(control.failing()).toBe(true)
    exchange(control, 'concurrency-limited')
    expect(control.failing()).toBe(true)
    exchange(control, 'missing')
    expect(control.failing()).toBe(false)
  })
})

describe('whether it serves', () => {
  test('is known from good answers, for ten seconds', () => {
    const control = newControl(undefined)
    expect(control.serving()).toBe(false)
    exchange(control, 'rate-limited')
    expect(control.serving()).toBe(false)
    exchange(control, 'missing')
    expect(control.serving()).toBe(true)
    vi.advanceTimersByTime(9999)
    exchange(control, 'server-error')
    expect(control.serving()).toBe(true)
    vi.advanceTimersByTime(1)
    expect(control.serving()).toBe(false)
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
    path: fc.constantFrom('a', 'b', 'c'),
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
        expect(control.limit()).toBeGreaterThanOrEqual(1)
        expect(control.limit()).toBeLessThanOrEqual(fixed ?? Infinity)
        expect(Number.isInteger(control.limit())).toBe(true)
        if (control.room(0)) return
        expect(control.pauseMs(0)).toBeGreaterThan(0)
        expect(control.pauseMs(0)).toBeLessThanOrEqual(10_000)
      }
      for (const { kind, more, path, which, named, retryAfterMs, passMs } of steps) {
        for (let i = 0; i < more && control.room(out.length); i++)
          out.push(send(control, out.length + 1, request(path)))
        vi.advanceTimersByTime(passMs)
        const [sent] = out.splice(which % Math.max(1, out.length), 1)
        if (sent)
          control.learn(verdict(kind, { ...(named && concurrency(...named)), retryAfterMs }), sent, out.length + 1)
        check()
      }
      // All that are still out are lost.
      while (out.length > 0) control.learn(verdict('aborted'), out.pop()!, out.length + 1)
      vi.advanceTimersByTime(Math.ceil(pause(control)))
      expect(control.room(0)).toBe(true)
      const lane = control.breaker.laneOf(request('a'))
      if (lane === undefined) return
      vi.advanceTimersByTime(Math.ceil(control.breaker.waitMs(lane)))
      expect(control.breaker.waitMs(lane)).toBe(0)
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
            out.push(send(control, out.length + 1))
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
      play(before, Infinity)
      control.learn(verdict('ok', concurrency(named, 1)), send(control, 1), 1)
      play(after, named)
      expect(control.limit()).toBeLessThanOrEqual(named)
    }),
    { seed: 3, numRuns: 200 },
  )
})
