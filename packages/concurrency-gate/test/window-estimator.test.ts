import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newWindowEstimator, type WindowEstimator } from '../src/window-estimator.ts'

useFakeTime()

const now = (): number => performance.now()
const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)

/** So many requests, one after the other in no time, are all let through. */
const accept = (estimator: WindowEstimator, count = 1): void => {
  for (let i = 0; i < count; i++) {
    estimator.sent()
    estimator.accepted(now())
  }
}

const refuse = (estimator: WindowEstimator): void => {
  estimator.sent()
  estimator.refused(now())
}

/** So many requests, without an answer yet. Returns when they were sent. */
const send = (estimator: WindowEstimator, count = 1): number => {
  for (let i = 0; i < count; i++) estimator.sent()
  return now()
}

/** Has just seen a window of a second with this quota from its opening to the next one, which a first request has found. */
const measured = (quota: number): WindowEstimator => {
  const estimator = newWindowEstimator()
  accept(estimator)
  refuse(estimator)
  pass(1000)
  accept(estimator, quota)
  refuse(estimator)
  pass(900)
  refuse(estimator)
  pass(100)
  accept(estimator)
  return estimator
}

/** The length has held and more than the quota was refused; now the window opens. */
const learned = (quota: number): WindowEstimator => {
  const estimator = measured(quota)
  accept(estimator, quota - 1)
  pass(1000)
  accept(estimator, quota)
  refuse(estimator)
  pass(1000)
  return estimator
}

/** How many may be sent until it says wait. */
const sendAll = (estimator: WindowEstimator): number => {
  let count = 0
  while (count < 1000 && estimator.waitMs() === 0) {
    accept(estimator)
    count++
  }
  return count
}

interface Api {
  readonly limit: number
  readonly periodMs: number
  readonly acceptMs: () => number
  readonly refuseMs: () => number
}

interface Window {
  readonly openedAt: number
  accepted: number
  refused: number
}

/** In no order: a good answer takes as long as a refusal, or ten times as long. */
const overtaking = () => ({
  acceptMs: () => 5 + Math.floor(Math.random() * 40),
  refuseMs: () => 1 + Math.floor(Math.random() * 30),
})
const inOrder = () => ({ acceptMs: () => 30, refuseMs: () => 5 })

/**
 * What becomes of each window of an API with fixed ones that begin with their first request, where somebody always has
 * something to send: 64 at once, and one at a time, between pauses, while it is not known when the window opens.
 */
const play = ({ limit, periodMs, acceptMs, refuseMs }: Api, windows: number): Window[] => {
  const estimator = newWindowEstimator()
  const seen: Window[] = []
  let out = 0
  let closedAt: number | undefined
  let pausedUntil = 0
  let decidedAt = 0

  const accepted = (at: number): void => {
    estimator.accepted(at)
    if (closedAt === undefined || at < decidedAt) return
    closedAt = undefined
    pausedUntil = 0
    decidedAt = now()
  }
  const refused = (at: number): void => {
    estimator.refused(at)
    if (at < decidedAt) return
    closedAt ??= now()
    pausedUntil = now() + (estimator.waitMs() || Math.max(30, (now() - closedAt) / 2))
    decidedAt = now()
  }
  const ask = (): void => {
    const at = send(estimator)
    if (at >= (seen.at(-1)?.openedAt ?? -Infinity) + periodMs) seen.push({ openedAt: at, accepted: 0, refused: 0 })
    const window = seen.at(-1)!
    const good = window.accepted < limit
    window[good ? 'accepted' : 'refused']++
    out++
    const answer = (): void => {
      out--
      ;(good ? accepted : refused)(at)
    }
    setTimeout(answer, good ? acceptMs() : refuseMs())
  }

  while (seen.length <= windows) {
    const waitMs = Math.max(pausedUntil - now(), closedAt === undefined ? estimator.waitMs() : 0)
    if (waitMs <= 0 && out < (closedAt === undefined ? 64 : 1)) ask()
    else if (waitMs <= 0) vi.advanceTimersToNextTimer()
    else {
      setTimeout(() => undefined, Math.ceil(waitMs))
      vi.advanceTimersToNextTimer()
    }
  }
  vi.clearAllTimers()
  return seen.slice(0, windows)
}

