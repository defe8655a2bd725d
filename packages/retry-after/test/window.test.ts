import type { LimitWindow } from '@aplomb/pipeline'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { type Departure, newDepartures } from '../src/departures.ts'
import { newFixedWindow } from '../src/window.ts'

useFakeTime()

/** One window, and the requests that it counts. */
const newPace = () => {
  const departures = newDepartures()
  let outside = -Infinity
  const window = newFixedWindow(departures, () => outside)
  return {
    waitMs: (): number => window.waitMs(performance.now()),
    sent: (): Departure => {
      const departure = departures.sent(1, performance.now())
      window.sent(departure.at)
      return departure
    },
    learn: (windows: readonly LimitWindow[], departure: Departure, served = true): void => {
      departures.answered(departure, served)
      if (served && windows.length === 0) outside = Math.max(outside, departure.place)
      if (!served) window.refused(departure)
      for (const { limit, remaining = 0, resetMs = 0, windowMs } of windows)
        window.learn({ limit, remaining, resetMs, windowMs }, departure, served, performance.now())
    },
    get idle() {
      return window.idle()
    },
    get asked() {
      return window.asked()
    },
  }
}

type Pace = ReturnType<typeof newPace>

const window = (remaining: number, resetMs: number, more: Partial<LimitWindow> = {}): LimitWindow => ({
  remaining,
  resetMs,
  source: 'test',
  ...more,
})

/** Sends one request and takes in its answer. */
const exchange = (pace: Pace, ...windows: LimitWindow[]): void => pace.learn(windows, pace.sent())

/** How many may go out now. */
const room = (pace: Pace): number => {
  let count = 0
  while (count < 1000 && pace.waitMs() === 0) {
    pace.sent()
    count++
  }
  return count
}

const luck = (chance: number): void => void vi.spyOn(Math, 'random').mockReturnValue(chance)

test('after its reset it is asked once somebody has gone, and until somebody was answered', () => {
  const pace = newPace()
  exchange(pace, window(0, 1000, { limit: 5, windowMs: 1000 }))
  vi.advanceTimersByTime(1000)
  expect([pace.waitMs(), pace.asked]).toEqual([0, false])
  const scout = pace.sent()
  expect(pace.asked).toBe(true)
  pace.learn([window(4, 1000, { limit: 5, windowMs: 1000 })], scout)
  expect(pace.asked).toBe(false)
})

test('what a first answer has overtaken is ours: nobody else uses the window', () => {
  const pace = newPace()
  const first = pace.sent()
  const second = pace.sent()
  // It was counted as the first.
  pace.learn([window(3, 1000, { limit: 4, windowMs: 1000 })], second)
  pace.learn([window(2, 1000, { limit: 4, windowMs: 1000 })], first)
  const third = pace.sent()
  pace.learn([window(1, 1000, { limit: 4, windowMs: 1000 })], third)
  expect(room(pace)).toBe(1)
  vi.advanceTimersByTime(1000)
  expect(room(pace)).toBe(4)
})

