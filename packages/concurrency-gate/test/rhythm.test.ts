import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newRhythm, type Rhythm } from '../src/rhythm.ts'

useFakeTime()

const ROUND_MS = [10, 20, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 300_000, 3_600_000]

const now = (): number => performance.now()
const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)

/** So many requests, one after the other in no time, are all let through. */
const accept = (rhythm: Rhythm, count = 1): void => {
  for (let i = 0; i < count; i++) {
    rhythm.sent()
    rhythm.accepted(now())
  }
}

const refuse = (rhythm: Rhythm): void => {
  rhythm.sent()
  rhythm.refused(now())
}

/** A rhythm that has seen a window of a second with this quota close, and the next one open just now. */
const learned = (quota: number): Rhythm => {
  const rhythm = newRhythm()
  accept(rhythm, quota)
  refuse(rhythm)
  pass(900)
  refuse(rhythm)
  pass(100)
  accept(rhythm, quota)
  refuse(rhythm)
  pass(rhythm.waitMs())
  return rhythm
}

/** How many may be sent until it says wait. */
const sendAll = (rhythm: Rhythm): number => {
  let count = 0
  while (count < 1000 && rhythm.waitMs() === 0) {
    accept(rhythm)
    count++
  }
  return count
}

interface Played {
  /** Refusals in each window of the server, from the first on. */
  readonly refusals: readonly number[]
  /** Whether each wait that began in a window ended with it, to the millisecond. */
  readonly exact: readonly boolean[]
}

/** Somebody who always has something to send, against a server with a fixed window that begins with the first request. */
const play = (limit: number, periodMs: number, windows: number): Played => {
  const rhythm = newRhythm()
  const refusals: number[] = Array<number>(windows).fill(0)
  const exact: boolean[] = Array<boolean>(windows).fill(true)
  let opened = -Infinity
  let window = -1
  let used = 0
  let closedAt: number | undefined
  for (;;) {
    const waitMs = rhythm.waitMs()
    if (waitMs > 0) {
      exact[window] &&= now() + waitMs === opened + periodMs
      pass(waitMs)
      continue
    }
    rhythm.sent()
    if (now() >= opened + periodMs) {
      if (++window === windows) return { refusals, exact }
      opened = now()
      used = 0
    }
    if (used++ < limit) {
      rhythm.accepted(now())
      closedAt = undefined
      continue
    }
    refusals[window]!++
    rhythm.refused(now())
    closedAt ??= now()
    // The pauses between two probes are the business of somebody else.
    const pauseMs = Math.min(4000, Math.max(100, (now() - closedAt) * 0.3))
    pass(rhythm.waitMs() || Math.round(pauseMs * (0.75 + Math.random() / 2)))
  }
}

describe('at first', () => {
  test('nothing is known: nobody waits', () => {
    const rhythm = newRhythm()
    accept(rhythm, 1000)
    expect(rhythm.waitMs()).toBe(0)
  })

  test('nor after the first refusals: how long the window is shows only when it opens', () => {
    const rhythm = newRhythm()
    accept(rhythm, 5)
    refuse(rhythm)
    pass(500)
    refuse(rhythm)
    expect(rhythm.waitMs()).toBe(0)
  })
})

describe('a window that closes again', () => {
  test('is waited for to its end', () => {
    const rhythm = newRhythm()
    accept(rhythm, 5)
    refuse(rhythm)
    pass(900)
    refuse(rhythm)
    pass(100)
    accept(rhythm, 5)
    pass(50)
    refuse(rhythm)
    expect(rhythm.waitMs()).toBe(950)
    pass(950)
    expect(rhythm.waitMs()).toBe(0)
  })

  test('lets through as many as the one before, and then nobody is refused: the request that opened it is one of them', () => {
    const rhythm = learned(5)
    expect(sendAll(rhythm)).toBe(5)
    expect(rhythm.waitMs()).toBe(1000)
    pass(1000)
    expect(sendAll(rhythm)).toBe(5)
  })

  test('begins with the first request in it, not when it could have', () => {
    const rhythm = learned(5)
    sendAll(rhythm)
    pass(1700)
    expect(sendAll(rhythm)).toBe(5)
    expect(rhythm.waitMs()).toBe(1000)
  })

  test('what was under way when it closed, and was let through, counts', () => {
    const rhythm = learned(2)
    accept(rhythm)
    const at = now()
    for (let i = 0; i < 3; i++) rhythm.sent()
    rhythm.refused(at)
    rhythm.accepted(at)
    rhythm.accepted(at)
    pass(rhythm.waitMs())
    expect(sendAll(rhythm)).toBe(3)
  })

  test('an answer to what was sent before it closed does not open it', () => {
    const rhythm = learned(2)
    accept(rhythm)
    const early = now()
    rhythm.sent()
    pass(100)
    refuse(rhythm)
    rhythm.accepted(early)
    expect(rhythm.waitMs()).toBe(900)
  })

  test('a refusal of what was sent in the window before does not close the new one', () => {
    const rhythm = learned(5)
    sendAll(rhythm)
    const early = now()
    rhythm.sent()
    pass(1000)
    accept(rhythm, 2)
    rhythm.refused(early)
    expect(sendAll(rhythm)).toBe(3)
  })
})