describe('at first', () => {
  test('nothing is known: nobody waits', () => {
    const estimator = newWindowEstimator()
    accept(estimator, 1000)
    expect(estimator.waitMs()).toBe(0)
  })

  test('nor after the first refusals: when the window opened is not known', () => {
    const estimator = newWindowEstimator()
    accept(estimator, 5)
    refuse(estimator)
    pass(500)
    refuse(estimator)
    expect(estimator.waitMs()).toBe(0)
  })

  test('nor before one was seen from its opening to the next', () => {
    const estimator = newWindowEstimator()
    accept(estimator, 5)
    refuse(estimator)
    pass(1000)
    accept(estimator, 5)
    refuse(estimator)
    expect(estimator.waitMs()).toBe(0)
  })
})

describe('a window that closes again', () => {
  test('is waited for to its end', () => {
    const estimator = measured(5)
    pass(50)
    refuse(estimator)
    expect(estimator.waitMs()).toBe(950)
    pass(950)
    expect(estimator.waitMs()).toBe(0)
  })

  test('lets through as many as the one before, and then nobody is refused', () => {
    const estimator = learned(5)
    expect(sendAll(estimator)).toBe(5)
    expect(estimator.waitMs()).toBe(1000)
    pass(1000)
    expect(sendAll(estimator)).toBe(5)
  })

  test('begins with the first request in it, not when it could have', () => {
    const estimator = learned(5)
    sendAll(estimator)
    pass(1700)
    expect(sendAll(estimator)).toBe(5)
    expect(estimator.waitMs()).toBe(1000)
  })

  test('what has no answer yet when it closes was let through: refusals are quick', () => {
    const estimator = learned(2)
    accept(estimator)
    const at = send(estimator, 5)
    pass(5)
    for (let i = 0; i < 3; i++) estimator.refused(at)
    pass(estimator.waitMs())
    expect(sendAll(estimator)).toBe(3)
  })

  test('gets no more than the one before took, until an answer says that it is open', () => {
    const estimator = learned(5)
    const at = send(estimator, 5)
    expect(estimator.waitMs()).toBe(1000)
    pass(30)
    estimator.accepted(at)
    expect(estimator.waitMs()).toBe(970)
  })

  test('an answer to what was sent before the refusal came back does not open it: the two have overtaken each other', () => {
    const estimator = learned(2)
    accept(estimator)
    const first = send(estimator)
    pass(100)
    const second = send(estimator)
    pass(10)
    estimator.refused(first)
    estimator.accepted(second)
    expect(estimator.waitMs()).toBe(890)
  })

  test('a refusal of what was sent in the window before does not close the new one', () => {
    const estimator = learned(5)
    sendAll(estimator)
    const early = send(estimator)
    pass(1000)
    accept(estimator, 2)
    estimator.refused(early)
    expect(sendAll(estimator)).toBe(3)
  })
})

describe('until its length has held, a window begins with one request whose answer is waited for', () => {
  const unsure = (): WindowEstimator => {
    const estimator = measured(5)
    accept(estimator, 4)
    pass(1000)
    return estimator
  }

  test('let through: the rest of the quota goes out', () => {
    const estimator = unsure()
    const at = send(estimator)
    expect(estimator.waitMs()).toBe(1000)
    pass(30)
    estimator.accepted(at)
    // Nobody was refused in the window before: one more than it took.
    expect(sendAll(estimator)).toBe(5)
  })

  test('from then on all of them go out at once', () => {
    const estimator = unsure()
    sendAll(estimator)
    expect(estimator.waitMs()).toBe(1000)
    pass(1000)
    send(estimator, 5)
    expect(estimator.waitMs()).toBe(0)
  })

  test('refused: it was not open yet', () => {
    const estimator = unsure()
    const at = send(estimator)
    pass(5)
    estimator.refused(at)
    expect(estimator.waitMs()).toBe(0)
    pass(200)
    accept(estimator)
    pass(5)
    refuse(estimator)
    // Closed for a second, open after 1.205: no round length lies between.
    expect(estimator.waitMs()).toBe(1200)
  })

  test('lost: after another length of the window, and a second at least, it goes on all the same', () => {
    const estimator = unsure()
    send(estimator)
    pass(999)
    expect(estimator.waitMs()).toBe(1)
    pass(1)
    expect(estimator.waitMs()).toBe(0)
  })
})