describe('an announced window', () => {
  test('is not known at first: nobody waits', () => {
    const pace = newPace()
    for (let i = 0; i < 100; i++) pace.sent()
    expect(pace.waitMs()).toBe(0)
    expect(pace.idle).toBe(true)
  })

  test('lets through what remains, then waits for the reset', () => {
    const pace = newPace()
    exchange(pace, window(2, 5000))
    expect(pace.waitMs()).toBe(0)
    pace.sent()
    expect(pace.waitMs()).toBe(0)
    pace.sent()
    expect(pace.waitMs()).toBe(5000)
    vi.advanceTimersByTime(4000)
    expect(pace.waitMs()).toBe(1000)
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
  })

  test('what was sent after the request is not in its answer: it is spoken for', () => {
    const pace = newPace()
    const first = pace.sent()
    pace.sent()
    pace.sent()
    pace.learn([window(3, 1000)], first)
    expect(pace.waitMs()).toBe(0)
    pace.sent()
    expect(pace.waitMs()).toBe(1000)
  })

  test('an answer that comes late does not undo what a later request learned', () => {
    const pace = newPace()
    const first = pace.sent()
    const second = pace.sent()
    pace.learn([window(0, 1000)], second)
    pace.learn([window(9, 1000)], first)
    expect(pace.waitMs()).toBe(1000)
  })

  test('after the reset it is taken to be as before, until an answer says otherwise', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000, { limit: 2, windowMs: 1000 }))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    pace.sent()
    pace.sent()
    expect(pace.waitMs()).toBe(1000)
  })

  test('of unknown size ends with its reset', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000))
    expect(pace.idle).toBe(false)
    vi.advanceTimersByTime(1000)
    expect(pace.idle).toBe(true)
    for (let i = 0; i < 100; i++) pace.sent()
    expect(pace.waitMs()).toBe(0)
  })

  test('resets come rounded up: within a window the earliest is the most exact', () => {
    const pace = newPace()
    exchange(pace, window(1, 1000))
    vi.advanceTimersByTime(500)
    exchange(pace, window(0, 1000))
    expect(pace.waitMs()).toBe(500)
  })

  test('its answer knows better when it ends', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000, { limit: 1 }))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    const sent = pace.sent()
    vi.advanceTimersByTime(300)
    pace.learn([window(0, 1000, { limit: 1 })], sent)
    expect(pace.waitMs()).toBe(1000)
  })

  test('an answer to what was sent before the reset says nothing about the new window', () => {
    const pace = newPace()
    exchange(pace, window(2, 1000, { limit: 3, windowMs: 1000 }))
    const late = pace.sent()
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    pace.learn([window(0, 500, { limit: 3, windowMs: 1000 })], late)
    expect(pace.waitMs()).toBe(0)
  })

  test('its end is known from a request in it: that had arrived after half of the time its answer took', () => {
    const pace = newPace()
    const sent = pace.sent()
    vi.advanceTimersByTime(200)
    pace.learn([window(1, 2000, { limit: 2, windowMs: 1000 })], sent)
    pace.sent()
    expect(pace.waitMs()).toBe(900)
  })

  test('and after no longer than the fastest answer took', () => {
    const pace = newPace()
    const fast = pace.sent()
    vi.advanceTimersByTime(10)
    pace.learn([], fast)
    const slow = pace.sent()
    vi.advanceTimersByTime(200)
    pace.learn([window(0, 2000, { limit: 1, windowMs: 1000 })], slow)
    expect(pace.waitMs()).toBe(1000 - 200 + 10)
  })

  test('one that is only expected can be forgotten', () => {
    const pace = newPace()
    exchange(pace, window(0, 1000, { limit: 2, windowMs: 1000 }))
    expect(pace.idle).toBe(false)
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    expect(pace.idle).toBe(true)
  })

  test('a new window has a reset of its own', () => {
    const pace = newPace()
    exchange(pace, window(1, 1000, { limit: 5 }))
    vi.advanceTimersByTime(1000)
    exchange(pace, window(0, 1000, { limit: 5 }))
    expect(pace.waitMs()).toBe(1000)
  })
})

