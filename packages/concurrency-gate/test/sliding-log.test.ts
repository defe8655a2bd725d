import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { newSlidingLog, type SlidingLog } from '../src/sliding-log.ts'

useFakeTime()

const LENGTH_MS = 1000
const QUOTA = 5
const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)

const send = (log: SlidingLog): number => {
  const at = performance.now()
  log.sent(at)
  return at
}
const serve = (log: SlidingLog, count = 1): void => {
  for (let i = 0; i < count; i++) {
    send(log)
    log.served()
  }
}
/** Sent, and refused after so long. */
const refuse = (log: SlidingLog, tookMs = 0): number => {
  const at = send(log)
  pass(tookMs)
  log.refused(at)
  return at
}

/** A window of 100 ms, one length later the next one's first; and two of it that were refused, after so long. */
const overtaken = (tookMs = 0): { readonly log: SlidingLog; readonly at: number } => {
  const log = newSlidingLog()
  for (let i = 0; i < QUOTA; i++) {
    pass(20)
    serve(log)
  }
  pass(LENGTH_MS - 80)
  serve(log)
  pass(1)
  const refused = [send(log), send(log)]
  pass(tookMs)
  for (const at of refused) log.refused(at)
  return { log, at: performance.now() - tookMs }
}

const sliding = (): SlidingLog => {
  const { log, at } = overtaken()
  expect(log.explains(at, LENGTH_MS, QUOTA)).toBe(true)
  return log
}

describe('refusals sooner than one length after their forerunners', () => {
  it('are those of a window that slides', () => {
    const log = sliding()
    expect(log.believed()).toBe(true)
    expect(log.waitMs()).toBe(19)
  })

  it('as long as the window is not known to, nobody waits for that', () => {
    const { log } = overtaken()
    expect([log.believed(), log.waitMs()]).toEqual([false, 0])
  })

  it('not a single one: it may be chance', () => {
    const { log } = overtaken()
    serve(log)
    expect(log.explains(refuse(log), LENGTH_MS, QUOTA)).toBe(false)
  })

  it('nor those that came one length after them', () => {
    const { log } = overtaken()
    pass(20)
    refuse(log)
    expect(log.explains(refuse(log), LENGTH_MS, QUOTA)).toBe(false)
  })
})

describe('of a window that slides', () => {
  it('each makes room one length after it was sent', () => {
    const log = sliding()
    const waits = Array.from({ length: 4 }, () => {
      const waitMs = log.waitMs()
      pass(waitMs)
      serve(log)
      return waitMs
    })
    expect(waits).toEqual([19, 20, 20, 20])
  })

  it('a refusal tells how long requests are on their way, which is left free; a twentieth of the length at most', () => {
    const waits = [3, 400].map((tookMs) => {
      const { log, at } = overtaken(tookMs)
      log.explains(at, LENGTH_MS, QUOTA)
      pass(2 * LENGTH_MS)
      // After a full window one more is tried.
      serve(log, QUOTA + 1)
      return log.waitMs() - LENGTH_MS
    })
    expect(waits).toEqual([3, 50])
  })

  it('a refusal with one less in it shows its quota, once for what was sent together', () => {
    const log = sliding()
    pass(LENGTH_MS)
    serve(log, QUOTA - 1)
    pass(1)
    const [one, other] = [send(log), send(log)]
    pass(1)
    log.refused(one)
    log.refused(other)
    expect(log.waitMs()).toBeGreaterThan(0)
    pass(LENGTH_MS)
    serve(log, QUOTA - 2)
    expect(log.waitMs()).toBe(0)
    serve(log)
    expect(log.waitMs()).toBeGreaterThan(0)
  })

  it('one more is tried after a window full of good answers', () => {
    const log = sliding()
    const counts = Array.from({ length: 4 }, () => {
      pass(LENGTH_MS * 1.1)
      let count = 0
      for (; log.waitMs() === 0; count++) serve(log)
      return count
    })
    expect(counts).toEqual([6, 7, 8, 9])
  })

  it('a refusal with much less in it was for something else: it does not slide', () => {
    const log = sliding()
    pass(2 * LENGTH_MS)
    serve(log, 3)
    refuse(log)
    expect(log.believed()).toBe(false)
  })
})

it('remembers no more than twenty thousand', () => {
  const log = newSlidingLog()
  serve(log, 30_000)
  refuse(log)
  const at = refuse(log)
  // Of those before, so many are not known any more.
  expect(log.explains(at, LENGTH_MS, 20_001)).toBe(false)
})