describe('how long it is', () => {
  /** A window that is seen from its opening: closed for the last time after so long, open after so long. */
  const seen = (closedMs: number, openMs: number): WindowEstimator => {
    const estimator = newWindowEstimator()
    refuse(estimator)
    pass(10_000)
    accept(estimator)
    refuse(estimator)
    pass(closedMs)
    refuse(estimator)
    pass(openMs - closedMs)
    accept(estimator)
    refuse(estimator)
    return estimator
  }

  test.each([
    [41_000, 64_000, 60_000],
    [150, 250, 200],
    [200, 250, 250],
    [400, 7_200_000, 500],
  ])('closed after %d ms, open after %d ms: the shortest round length in between, %d ms', (closed, open, period) => {
    expect(seen(closed, open).waitMs()).toBe(period)
  })

  test('it may have been open for a while before it was seen to be: a round length that is a tenth longer fits, too', () => {
    expect(seen(900, 910).waitMs()).toBe(1000)
    expect(seen(900, 908).waitMs()).toBe(908)
  })

  describe('a length that is not round is too long, perhaps', () => {
    /** A second is tried for one of 1.2 s, after a window without a refusal. */
    const tries = (): WindowEstimator => {
      const estimator = seen(1100, 1200)
      expect(estimator.waitMs()).toBe(1200)
      for (let window = 0; window < 5; window++) {
        pass(1200)
        accept(estimator)
      }
      expect(estimator.waitMs()).toBe(1000)
      pass(1000)
      return estimator
    }

    test('after some windows without a refusal the next shorter round one is tried, and kept if it holds', () => {
      const estimator = tries()
      accept(estimator)
      expect(estimator.waitMs()).toBe(1000)
    })

    test('if it does not, it is asked again a little later', () => {
      const estimator = tries()
      refuse(estimator)
      expect(estimator.waitMs()).toBe(0)
      pass(200)
      accept(estimator)
      refuse(estimator)
      expect(estimator.waitMs()).toBe(1200)
    })
  })

  test('where none fits, a quarter more than it was seen closed', () => {
    expect(seen(32_000, 44_000).waitMs()).toBe(40_001)
  })

  test('but no longer than it can be', () => {
    expect(seen(32_000, 34_000).waitMs()).toBe(34_000)
  })

  describe('before it was ever seen opening, it was closed for so long at least', () => {
    /** Closed for 700 ms, of a window that had begun before; then open. */
    const unseen = (): WindowEstimator => {
      const estimator = newWindowEstimator()
      refuse(estimator)
      pass(700)
      refuse(estimator)
      pass(300)
      accept(estimator)
      return estimator
    }

    test('so the next one is not asked sooner', () => {
      const estimator = unseen()
      expect(estimator.waitMs()).toBe(0)
      refuse(estimator)
      expect(estimator.waitMs()).toBe(700)
    })

    test('open by then, it is as long as that', () => {
      const estimator = unseen()
      refuse(estimator)
      pass(690)
      accept(estimator)
      refuse(estimator)
      expect(estimator.waitMs()).toBe(690)
    })

    test('still closed, it is longer', () => {
      const estimator = unseen()
      refuse(estimator)
      pass(700)
      refuse(estimator)
      pass(400)
      accept(estimator)
      refuse(estimator)
      expect(estimator.waitMs()).toBe(1000)
    })
  })

  test('a guess that is too short corrects itself', () => {
    const estimator = seen(150, 250)
    pass(200)
    refuse(estimator)
    pass(50)
    accept(estimator)
    refuse(estimator)
    expect(estimator.waitMs()).toBe(250)
  })

  describe('a length that was found', () => {
    /** A window of 200 ms, as it seemed, is shut at its end, and opens after so long. */
    const opensAfter = (ms: number): WindowEstimator => {
      const estimator = seen(150, 250)
      expect(estimator.contradicted()).toBe(false)
      pass(ms - 1)
      refuse(estimator)
      pass(1)
      accept(estimator)
      return estimator
    }

    test('may have been too short', () => {
      expect(opensAfter(400).contradicted()).toBe(false)
    })

    test('but not by more than half: then it was none', () => {
      expect(opensAfter(401).contradicted()).toBe(true)
    })
  })

  test('one that still fits is kept', () => {
    const estimator = learned(5)
    accept(estimator, 5)
    refuse(estimator)
    pass(7000)
    accept(estimator, 5)
    refuse(estimator)
    expect(estimator.waitMs()).toBe(1000)
  })

  test('a long silence is no long window', () => {
    expect(seen(700, 7_200_000).waitMs()).toBe(1000)
  })
})

