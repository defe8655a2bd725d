import type { AlertOptions } from '@aplomb/alert'
import type { OtelOptions } from '@aplomb/otel'
import type { AplombOptions } from 'aplomb'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const URL_A = 'https://api.test/v1/items/12345678'

type Callback = (...args: unknown[]) => unknown

const never = (): Promise<never> => new Promise(() => undefined)

/** What a callback may do but what it should. */
const FAULTS: Readonly<Record<string, Callback>> = {
  throws: () => {
    throw new Error('mine')
  },
  'throws nothing': () => {
    throw undefined
  },
  rejects: () => Promise.reject(new Error('mine')),
  hangs: never,
  'answers nothing': () => undefined,
  'answers null': () => null,
  'answers a number': () => -1.5,
  'answers NaN': () => NaN,
  'answers a symbol': () => Symbol('s'),
  'answers an object': () => ({}),
  'answers a function': () => () => undefined,
}

/** Nothing is asked of an observer but that it ends well, some time. */
const ANYTHING = Object.keys(FAULTS).filter((name) => name.startsWith('answers') || name === 'hangs')

interface Setup {
  readonly options?: AplombOptions
  readonly alert?: AlertOptions
  readonly otel?: OtelOptions
}

const logger = (isLevelEnabled?: unknown) => {
  const mute = (): undefined => undefined
  return { info: mute, warn: mute, error: mute, ...(isLevelEnabled !== undefined && { isLevelEnabled }) }
}

const rule = (callbacks: object) => ({ name: 'mine', judge: () => undefined, ...callbacks })

/** Each kind of callback; and those of the faults that are none there, as they are what it may answer. */
const CALLBACKS: Readonly<Record<string, readonly [setup: (callback: never) => Setup, fine?: readonly string[]]>> = {
  key: [(key) => ({ options: { key } })],
  repeatable: [(repeatable) => ({ options: { repeatable } })],
  onEvent: [(onEvent) => ({ options: { onEvent } }), ANYTHING],
  jitter: [(jitter) => ({ options: { backoffJitter: { jitter } } })],
  'rule.judge': [
    (judge) => ({ options: { classify: { rules: [rule({ judge })] } } }),
    ['answers nothing', 'answers null'],
  ],
  'rule.reads': [(reads) => ({ options: { classify: { rules: [rule({ reads })] } } })],
  lookups: [(lookups) => ({ options: { classify: { lookups } } })],
  cost: [(cost) => ({ options: { creditMeter: { cost } } }), ['answers nothing', 'hangs']],
  'creditMeter.endpoint': [(endpoint) => ({ options: { creditMeter: { endpoint } } })],
  onAlert: [(onAlert) => ({ options: { creditMeter: { budget: 4, cost: 4, onAlert } } }), ANYTHING],
  sink: [(sink) => ({ options: { log: { sink } } }), ANYTHING],
  isLevelEnabled: [(isLevelEnabled) => ({ options: { log: { sink: logger(isLevelEnabled) } } })],
  'log.endpoint': [(endpoint) => ({ options: { log: { sink: logger(), endpoint } } })],
  'redact.text': [(text) => ({ options: { log: { sink: logger(), redact: { text } } } })],
  'alert.to': [(to) => ({ alert: { to } }), ANYTHING],
  'alert.endpoint': [(endpoint) => ({ alert: { to: () => undefined, endpoint } })],
  'otel.endpoint': [(endpoint) => ({ otel: { endpoint } })],
}

const SCRIPT: readonly (readonly [status: number, headers?: Record<string, string>])[] = [
  [200],
  [500],
  [503],
  [200],
  [404],
  [402],
]

