import { expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import type { Sent } from '../src/sent.ts'
import { newSilentRate, type SilentRate } from '../src/silent-rate.ts'

useFakeTime()

const request = { method: 'GET', url: 'https://api.test/' }
const one = (active = 1): Sent => ({ at: performance.now(), active, request })
const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)

/** A bucket that is empty. */
const bucket = (perSecond: number): (() => boolean) => {
  let level = 0
  let at = performance.now()
  return () => {
    level += ((performance.now() - at) * perSecond) / 1000
    at = performance.now()
    if (level < 1) return false
    level--
    return true
  }
}

/** Asked every few milliseconds for so long, where it may be: how many were let through and refused. */
const ask = (rate: SilentRate, api: () => boolean, ms: number, everyMs = 5, otherwise = false): [number, number] => {
  let served = 0
  let refused = 0
  for (let spent = 0; spent < ms; spent += everyMs) {
    pass(everyMs)
    if (rate.waitMs() > 0) continue
    // After refusals more are in flight than with them: so it is no ceiling.
    const sent = one(served % 2 ? 3 : 1)
    rate.sent(sent)
    if (api()) {
      rate.served(sent, sent.active)
      served++
    } else {
      rate.refused(sent, sent.active, otherwise)
      refused++
    }
  }
  return [served, refused]
}

it('lies on a line through the refusals, and is found by sixteen calls', () => {
  const rate = newSilentRate()
  const api = bucket(50)
  ask(rate, api, 300)
  expect(rate.believed()).toBe(false)
  ask(rate, api, 100)
  expect(rate.believed()).toBe(true)
})

it('is made use of, and refused ever more seldom', () => {
  const rate = newSilentRate()
  const api = bucket(50)
  ask(rate, api, 1000)
  const [served, refused] = ask(rate, api, 10_000, 1)
  expect(served).toBeGreaterThan(0.98 * 500)
  expect(refused).toBeLessThan(0.03 * 500)
})

it('is found out anew when it has grown, or fallen', () => {
  const rate = newSilentRate()
  ask(rate, bucket(50), 2000)
  ask(rate, bucket(200), 3000, 1)
  const [more] = ask(rate, bucket(200), 2000, 1)
  expect(more).toBeGreaterThan(0.9 * 400)
  ask(rate, bucket(20), 3000, 1)
  const [fewer, refused] = ask(rate, bucket(20), 5000, 1)
  expect(fewer).toBeGreaterThan(0.9 * 100)
  expect(refused).toBeLessThan(0.2 * 100)
})

it('is no ceiling: that serves no more at a time than it refuses', () => {
  const rate = newSilentRate()
  const api = bucket(50)
  for (let spent = 0; spent < 2000; spent += 5) {
    pass(5)
    const sent = one(4)
    rate.sent(sent)
    if (api()) rate.served(sent, 3)
    else rate.refused(sent, 4, false)
  }
  expect(rate.believed()).toBe(false)
})

it('may be where one is refused alone: no ceiling does that', () => {
  const rate = newSilentRate()
  const api = bucket(50)
  for (let spent = 0; spent < 1000; spent += 5) {
    pass(5)
    const sent = one(1)
    rate.sent(sent)
    if (api()) rate.served(sent, 1)
    else rate.refused(sent, 1, false)
  }
  expect(rate.believed()).toBe(true)
})

it('is no window: that refuses as long as it is closed, and then lets many through', () => {
  const rate = newSilentRate()
  let used = 0
  let opens = performance.now()
  const api = (): boolean => {
    if (performance.now() >= opens + 1000) {
      opens = performance.now()
      used = 0
    }
    return ++used <= 50
  }
  for (let i = 0; i < 50; i++) {
    ask(rate, api, 100)
    expect(rate.believed()).toBe(false)
  }
})

it('is nothing where something else explains the refusals', () => {
  const rate = newSilentRate()
  ask(rate, bucket(50), 2000, 5, true)
  expect([rate.believed(), rate.waitMs()]).toEqual([false, 0])
})

it('is forgotten when nothing is refused any more', () => {
  const rate = newSilentRate()
  ask(rate, bucket(50), 1000)
  ask(rate, () => true, 20_000, 1)
  expect(rate.believed()).toBe(false)
})