describe('as long as its length is not known', () => {
  /** Open for so long, with so many requests let through, and then closed for a moment. */
  const stretch = (estimator: WindowEstimator, openMs: number, count: number, closedMs = 30): void => {
    accept(estimator)
    pass(openMs)
    accept(estimator, count - 1)
    refuse(estimator)
    pass(closedMs)
    refuse(estimator)
    pass(5)
  }

  test('what was open for long and closed for a moment may have been several windows: it is no shorter than the moment', () => {
    const estimator = newWindowEstimator()
    for (const openMs of [100, 2000]) stretch(estimator, openMs, openMs)
    expect(estimator.openedAt()).toBeUndefined()
    accept(estimator)
    refuse(estimator)
    expect(estimator.waitMs()).toBe(30)
    expect(estimator.quota()).toBe(Infinity)
  })

  test('unless it let through as many as the one before', () => {
    const estimator = newWindowEstimator()
    for (let window = 0; window < 3; window++) stretch(estimator, 70, 20)
    accept(estimator)
    expect(estimator.quota()).toBeLessThan(Infinity)
    expect(estimator.openedAt()).toBe(now())
  })

  test('a request that was sent in the moment of the refusal is no sign that it is open again', () => {
    const estimator = newWindowEstimator()
    refuse(estimator)
    estimator.sent()
    const at = now()
    pass(5)
    estimator.accepted(at)
    expect(estimator.openedAt()).toBeUndefined()
    accept(estimator)
    expect(estimator.openedAt()).toBe(now())
  })
})

describe('whether it has quota left', () => {
  test('as long as it has not taken all that it is known to take', () => {
    const estimator = learned(3)
    const left = Array.from({ length: 4 }, () => {
      accept(estimator)
      return estimator.hasQuota(now())
    })
    expect(left).toEqual([true, true, true, false])
  })

  test('one that was refused for something else takes nothing of it', () => {
    const estimator = learned(3)
    accept(estimator, 3)
    estimator.sent()
    expect(estimator.hasQuota(now())).toBe(false)
    estimator.withdraw()
    expect(estimator.hasQuota(now())).toBe(true)
  })

  test('not for what was sent in the window before, nor where its end has come, nor once it is closed', () => {
    const estimator = learned(3)
    const before = now() - 1
    accept(estimator)
    expect(estimator.hasQuota(before)).toBe(false)
    refuse(estimator)
    expect(estimator.hasQuota(now())).toBe(false)
    const other = learned(3)
    accept(other)
    pass(1000)
    expect(other.hasQuota(now())).toBe(false)
  })

  test('not as long as nothing is known of it', () => {
    const estimator = newWindowEstimator()
    accept(estimator)
    expect(estimator.hasQuota(now())).toBe(false)
  })
})

describe('how many it lets through', () => {
  test('grows while nobody is refused: by one after two windows, then with each by two, four, by half at most', () => {
    const estimator = learned(5)
    const counts = Array.from({ length: 9 }, () => {
      const count = sendAll(estimator)
      pass(1000)
      return count
    })
    expect(counts).toEqual([5, 5, 6, 8, 12, 18, 27, 41, 62])
  })

  test('and where one is a large part of it, only after four requests', () => {
    const estimator = learned(1)
    const counts = Array.from({ length: 10 }, () => {
      const count = sendAll(estimator)
      pass(1000)
      return count
    })
    expect(counts).toEqual([1, 1, 1, 1, 2, 3, 5, 8, 12, 18])
  })

  test('after each try that was refused, it is content for twice as many windows, up to 32', () => {
    const estimator = learned(5)
    const tries: number[] = []
    for (let window = 0; window < 160; window++) {
      accept(estimator, 5)
      if (estimator.waitMs() === 0) {
        refuse(estimator)
        tries.push(window)
      }
      pass(estimator.waitMs())
    }
    expect(tries.slice(1).map((window, i) => window - tries[i]!)).toEqual([5, 9, 17, 33, 33, 33])
  })

  test('a try that was let through shows that it is no longer as it was: more follow soon', () => {
    const estimator = learned(5)
    for (let tries = 0; tries < 2;) {
      accept(estimator, 5)
      if (estimator.waitMs() === 0) {
        refuse(estimator)
        tries++
      }
      pass(estimator.waitMs())
    }
    const counts = Array.from({ length: 30 }, () => {
      const count = sendAll(estimator)
      pass(1000)
      return count
    })
    const first = counts.findIndex((count) => count > 5)
    expect(first).toBeGreaterThanOrEqual(7)
    expect(counts.slice(first, first + 4)).toEqual([6, 8, 12, 18])
  })

  test('whoever was refused again and again tries it after ten minutes at the latest: others may have left', () => {
    const estimator = newWindowEstimator()
    refuse(estimator)
    pass(10_000)
    const minute = 60_000
    const tries: number[] = []
    for (let window = 0; window < 60; window++) {
      accept(estimator, 2)
      if (window === 0 || estimator.waitMs() === 0) {
        refuse(estimator)
        tries.push(window)
        if (window === 0) {
          pass(50_000)
          refuse(estimator)
          pass(10_000)
          continue
        }
      }
      pass(Math.max(minute, estimator.waitMs()))
    }
    const apart = tries.slice(1).map((window, i) => window - tries[i]!)
    expect(Math.max(...apart)).toBeLessThanOrEqual(11)
    expect(apart.at(-1)).toBeGreaterThanOrEqual(10)
  })

  test('a try that was refused changes nothing: the quota that was good comes back', () => {
    const estimator = learned(5)
    for (let window = 0; window < 2; window++) {
      sendAll(estimator)
      pass(1000)
    }
    // Six are tried; five are on their way when the first is refused.
    const at = send(estimator, 6)
    pass(5)
    for (let i = 0; i < 4; i++) estimator.refused(at)
    pass(estimator.waitMs())
    expect(sendAll(estimator)).toBe(5)
  })

  test('shrinks as soon as other clients take their part, to what was let through', () => {
    const estimator = learned(8)
    accept(estimator, 6)
    refuse(estimator)
    expect(estimator.waitMs()).toBe(1000)
    pass(1000)
    expect(sendAll(estimator)).toBe(6)
  })

  test('but to no less than half at once: it may be ours that began too early', () => {
    const estimator = learned(8)
    accept(estimator)
    refuse(estimator)
    pass(1000)
    expect(sendAll(estimator)).toBe(4)
  })

  test('is never less than one', () => {
    const estimator = learned(5)
    refuse(estimator)
    pass(estimator.waitMs() + 1000)
    expect(sendAll(estimator)).toBeGreaterThanOrEqual(1)
  })
})