describe('how long it is', () => {
  test('a first guess that is too short corrects itself', () => {
    const rhythm = newRhythm()
    accept(rhythm, 2)
    refuse(rhythm)
    pass(150)
    refuse(rhythm)
    pass(100)
    // Closed for more than 150 ms: 200, as far as anybody knows. It is 250.
    accept(rhythm, 2)
    refuse(rhythm)
    expect(rhythm.waitMs()).toBe(200)
    pass(200)
    refuse(rhythm)
    pass(50)
    accept(rhythm, 2)
    refuse(rhythm)
    expect(rhythm.waitMs()).toBe(250)
    pass(250)
    accept(rhythm, 2)
    refuse(rhythm)
    expect(rhythm.waitMs()).toBe(250)
  })

  test('as often as it takes, also when how many it lets through is known', () => {
    const rhythm = newRhythm()
    accept(rhythm, 2)
    refuse(rhythm)
    pass(100)
    // 10 as far as anybody knows. It is 100.
    for (let window = 0; window < 6; window++) {
      const opened = now()
      accept(rhythm, 2)
      while (now() < opened + 100) {
        if (rhythm.waitMs() === 0) refuse(rhythm)
        pass(Math.min(rhythm.waitMs() || 100, opened + 100 - now()))
      }
    }
    expect(rhythm.waitMs()).toBe(0)
    accept(rhythm, 2)
    expect(rhythm.waitMs()).toBe(100)
  })

  test('of the round lengths that fit what was seen', () => {
    const rhythm = newRhythm()
    refuse(rhythm)
    pass(10_000)
    accept(rhythm)
    refuse(rhythm)
    pass(41_000)
    refuse(rhythm)
    pass(23_000)
    accept(rhythm)
    refuse(rhythm)
    expect(rhythm.waitMs()).toBe(60_000)
  })

  test('where none fits, a quarter more than it was seen closed', () => {
    const rhythm = newRhythm()
    refuse(rhythm)
    pass(10_000)
    accept(rhythm)
    refuse(rhythm)
    pass(32_000)
    refuse(rhythm)
    pass(12_000)
    accept(rhythm)
    refuse(rhythm)
    expect(rhythm.waitMs()).toBe(40_001)
  })

  test('but no longer than it can be', () => {
    const rhythm = newRhythm()
    refuse(rhythm)
    pass(10_000)
    accept(rhythm)
    refuse(rhythm)
    pass(32_000)
    refuse(rhythm)
    pass(2000)
    accept(rhythm)
    refuse(rhythm)
    expect(rhythm.waitMs()).toBe(34_000)
  })

  test('one that still fits is kept', () => {
    const rhythm = learned(5)
    sendAll(rhythm)
    refuse(rhythm)
    pass(7000)
    accept(rhythm, 5)
    refuse(rhythm)
    expect(rhythm.waitMs()).toBe(1000)
  })

  test('a long silence is no long window', () => {
    const rhythm = newRhythm()
    refuse(rhythm)
    pass(400)
    accept(rhythm, 5)
    refuse(rhythm)
    pass(700)
    refuse(rhythm)
    // Nobody asks for two hours.
    pass(7_200_000)
    accept(rhythm, 5)
    refuse(rhythm)
    // The shortest that fits.
    expect(rhythm.waitMs()).toBe(1000)
  })

  test.each([1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 300_000, 3_600_000])(
    'fixed windows of %d ms are known exactly once one was seen to close and to open',
    (periodMs) => {
      expect(play(40, periodMs, 12).exact.slice(2)).toEqual(Array(10).fill(true))
    },
  )
})

describe('how many it lets through', () => {
  test('grows while nobody is refused: by one after two windows, then by two, by a quarter at most', () => {
    const rhythm = learned(5)
    const counts = Array.from({ length: 9 }, () => {
      const count = sendAll(rhythm)
      pass(1000)
      return count
    })
    expect(counts).toEqual([5, 5, 6, 6, 8, 8, 10, 10, 13])
  })

  test('after each try that was refused, it is content for twice as many windows, up to 32', () => {
    const rhythm = learned(5)
    const tries: number[] = []
    for (let window = 0; window < 100; window++) {
      let count = 0
      while (rhythm.waitMs() === 0) {
        if (count++ < 5) accept(rhythm)
        else refuse(rhythm)
      }
      if (count > 5) tries.push(window)
      pass(rhythm.waitMs())
    }
    expect(tries.slice(1).map((window, i) => window - tries[i]!)).toEqual([5, 9, 17, 33, 33])
  })

  test('shrinks as soon as other clients take their part, to what was let through', () => {
    const rhythm = learned(8)
    accept(rhythm, 6)
    refuse(rhythm)
    expect(rhythm.waitMs()).toBe(1000)
    pass(1000)
    expect(sendAll(rhythm)).toBe(6)
  })

  test('but to no less than half at once: it may be ours that began too early', () => {
    const rhythm = learned(8)
    accept(rhythm)
    refuse(rhythm)
    pass(1000)
    expect(sendAll(rhythm)).toBe(4)
  })

  test('is never less than one', () => {
    const rhythm = learned(5)
    refuse(rhythm)
    pass(rhythm.waitMs() + 1000)
    expect(sendAll(rhythm)).toBeGreaterThanOrEqual(1)
  })

  test.each([100, 200, 500, 1000, 60_000])(
    'windows of %d ms: once learned, nobody is refused but those who try whether there is more',
    (periodMs) => {
      for (const limit of [1, 2, 40, 200]) {
        const { refusals } = play(limit, periodMs, 24)
        const late = refusals.slice(4).reduce((sum, count) => sum + count, 0)
        // After 2 windows without a refusal, then 4, 8, 16.
        expect(late).toBeLessThanOrEqual(3)
      }
    },
  )
})

test('whatever the limit and the length: from the fourth window on, two are refused at most', () => {
  // One to find that the window is closed, one more if the length was guessed too short.
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.constantFrom(...ROUND_MS), (limit, periodMs) => {
      const { refusals } = play(limit, periodMs, 12)
      expect(Math.max(...refusals.slice(3))).toBeLessThanOrEqual(2)
    }),
    { seed: 12, numRuns: 150 },
  )
})