describe('windows of up to ten seconds whose length is announced', () => {
  const second = { limit: 2, windowMs: 1000 }
  /** A pace that has seen one end that is full, and what is left of the next. */
  const known = (more: Partial<LimitWindow> = second): Pace => {
    const pace = newPace()
    exchange(pace, window(0, 1000, more))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    return pace
  }

  test('follow each other without a gap, whenever the first request in one is sent', () => {
    const pace = known()
    vi.advanceTimersByTime(300)
    pace.sent()
    pace.sent()
    expect(pace.waitMs()).toBe(700)
    vi.advanceTimersByTime(700)
    expect(room(pace)).toBe(2)
    expect(pace.waitMs()).toBe(1000)
  })

  test('answers that take their time move nothing', () => {
    const pace = known()
    for (let i = 1; i <= 50; i++) {
      const sent = [pace.sent(), pace.sent()]
      vi.advanceTimersByTime(137)
      // Rounded up, as in most APIs.
      for (const [used, one] of sent.entries()) pace.learn([window(1 - used, 1000, second)], one)
      expect(pace.waitMs()).toBe(863)
      vi.advanceTimersByTime(863)
      expect(pace.waitMs()).toBe(0)
    }
  })

  test('those in which nothing is sent are passed over', () => {
    const pace = known()
    vi.advanceTimersByTime(3400)
    expect(room(pace)).toBe(2)
    expect(pace.waitMs()).toBe(600)
  })

  test('ten seconds are the longest', () => {
    const pace = newPace()
    exchange(pace, window(0, 10_000, { limit: 1, windowMs: 10_000 }))
    vi.advanceTimersByTime(10_400)
    expect(room(pace)).toBe(1)
    expect(pace.waitMs()).toBe(9600)
  })

  test.each([
    ['a longer one', { limit: 1, windowMs: 10_001 }, 10_001],
    ['one of unannounced length', { limit: 1 }, 1000],
  ])('%s begins with its first request, answered or not', (_, more, lengthMs) => {
    const pace = newPace()
    exchange(pace, window(0, lengthMs, more))
    vi.advanceTimersByTime(lengthMs)
    expect(pace.waitMs()).toBe(0)
    vi.advanceTimersByTime(400)
    expect(room(pace)).toBe(1)
    expect(pace.waitMs()).toBe(lengthMs)
    vi.advanceTimersByTime(100)
    expect(pace.waitMs()).toBe(lengthMs - 100)
  })

  test('until a refusal at the very beginning of one: from then on each begins with its first request', () => {
    const pace = known()
    vi.advanceTimersByTime(400)
    exchange(pace, window(1, 1000, second))
    exchange(pace, window(0, 1000, second))
    expect(pace.waitMs()).toBe(600)
    vi.advanceTimersByTime(600)
    expect(pace.waitMs()).toBe(0)
    // Its window began 400 ms later than was thought, and still lasts.
    pace.learn([window(0, 400, second)], pace.sent(), false)
    expect(pace.waitMs()).toBe(400)
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(400)
      expect(pace.waitMs()).toBe(0)
      vi.advanceTimersByTime(300)
      exchange(pace, window(1, 1000, second))
      expect(pace.waitMs()).toBe(0)
      vi.advanceTimersByTime(100)
      exchange(pace, window(0, 900, second))
      expect(pace.waitMs()).toBe(900)
      vi.advanceTimersByTime(500)
    }
  })

  test('a refusal later in one shows nothing of the kind', () => {
    const pace = known()
    exchange(pace, window(1, 1000, second))
    exchange(pace, window(0, 1000, second))
    pace.learn([window(0, 1000, second)], pace.sent(), false)
    vi.advanceTimersByTime(1300)
    expect(room(pace)).toBe(2)
    expect(pace.waitMs()).toBe(700)
  })

  test('nor does one where others send, too', () => {
    const pace = newPace()
    const many = { limit: 10, windowMs: 1000 }
    exchange(pace, window(9, 1000, many))
    exchange(pace, window(3, 1000, many))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    pace.learn([window(0, 1000, many)], pace.sent(), false)
    vi.advanceTimersByTime(1300)
    room(pace)
    vi.advanceTimersByTime(690)
    // A window of its own would last another 300 ms.
    expect(pace.waitMs()).toBeLessThanOrEqual(10)
  })
})

