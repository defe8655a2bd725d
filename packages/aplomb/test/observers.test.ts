import { respond } from '@aplomb/mock-api'
import { describe, expect, test, vi } from 'vitest'
import { aplomb, type AplombOptions } from '../src/index.ts'
import { outcomes, timed, useFakeTime } from './support/time.ts'

useFakeTime()

const TARGET = 'https://api.test/v1/lookup/8.8.8.8'

/** What callers and the server see of calls that queue, are held, back off, cost too much, are refused, and fail. */
const live = async (observers: AplombOptions = {}): Promise<readonly unknown[]> => {
  vi.setSystemTime(Date.UTC(2026, 0, 1))
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  const down = new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) })
  const cost = (credits: number, delayMs: number) => ({ delayMs, headers: { 'x-credits-charged': String(credits) } })
  const server = timed(
    respond(
      cost(4, 100),
      { status: 429, delayMs: 20, headers: { 'retry-after': '2' } },
      { status: 500, delayMs: 30, body: { message: 'broken' } },
      cost(1, 40),
      { status: 402, delayMs: 10, body: { message: 'pay' } },
      down,
      down,
      cost(2, 10),
    ),
  )
  const { creditMeter = {}, ...rest } = observers
  const fetch = aplomb({
    concurrencyGate: { limit: 1 },
    backoffJitter: { maxAttempts: 2, jitter: 'none' },
    ...rest,
    creditMeter: { budget: 10, stopAt: 100, thresholds: [40, 50], ...(creditMeter as object) },
    fetch: server,
  })
  const began = performance.now()
  const calls = Array.from({ length: 6 }, async () => {
    const end = await fetch(TARGET).then(
      async (response) => [response.status, await response.text()],
      (error: unknown) => (error === down ? 'the very error' : (error as Error).name),
    )
    return [end, performance.now() - began]
  })
  const ends = await outcomes(calls)
  await vi.advanceTimersByTimeAsync(1000)
  const { spent } = fetch.usage() ?? {}
  return [ends.map((end) => ('value' in end ? end.value : end)), server.times, spent, vi.getTimerCount()]
}

const bad: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('no')
  },
  rejects: () => Promise.reject(new Error('no')),
  'rejects later': () => new Promise((_, reject) => setTimeout(() => reject(new Error('no')), 500)),
  hangs: () => new Promise(() => undefined),
  'gives what cannot be looked at': () =>
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
        has: () => {
          throw new Error('no')
        },
      },
    ),
}

/** Where an observer can stand. */
const places: Readonly<Record<string, (observe: () => unknown) => AplombOptions>> = {
  'a log sink': (sink) => ({ log: { sink } }),
  'a logger': (sink) => ({ log: { sink: { info: sink, warn: sink, error: sink } } }),
  onAlert: (onAlert) => ({ creditMeter: { onAlert } }),
  onEvent: (onEvent) => ({ onEvent }),
  'a redaction': (text) => ({ log: { sink: () => undefined, redact: { text: text as () => string } } }),
  'the endpoint of a log': (endpoint) => ({ log: { sink: () => undefined, endpoint: endpoint as () => string } }),
}

const ASKED: ReadonlySet<string> = new Set(['a redaction', 'the endpoint of a log'])

/** What is promised is nobody's business where a text is asked for. */
const kindsFor = (place: string): string[] =>
  Object.keys(bad).filter((kind) => !ASKED.has(place) || !/rejects|hangs/.test(kind))

describe.each(Object.keys(places))('%s changes neither the result nor the timing of any call', (place) => {
  test.each(kindsFor(place))('one that %s', async (kind) => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const expected = await live()
    expect(expected).toMatchObject([{ length: 6 }, { length: 8 }, 7, 0])
    let heard = 0
    // Not a mock: that would catch what is rejected.
    const observe = (): unknown => {
      heard++
      return bad[kind]?.()
    }
    expect(await live(places[place]?.(observe))).toEqual(expected)
    expect(heard).toBeGreaterThan(1)
  })
})