describe.each([
  ['slower than refusals', inOrder],
  ['overtaken by refusals, and overtaking them', overtaking],
])('fixed windows, good answers %s', (_, delays) => {
  test.each([100, 1000, 60_000])('of %d ms: length and quota are exact within three windows', (periodMs) => {
    for (const limit of [1, 5, 40]) {
      const windows = play({ limit, periodMs, ...delays() }, 24)
      for (const [i, { openedAt, accepted }] of windows.entries()) {
        expect(accepted).toBe(limit)
        if (i > 3) expect(openedAt - windows[i - 1]!.openedAt).toBe(periodMs)
      }
      // A try for more after 1 window without a refusal, then after 2, 4, 8.
      const refusals = windows.slice(3).map(({ refused }) => refused)
      expect(Math.max(...refusals)).toBeLessThanOrEqual(1)
      expect(refusals.filter((count) => count > 0).length).toBeLessThanOrEqual(4)
    }
  })
})

test.each([100, 1000, 60_000])(
  'windows of %d ms, whatever the limit: from the fourth on, two are refused at most',
  (periodMs) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.constantFrom(inOrder, overtaking), (limit, delays) => {
        const windows = play({ limit, periodMs, ...delays() }, 12)
        expect(Math.max(...windows.slice(3).map(({ refused }) => refused))).toBeLessThanOrEqual(2)
      }),
      { seed: 12, numRuns: 60 },
    )
  },
)

test('whatever is sent, let through and refused, in whatever order: each wait has an end, and then something may be sent', () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('send'), count: fc.integer({ min: 1, max: 20 }), heeding: fc.boolean() }),
    fc.record({ what: fc.constantFrom('accepted', 'refused'), which: fc.nat() }),
    fc.record({ what: fc.constant('pass'), ms: fc.oneof(fc.nat(20), fc.nat(2000), fc.nat(100_000)) }),
    fc.record({ what: fc.constant('wait') }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const estimator = newWindowEstimator()
      const out: number[] = []
      const waitOut = (): void => {
        pass(Math.ceil(estimator.waitMs()))
        expect(estimator.waitMs()).toBe(0)
      }
      for (const one of steps) {
        if ('count' in one) {
          for (let i = 0; i < one.count && !(one.heeding && estimator.waitMs() > 0); i++) out.push(send(estimator))
        } else if ('which' in one) {
          const [at] = out.splice(one.which % Math.max(1, out.length), 1)
          if (at !== undefined) estimator[one.what](at)
        } else if ('ms' in one) pass(one.ms)
        else waitOut()
        // An hour is the longest window there is; the rest is what was seen.
        expect(estimator.waitMs()).toBeLessThanOrEqual(2 * Math.max(3_600_000, now()))
        expect(estimator.waitMs()).toBeGreaterThanOrEqual(0)
      }
      waitOut()
    }),
    { seed: 4, numRuns: 1000 },
  )
})