describe('requests overtake each other on the way', () => {
  const ten = { limit: 10, windowMs: 1000 }
  const known = (): Pace => {
    const pace = newPace()
    exchange(pace, window(9, 1000, ten))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    return pace
  }

  test('one that came sooner than it was sent has not opened more room', () => {
    const pace = known()
    pace.sent()
    pace.learn([window(9, 1000, ten)], pace.sent())
    expect(room(pace)).toBe(8)
  })

  test('one that was overtaken tells of nobody else', () => {
    const pace = known()
    const first = pace.sent()
    pace.sent()
    pace.learn([window(8, 1000, ten)], first)
    expect(room(pace)).toBe(8)
    // Nobody trickles.
    expect(pace.waitMs()).toBe(1000)
  })

  test('a difference of two is somebody else', () => {
    const pace = known()
    pace.learn([window(7, 1000, ten)], pace.sent())
    expect(room(pace)).toBeLessThan(7)
  })

  test('our own count is exact: whatever the order of the answers, all of a window is used and no more', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.boolean()), (swaps) => {
        const pace = known()
        let used = 0
        while (pace.waitMs() === 0) {
          const pair = [pace.sent(), ...(pace.waitMs() === 0 ? [pace.sent()] : [])]
          // The second of a pair may be the first to arrive.
          if (swaps.next().value) pair.reverse()
          const answers = pair.map((sent) => ({ sent, remaining: 10 - ++used }))
          // And its answer the last to come back.
          if (swaps.next().value) answers.reverse()
          for (const { sent, remaining } of answers) pace.learn([window(remaining, 1000, ten)], sent)
        }
        expect(used).toBe(10)
        expect(pace.waitMs()).toBe(1000)
        vi.advanceTimersByTime(1000)
      }),
      { seed: 12, numRuns: 100 },
    )
  })

  test('what another limit refused used nothing of this window', () => {
    const pace = known()
    const sent = Array.from({ length: 4 }, () => pace.sent())
    for (const one of sent.slice(0, 3)) pace.learn([], one, false)
    pace.learn([window(9, 1000, ten)], sent[3]!)
    expect(room(pace)).toBe(9)
  })

  test('nor is more taken than the server says is left', () => {
    const pace = newPace()
    const one = { limit: 1, windowMs: 1000 }
    exchange(pace, window(0, 1000, one))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    // By our count there is room again for what was refused.
    pace.learn([window(0, 1000, one)], pace.sent(), false)
    expect(pace.waitMs()).toBe(1000)
  })
})