/** A fresh process, as far as what is told once goes; its calls, what they came to, and when. */
const live = async ({ options = {}, alert: alerting, otel: tracing }: Setup) => {
  vi.resetModules()
  const { aplomb } = await import('aplomb')
  const { alert } = await import('@aplomb/alert')
  const { otel } = await import('@aplomb/otel')
  const provider = {
    getTracer: () => ({ startSpan: () => spanOf(), startActiveSpan: () => undefined }) as never,
  }
  const observe = [
    ...(alerting ? [alert(alerting)] : []),
    ...(tracing ? [otel({ tracerProvider: provider, ...tracing })] : []),
  ]
  let sent = 0
  const inner = async (): Promise<Response> => {
    const [status, headers] = SCRIPT[sent++ % SCRIPT.length] as (typeof SCRIPT)[number]
    await new Promise((resolve) => setTimeout(resolve, 20))
    return new Response('{"message":"no"}', { status, headers: { 'content-type': 'application/json', ...headers } })
  }
  const fetch = aplomb({ log: false, ...options, observe, fetch: inner })
  const began = performance.now()
  const ends: unknown[] = []
  const work = async (): Promise<void> => {
    for (const method of ['GET', 'GET', 'POST', 'GET', 'GET', 'GET']) {
      const init = method === 'POST' ? { method, body: 'x' } : { method }
      const { status } = await fetch(URL_A, init)
      ends.push([status, performance.now() - began])
    }
  }
  const working = work()
  await vi.advanceTimersByTimeAsync(60_000)
  await working
  return { ends, sent }
}

const spanOf = () => {
  const span = {
    spanContext: () => ({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }),
    setAttribute: () => span,
    setAttributes: () => span,
    addEvent: () => span,
    addLink: () => span,
    addLinks: () => span,
    setStatus: () => span,
    updateName: () => span,
    end: () => undefined,
    isRecording: () => true,
    recordException: () => undefined,
  }
  return span
}

let rejections: unknown[]
const onRejection = (reason: unknown): void => void rejections.push(reason)
beforeEach(() => {
  rejections = []
  process.on('unhandledRejection', onRejection)
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  process.off('unhandledRejection', onRejection)
  vi.useRealTimers()
})

describe.each(Object.entries(CALLBACKS))('%s', (name, [setup, fine = []]) => {
  it.each(Object.entries(FAULTS))(
    'that %s changes neither result nor timing of a call, and is told once',
    async (fault, callback) => {
      const told = vi.fn<(...args: unknown[]) => void>()
      vi.spyOn(console, 'warn').mockImplementation(told)
      vi.spyOn(console, 'error').mockImplementation(told)
      // What fails in its place: nothing is given, or for what it costs the call, another that does not fail.
      const expected = await live(name === 'onAlert' ? setup((() => undefined) as never) : {})
      told.mockClear()
      const called = vi.fn(callback)
      expect(await live(setup(called as never))).toEqual(expected)
      expect(called.mock.calls.length).toBeGreaterThan(0)
      // A cost is waited for for ten minutes, an alert for five: that is told later.
      if (fine.includes(fault)) expect(told).not.toHaveBeenCalled()
      else expect(told).toHaveBeenCalledOnce()
      await Promise.resolve()
      expect(rejections).toEqual([])
    },
  )
})

describe('a middleware or a fetch that answers no Response', () => {
  const ANSWERS: readonly unknown[] = [undefined, null, 'text', 5, true, Symbol('s'), () => undefined]

  it.each(ANSWERS)('%o: an error that names it, sent once, and nothing is left behind', async (answer) => {
    const { aplomb, compose, createFetch } = await import('aplomb')
    const broken = (async () => answer) as never
    const mine = {
      mine: async (_request: Request, next: (request: Request) => Promise<Response>) => void (await next(_request)),
    }
    const inner = vi.fn(async () => new Response('fine'))
    const error = { name: 'NoResponseError' }
    await expect(createFetch([], { fetch: broken })(URL_A)).rejects.toMatchObject({ ...error, by: 'fetch' })
    await expect(aplomb({ fetch: broken })(URL_A)).rejects.toMatchObject({ ...error, by: 'fetch' })
    const named = { broken: (async () => answer) as never }.broken
    await expect(aplomb({ use: [named], fetch: inner })(URL_A)).rejects.toMatchObject({
      ...error,
      by: 'middleware broken',
    })
    await expect(aplomb({ observe: [named], fetch: inner })(URL_A)).rejects.toMatchObject(error)
    await expect(createFetch([compose(named)], { fetch: inner })(URL_A)).rejects.toMatchObject(error)
    expect(inner).not.toHaveBeenCalled()
    const fetch = aplomb({ use: [mine.mine as never], fetch: inner })
    await expect(fetch(URL_A, { method: 'POST', body: 'x' })).rejects.toThrow(
      'middleware mine answered undefined in place of a Response',
    )
    expect(inner).toHaveBeenCalledOnce()
    expect(fetch.stats()).toMatchObject({ active: 0, queued: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })
})