describe('a window that others use, too', () => {
  const second = { limit: 10, windowMs: 1000 }
  /** So many of ours in this window, the answers to which say that so many were used in all. */
  const share = (pace: Pace, ours: number, used: number, resetMs = 1000): void => {
    for (let i = 1; i <= ours; i++) exchange(pace, window(10 - Math.round((used * i) / ours), resetMs, second))
  }
  /** The same over 400 ms: no race. */
  const shareSlowly = (pace: Pace, ours: number, used: number): void => {
    for (let i = 1; i <= ours; i++) {
      vi.advanceTimersByTime(400 / ours)
      const left = 10 - Math.round((used * i) / ours)
      exchange(pace, window(left, 1000 - (400 * i) / ours, second))
    }
  }
  /** A pace that has seen a window of ten, in which all that were used were used by itself, end. */
  const known = (): Pace => {
    const pace = newPace()
    exchange(pace, window(9, 1000, second))
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    return pace
  }

  test('what was used before we came may have been used by us: all that is left is taken', () => {
    const pace = newPace()
    exchange(pace, window(6, 1000, second))
    expect(room(pace)).toBe(6)
  })

  test('half of it was ours: so is half of what is left, but for a part that is open to all', () => {
    const pace = known()
    share(pace, 2, 4)
    expect(room(pace)).toBe(2)
  })

  test('what others had of the window before is kept for them, the less so the less of this one is to come', () => {
    const rooms = [0, 500, 900].map((passedMs) => {
      const pace = known()
      share(pace, 1, 10)
      vi.advanceTimersByTime(1000)
      luck(0.9)
      expect(pace.waitMs()).toBe(0)
      vi.advanceTimersByTime(passedMs)
      exchange(pace, window(9, 1000 - passedMs, second))
      return room(pace)
    })
    expect(rooms).toEqual([0, 1, 4])
  })

  test('nobody else uses it: all that is left is ours', () => {
    const pace = known()
    share(pace, 4, 4)
    expect(room(pace)).toBe(6)
  })

  test('in the next one each takes what it had, and of the rest its portion', () => {
    const pace = known()
    share(pace, 2, 4)
    expect(room(pace)).toBe(2)
    vi.advanceTimersByTime(1000)
    // Four it had; of the six that were left, one and a half are open, and two thirds of the others are its own.
    expect(room(pace)).toBe(7)
  })

  test('of a window that was used up, it leaves some of its own to all: a fraction is a matter of luck', () => {
    const rooms = [0.1, 0.9].map((chance) => {
      const pace = known()
      shareSlowly(pace, 5, 10)
      vi.advanceTimersByTime(600)
      luck(chance)
      return room(pace)
    })
    expect(rooms).toEqual([4, 5])
  })

  describe('whoever had none has one try', () => {
    /** After so many windows that others had all of. */
    const none = (windows: number, lengthMs: number): Pace => {
      luck(0.5)
      const pace = newPace()
      for (let i = 0; i < windows; i++) {
        if (i > 0) vi.advanceTimersByTime(pace.waitMs())
        pace.learn([window(0, lengthMs, { limit: 1000, windowMs: lengthMs })], pace.sent(), false)
        vi.advanceTimersByTime(lengthMs)
      }
      return pace
    }

    test('at once, if that was the first window it knew', () => {
      expect(room(none(1, 1000))).toBe(1)
    })

    test('else after a fifth of the window, give or take a half: its beginning is for those who had some', () => {
      const pace = none(2, 1000)
      expect(pace.waitMs()).toBe(200)
      vi.advanceTimersByTime(200)
      expect(room(pace)).toBe(1)
    })

    test('and after a second at most, however long the window is', () => {
      expect(none(2, 3_600_000).waitMs()).toBe(1000)
    })
  })

  test('never more than all', () => {
    const pace = known()
    share(pace, 9, 10)
    vi.advanceTimersByTime(1000)
    expect(room(pace)).toBeLessThanOrEqual(10)
  })

  describe('what is open to all is found out by tries', () => {
    const twenty = { limit: 20, windowMs: 1000 }
    /** What is ours of a window of twenty is used, and four are left. */
    const opened = (): Pace => {
      luck(0.5)
      const pace = newPace()
      exchange(pace, window(19, 1000, twenty))
      exchange(pace, window(7, 1000, twenty))
      for (let left = 6; pace.waitMs() === 0; left--) exchange(pace, window(left, 1000, twenty))
      return pace
    }

    test('5 % of the window apart, give or take a half', () => {
      const pace = opened()
      expect(pace.waitMs()).toBe(50)
      vi.advanceTimersByTime(49)
      expect(pace.waitMs()).toBe(1)
      vi.advanceTimersByTime(1)
      expect(room(pace)).toBe(2)
    })

    test('a quarter of a second in long ones', () => {
      luck(0.5)
      const pace = newPace()
      const minute = { limit: 10, windowMs: 60_000 }
      exchange(pace, window(9, 60_000, minute))
      exchange(pace, window(6, 60_000, minute))
      for (let left = 5; pace.waitMs() === 0; left--) exchange(pace, window(left, 60_000, minute))
      expect(pace.waitMs()).toBe(250)
    })

    test('only when the last one was answered', () => {
      const pace = opened()
      vi.advanceTimersByTime(50)
      expect(pace.waitMs()).toBe(0)
      pace.sent()
      const sent = pace.sent()
      vi.advanceTimersByTime(300)
      expect(pace.waitMs()).toBe(650)
      pace.learn([window(3, 650, twenty)], sent)
      expect(pace.waitMs()).toBe(0)
    })

    test('more and more at once, while others leave it; half of what is left at most', () => {
      luck(0.5)
      const pace = newPace()
      const many = { limit: 100, windowMs: 1000 }
      exchange(pace, window(99, 1000, many))
      exchange(pace, window(14, 1000, many))
      let left = 14
      const counts: number[] = []
      while (left > 0) {
        vi.advanceTimersByTime(pace.waitMs())
        const sent = []
        while (pace.waitMs() === 0) sent.push(pace.sent())
        counts.push(sent.length)
        for (const one of sent) pace.learn([window(--left, 1000, many)], one)
      }
      expect(counts).toEqual([1, 2, 4, 4, 2, 1])
    })

    test.each([
      ['no more where others will have taken the rest', 0.6, 900],
      ['but each leaves it to luck whether it is one of those for whom it is enough', 0.2, 0],
    ])('%s', (_, chance, waitMs) => {
      const pace = opened()
      vi.advanceTimersByTime(50)
      expect(pace.waitMs()).toBe(0)
      // Of the four that were left, others have taken two.
      exchange(pace, window(1, 950, twenty))
      luck(chance)
      vi.advanceTimersByTime(50)
      expect(pace.waitMs()).toBe(waitMs)
    })

    test('the reset may come sooner', () => {
      const pace = opened()
      vi.advanceTimersByTime(970)
      expect(pace.waitMs()).toBe(0)
      for (let left = 3; pace.waitMs() === 0; left--) exchange(pace, window(left, 30, twenty))
      expect(pace.waitMs()).toBe(30)
    })
  })

  test('whoever is only refused comes to fewer windows where there is room for few, 32 apart at most', () => {
    luck(0.99)
    const one = { limit: 1, windowMs: 1000 }
    const pace = newPace()
    pace.learn([window(0, 1000, one)], pace.sent(), false)
    const absences: number[] = []
    for (let i = 0; i < 6; i++) {
      const from = performance.now()
      for (let ms = pace.waitMs(); ms > 0; ms = pace.waitMs()) vi.advanceTimersByTime(ms)
      absences.push(Math.round((performance.now() - from) / 1000))
      pace.learn([window(0, 1000, one)], pace.sent(), false)
    }
    expect(absences).toEqual([4, 16, 32, 32, 32, 32])
  })

  test('two windows with nobody else in them, and all is ours again', () => {
    const pace = known()
    share(pace, 5, 10)
    for (let i = 0; i < 2; i++) {
      vi.advanceTimersByTime(1000)
      expect(pace.waitMs()).toBe(0)
      share(pace, 4, 4)
    }
    expect(room(pace)).toBe(6)
    expect(pace.waitMs()).toBe(1000)
  })

  test('with nothing left nobody trickles: it waits for the reset', () => {
    const pace = known()
    share(pace, 5, 10)
    expect(pace.waitMs()).toBe(1000)
  })

  test('alone, nobody trickles either', () => {
    const pace = known()
    share(pace, 4, 4)
    expect(room(pace)).toBe(6)
    expect(pace.waitMs()).toBe(1000)
  })

  test('a refused request used nothing of it', () => {
    const pace = known()
    shareSlowly(pace, 5, 10)
    // Four more came back refused: of the ten, five were ours.
    for (let i = 0; i < 4; i++) pace.learn([window(0, 600, second)], pace.sent(), false)
    vi.advanceTimersByTime(600)
    luck(0.9)
    expect(room(pace)).toBe(5)
  })

  test('a refusal that is the first we hear of it used nothing either', () => {
    const pace = newPace()
    pace.learn([window(0, 1000, second)], pace.sent(), false)
    vi.advanceTimersByTime(1000)
    expect(room(pace)).toBe(1)
  })

  test('a refusal of what was sent in an earlier window does not count in this one', () => {
    const pace = known()
    const late = pace.sent()
    share(pace, 4, 5)
    vi.advanceTimersByTime(1000)
    expect(pace.waitMs()).toBe(0)
    pace.learn([], late, false)
    shareSlowly(pace, 5, 10)
    vi.advanceTimersByTime(600)
    luck(0.9)
    expect(room(pace)).toBe(5)
  })

  describe('used up within 30 % of its length, the next one is a race', () => {
    test('each takes what it can of it, but for what is on the way', () => {
      const pace = known()
      share(pace, 5, 10)
      vi.advanceTimersByTime(1000)
      expect(pace.waitMs()).toBe(0)
      const first = pace.sent()
      pace.sent()
      pace.learn([window(6, 1000, second)], first)
      expect(room(pace)).toBe(5)
    })

    test('until one takes longer', () => {
      const pace = known()
      share(pace, 5, 10)
      vi.advanceTimersByTime(1000)
      expect(pace.waitMs()).toBe(0)
      shareSlowly(pace, 5, 10)
      vi.advanceTimersByTime(600)
      luck(0.9)
      expect(room(pace)).toBe(5)
    })

    test.each([
      ['not where there is room for fewer than ten', 9, 1000],
      ['nor in one of more than ten seconds: it is long until the next', 10, 60_000],
    ])('%s', (_, limit, windowMs) => {
      const about = { limit, windowMs }
      const pace = newPace()
      exchange(pace, window(limit - 1, windowMs, about))
      vi.advanceTimersByTime(windowMs)
      expect(pace.waitMs()).toBe(0)
      for (const left of [limit - 2, 6, 4, 2, 0]) exchange(pace, window(left, windowMs, about))
      vi.advanceTimersByTime(windowMs)
      luck(0.9)
      expect(room(pace)).toBe(5)
    })

    test('whoever comes when more than half of it is gone cannot tell', () => {
      const pace = known()
      exchange(pace, window(4, 300, second))
      exchange(pace, window(0, 300, second))
      vi.advanceTimersByTime(300)
      luck(0.9)
      expect(room(pace)).toBe(2)
    })
  })

  test('several clients share a window without end, and nearly nobody is refused', () => {
    const sizes = fc.record({
      clients: fc.integer({ min: 2, max: 6 }),
      limit: fc.integer({ min: 10, max: 60 }),
      seed: fc.nat(1000),
    })
    fc.assert(
      fc.property(sizes, ({ clients, limit, seed }) => {
        const paces = Array.from({ length: clients }, newPace)
        const windowMs = 1000
        let opened = -Infinity
        let used = 0
        let windows = 0
        const served: number[] = []
        const refused: number[] = []
        for (let step = 0; step < 12 * 100; step++) {
          // In an order that is another in each step.
          for (let i = 0; i < clients; i++) {
            const pace = paces[(i * (step % 2 === 0 ? 1 : clients - 1) + step + seed) % clients]!
            if (pace.waitMs() > 0) continue
            const sent = pace.sent()
            const now = performance.now()
            if (now >= opened + windowMs) {
              opened = now
              used = 0
              windows++
            }
            const accepted = used < limit
            if (accepted) used++
            const counts = accepted ? served : refused
            counts[windows] = (counts[windows] ?? 0) + 1
            pace.learn([window(limit - used, opened + windowMs - now, { limit, windowMs })], sent, accepted)
          }
          vi.advanceTimersByTime(10)
        }
        for (let i = 3; i < windows; i++) {
          // Most of it is used, and each client is refused once at most.
          expect(served[i] ?? 0).toBeGreaterThanOrEqual(limit / 2)
          expect(refused[i] ?? 0).toBeLessThanOrEqual(clients)
        }
      }),
      { seed: 11, numRuns: 60 },
    )
  })
})

/** A server with one fixed window, and a client that asks it for one thing after the other. */
const serve = (kind: 'on a grid' | 'begun by a request', limit: number, windowMs: number, roundMs: number) => {
  const pace = newPace()
  let opened = kind === 'on a grid' ? performance.now() : -Infinity
  let used = 0
  return {
    pace,
    /** Whether it was served. A refusal is waited out, as a hold does. */
    ask: (): boolean => {
      const sent = pace.sent()
      const now = performance.now()
      if (now >= opened + windowMs) {
        opened = kind === 'on a grid' ? now - ((now - opened) % windowMs) : now
        used = 0
      }
      const served = used < limit
      if (served) used++
      const resetMs = opened + windowMs - now
      const told = Math.ceil(resetMs / roundMs) * roundMs
      pace.learn([window(limit - used, told, { limit, windowMs })], sent, served)
      if (!served) vi.advanceTimersByTime(resetMs)
      return served
    },
  }
}

describe('against a server with a fixed window, whoever asks for one thing after the other', () => {
  const steps = fc.array(fc.record({ burst: fc.nat(12), passMs: fc.nat(700) }), { maxLength: 60 })
  const limits = fc.integer({ min: 1, max: 10 })
  const exact = fc.record({ limit: limits, windowMs: fc.integer({ min: 100, max: 2000 }), roundMs: fc.constant(1) })
  const hundreds = fc.integer({ min: 1, max: 20 }).map((count) => count * 100)
  const even = fc.record({ limit: limits, windowMs: hundreds, roundMs: fc.constant(1) })
  const seconds = fc.integer({ min: 1, max: 5 }).map((count) => count * 1000)
  const rounded = fc.record({ limit: limits, windowMs: seconds, roundMs: fc.constant(1000) })

  test('is never refused, where windows are on a grid and their end is told exactly', () => {
    fc.assert(
      fc.property(exact, fc.nat(5000), steps, ({ limit, windowMs, roundMs }, lateMs, taken) => {
        const { pace, ask } = serve('on a grid', limit, windowMs, roundMs)
        vi.advanceTimersByTime(lateMs)
        for (const { burst, passMs } of taken) {
          for (let i = 0; i < burst && pace.waitMs() === 0; i++) expect(ask()).toBe(true)
          expect(pace.waitMs()).toBeLessThanOrEqual(windowMs)
          vi.advanceTimersByTime(passMs)
        }
      }),
      { seed: 6, numRuns: 300 },
    )
  })

  test('is refused once at most, ever, where a window begins with its first request', () => {
    fc.assert(
      fc.property(fc.oneof(exact, even, rounded), steps, ({ limit, windowMs, roundMs }, taken) => {
        const { pace, ask } = serve('begun by a request', limit, windowMs, roundMs)
        let refused = 0
        for (const { burst, passMs } of taken) {
          for (let i = 0; i < burst && pace.waitMs() === 0; i++) if (!ask()) refused++
          vi.advanceTimersByTime(passMs)
        }
        expect(refused).toBeLessThanOrEqual(1)
      }),
      { seed: 6, numRuns: 1000 },
    )
  })

  test('and that refusal happens', () => {
    const { pace, ask } = serve('begun by a request', 1, 1000, 1)
    expect(ask()).toBe(true)
    vi.advanceTimersByTime(1400)
    expect([pace.waitMs(), ask()]).toEqual([0, true])
    vi.advanceTimersByTime(600)
    expect([pace.waitMs(), ask()]).toEqual([0, false])
    vi.advanceTimersByTime(1400)
    expect([pace.waitMs(), ask()]).toEqual([0, true])
    vi.advanceTimersByTime(600)
    expect(pace.waitMs()).toBe(400)
  })

  test('loses no time, where windows are on a grid: a hundred of them take a hundred times their length', () => {
    const { pace, ask } = serve('on a grid', 3, 1000, 1)
    const began = performance.now()
    for (let i = 0; i < 300; i++) {
      vi.advanceTimersByTime(pace.waitMs())
      expect(ask()).toBe(true)
    }
    expect(performance.now() - began).toBe(99_000)
  })
})
