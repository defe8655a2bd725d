import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi, type MockInstance } from 'vitest'
import { respond } from '@aplomb/mock-api'
import { classify } from '@aplomb/classify'
import { compose, type Fetch } from '@aplomb/pipeline'
import {
  BudgetExceededError,
  creditMeter,
  memoryStore,
  type Cost,
  type CreditMeter,
  type CreditStore,
} from '../src/index.ts'
import { costs, KEY, pipelineOf, URL_A } from './helpers.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const URL_B = `${KEY}/v1/other`
const MIB = 1024 * 1024

let report: MockInstance
beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12) })
  report = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => {
  const left = vi.getTimerCount()
  vi.useRealTimers()
  if (left > 0) throw new Error(`timers are left: ${left}`)
})

type Way = (meter: CreditMeter, inner: Fetch) => Fetch

const ways: readonly (readonly [string, Way])[] = [
  ['in the pipeline', (meter, inner) => pipelineOf(meter, inner).fetch],
  [
    'bare',
    (meter, inner) => {
      const metered = compose(meter, classify())
      return async (input, init) => metered(new Request(input, init), (request) => inner(request))
    },
  ],
]

/** What has become of a call, and when, without waiting for it. */
const watch = (call: Promise<Response>): { end: unknown; ms: number } => {
  const began = Date.now()
  const seen = { end: 'pending' as unknown, ms: 0 }
  const ended = (end: unknown): void => void Object.assign(seen, { end, ms: Date.now() - began })
  call.then(
    ({ status }) => ended(status),
    (error: Error) => ended(error),
  )
  return seen
}

const pass = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

const never = (): Promise<never> => new Promise(() => undefined)

const hanging: CreditStore = { add: never, get: never }

/** A body that gives a byte at once and then stays open. */
const open = () => {
  const cancelled = vi.fn<(reason: unknown) => void>()
  const start = (controller: ReadableStreamDefaultController<Uint8Array>): void =>
    controller.enqueue(new Uint8Array([120]))
  return { cancelled, response: new Response(new ReadableStream({ start, cancel: cancelled })) }
}

const lengthOf: Cost = async (response) => (await response.clone().text()).length

describe.each(ways)('1. a promised cost is charged when it is known, or after ten minutes: %s', (_, via) => {
  test('a body that never ends delays neither its own call nor, when it is overdue, any other', async () => {
    const { response } = open()
    const meter = creditMeter({ budget: 100, stopAt: 100, cost: lengthOf })
    const fetch = via(meter, respond(response, { times: Infinity, body: 'abc' }))
    const controller = new AbortController()
    const stream = watch(fetch(URL_A, { signal: controller.signal }))
    await pass()
    expect(stream.end).toBe(200)
    const next = watch(fetch(URL_A))
    await pass(10 * SECOND)
    expect(next).toEqual({ end: 200, ms: 10 * SECOND })
    const later = [watch(fetch(URL_A)), watch(fetch(URL_B))]
    await pass()
    expect(later).toMatchObject([
      { end: 200, ms: 0 },
      { end: 200, ms: 0 },
    ])
    controller.abort(new Error('enough'))
    await pass()
    expect(meter.usage()).toMatchObject({ spent: 12, reserved: 0 })
  })

  test('one that is never told is taken, after ten minutes, for the most that its endpoint has cost so far', async () => {
    const promises = [Promise.resolve(4), never(), Promise.resolve(1)]
    const meter = creditMeter({ budget: 100, stopAt: 100, cost: () => promises.shift() })
    const fetch = via(meter, respond({ times: 3 }))
    await fetch(URL_A)
    await fetch(URL_A)
    await pass(10 * MINUTE - 1)
    expect(meter.usage()).toMatchObject({ spent: 4, reserved: 4, attempts: 1 })
    await pass(1)
    expect(meter.usage()).toMatchObject({ spent: 8, reserved: 0, attempts: 2 })
    await fetch(URL_A)
    await pass()
    expect(meter.usage().spent).toBe(9)
  })

  test('and teaches nothing: without any cost so far it is free, and the next is waited for', async () => {
    const promises = [never(), Promise.resolve(60), Promise.resolve(60)]
    const meter = creditMeter({ budget: 100, stopAt: 100, cost: () => promises.shift() })
    const inner = respond({ times: 3, delayMs: 10 })
    const fetch = via(meter, inner)
    void watch(fetch(URL_A))
    await pass(10 * MINUTE + 10)
    expect(meter.usage()).toMatchObject({ spent: 0, attempts: 1 })
    // As after any attempt that has ended without telling, two go at once.
    const ends = [fetch(URL_A), fetch(URL_A), fetch(URL_A)].map(watch)
    await pass(20)
    expect(ends.map(({ end }) => end)).toEqual([200, 200, expect.any(BudgetExceededError)])
  })
})

describe('1. a clone that the cost function makes ends after ten minutes, at 16 MiB, or with the call', () => {
  const failure = () => {
    const seen = vi.fn<(error: unknown) => void>()
    const cost: Cost = async (response) => {
      try {
        return (await response.clone().text()).length
      } catch (error) {
        seen(error)
        throw error
      }
    }
    return { cost, seen }
  }

  test('by time: what it held is free, and so is the connection if the caller is done, too', async () => {
    const { cost, seen } = failure()
    const { cancelled, response } = open()
    const meter = creditMeter({ cost })
    const { fetch } = pipelineOf(meter, respond(response))
    const stream = await fetch(URL_A)
    await pass(MINUTE)
    void stream.body?.cancel()
    await pass(9 * MINUTE - 1)
    expect([seen, cancelled].map(({ mock }) => mock.calls.length)).toEqual([0, 0])
    await pass(1)
    expect(seen.mock.calls).toEqual([[expect.objectContaining({ name: 'TimeoutError' })]])
    expect(cancelled).toHaveBeenCalledOnce()
    expect(meter.usage()).toMatchObject({ attempts: 1, reserved: 0 })
  })

  test('by size', async () => {
    const { cost, seen } = failure()
    let pulled = 0
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      pulled++
      controller.enqueue(new Uint8Array(MIB))
    }
    const meter = creditMeter({ cost })
    const response = await pipelineOf(meter, respond(new Response(new ReadableStream({ pull })))).fetch(URL_A)
    await vi.waitFor(() => expect(seen).toHaveBeenCalledOnce())
    expect(seen.mock.calls[0]?.[0]).toBeInstanceOf(RangeError)
    const atEnd = pulled
    await pass(MINUTE)
    expect(pulled).toBe(atEnd)
    // One is on its way to the copy, and one to each branch's queue.
    expect(pulled).toBeLessThanOrEqual(16 + 3)
    // It was ended by us: that is no failure of the function.
    expect(report).not.toHaveBeenCalled()
    expect(meter.usage().attempts).toBe(1)
    // The caller has all of it, and more.
    const reader = response.body?.getReader()
    for (let i = 0; i < 30; i++) expect((await reader?.read())?.value).toHaveLength(MIB)
  })

  test('by an abort: it counts as what was expected, and nothing is left', async () => {
    const { cost, seen } = failure()
    const meter = creditMeter({ cost })
    const { fetch } = pipelineOf(meter, respond({ body: 'abcd' }, open().response))
    await fetch(URL_A)
    await pass()
    const controller = new AbortController()
    await fetch(URL_A, { signal: controller.signal })
    await pass()
    expect(vi.getTimerCount()).toBeGreaterThan(0)
    controller.abort(new Error('enough'))
    await pass()
    expect(vi.getTimerCount()).toBe(0)
    expect(seen.mock.calls).toEqual([[new Error('enough')]])
    expect(meter.usage()).toMatchObject({ spent: 8, reserved: 0 })
    expect(report).not.toHaveBeenCalled()
  })

  test('with a body that breaks off: it counts as what was expected, and is no failure of the function', async () => {
    const { cost, seen } = failure()
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) })
    const meter = creditMeter({ cost })
    const { fetch } = pipelineOf(meter, respond({ body: 'abcd' }, new Response(broken)))
    await fetch(URL_A)
    await pass()
    await fetch(URL_A)
    await pass()
    expect(seen.mock.calls).toEqual([[new Error('reset')]])
    expect(meter.usage()).toMatchObject({ spent: 8, reserved: 0 })
    expect(report).not.toHaveBeenCalled()
  })

  test('one that is dropped, or given up, leaves no timer', async () => {
    const dropped = creditMeter({ cost: (response) => (response.clone(), 1) })
    await pipelineOf(dropped, respond(open().response)).fetch(URL_A)
    const cost: Cost = async (response) => {
      const reader = response.clone().body?.getReader()
      await reader?.read()
      await reader?.cancel()
      return 1
    }
    const givenUp = creditMeter({ cost })
    await pipelineOf(givenUp, respond(open().response)).fetch(URL_A)
    await pass()
    expect([dropped, givenUp].map((meter) => meter.usage().spent)).toEqual([1, 1])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('it shows all that a clone shows, and the answer is the very one, as it was', async () => {
    const answer = Response.json({ used: 4 }, { status: 201, headers: { 'x-one': '1' } })
    Object.defineProperty(answer, 'url', { value: `${URL_A}?at=1` })
    const own = Response.json({ used: 4 })
    const ownClone = own.clone.bind(own)
    own.clone = ownClone
    const seen: unknown[] = []
    const cost: Cost = async (response) => {
      const copy = response.clone()
      seen.push([copy.url, copy.status, copy.headers.get('x-one'), copy.type, copy.redirected, copy.clone().status])
      return ((await copy.json()) as { used: number }).used
    }
    const meter = creditMeter({ cost })
    const got = await pipelineOf(meter, async () => answer).fetch(URL_A)
    const other = await pipelineOf(meter, async () => own).fetch(URL_A)
    expect(got).toBe(answer)
    expect(Object.hasOwn(got, 'clone')).toBe(false)
    expect(other.clone).toBe(ownClone)
    expect(seen[0]).toEqual([`${URL_A}?at=1`, 201, '1', 'default', false, 201])
    expect(await got.json()).toEqual({ used: 4 })
    await pass()
    expect(meter.usage().spent).toBe(8)
  })

  test('of a fetch whose answer nobody reads, an abort then ends nothing but the fetch', async () => {
    vi.useRealTimers()
    const server = createServer((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(MIB)));
      }
      response.on('drain', more)
      more()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const unhandled: unknown[] = []
    const hear = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', hear)
    const { cost, seen } = failure()
    const meter = creditMeter({ cost })
    const controller = new AbortController()
    const { fetch } = pipelineOf(meter, globalThis.fetch)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const response = await fetch(url, { signal: controller.signal })
    await vi.waitFor(() => expect(seen).toHaveBeenCalledOnce(), { timeout: 20_000 })
    controller.abort(new Error('enough'))
    expect(response.bodyUsed).toBe(true)
    // A rejection is told when all that is due has run.
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
    process.off('unhandledRejection', hear)
    vi.useFakeTimers()
    expect(unhandled).toEqual([])
  })
})

describe.each(ways)('7. a call waits for those in flight, ten seconds for each and a minute in all: %s', (_, via) => {
  const long = (credits: number, ms: number) => ({ ...costs(credits), delayMs: ms })

  test('what one that is overdue may cost stays reserved: without room beside it, a call is refused', async () => {
    const alerts: unknown[] = []
    const meter = creditMeter({ budget: 10, stopAt: 100, onAlert: ({ threshold }) => alerts.push(threshold) })
    const inner = respond(costs(3), long(3, MINUTE), long(1, MINUTE), costs(3))
    const fetch = via(meter, inner)
    await fetch(URL_A)
    const stream = [watch(fetch(URL_A)), watch(fetch(URL_A))]
    await pass(SECOND)
    const next = watch(fetch(URL_A))
    await pass(10 * SECOND)
    expect(next.ms).toBe(10 * SECOND)
    expect(next.end).toMatchObject({
      name: 'BudgetExceededError',
      used: 3,
      reserved: 6,
      expected: 3,
      limit: 10,
      message: '3 of 10 credits are used, calls in flight may cost 6, this call may cost 3, and calls stop at 100 %',
    })
    const later = watch(fetch(URL_A))
    await pass()
    expect(later).toEqual({ end: expect.any(BudgetExceededError), ms: 0 })
    expect(inner.calls).toBe(3)
    // Nothing that is only reserved was used.
    expect(alerts).toEqual([])
    await pass(MINUTE)
    expect(stream.map(({ end }) => end)).toEqual([200, 200])
    expect((await fetch(URL_A)).status).toBe(200)
    expect(meter.usage()).toMatchObject({ spent: 10, reserved: 0 })
    expect(alerts).toEqual([100])
  })

  test('with room beside it, it goes', async () => {
    const meter = creditMeter({ budget: 100, stopAt: 100 })
    const fetch = via(meter, respond(costs(3), long(3, MINUTE), costs(3)))
    await fetch(URL_A)
    const stream = watch(fetch(URL_A))
    await pass(11 * SECOND)
    const next = watch(fetch(URL_A))
    await pass()
    expect(next).toEqual({ end: 200, ms: 0 })
    await pass(MINUTE)
    expect(stream.end).toBe(200)
  })

  test('who waits already is asked anew when another call comes', async () => {
    const meter = creditMeter({ budget: 100, stopAt: 100 })
    const fetch = via(meter, respond(long(1, MINUTE), costs(1), costs(1)))
    watch(fetch(URL_A))
    await pass(5 * SECOND)
    const calls = [watch(fetch(URL_A))]
    await pass(6 * SECOND)
    calls.push(watch(fetch(URL_A)))
    await pass()
    expect(calls).toMatchObject([
      { end: 200, ms: 6 * SECOND },
      { end: 200, ms: 0 },
    ])
    await pass(MINUTE)
  })

  test('while no cost is known at all, twice as many go every ten seconds, and the rest after a minute', async () => {
    const meter = creditMeter({ budget: 100, stopAt: 100 })
    const inner = respond({ ...long(1, 5 * MINUTE), times: 100 })
    const fetch = via(meter, inner)
    for (let i = 0; i < 100; i++) watch(fetch(URL_A))
    const sent = []
    for (let i = 0; i < 7; i++) {
      await pass(i === 0 ? 0 : 10 * SECOND)
      sent.push(inner.calls)
    }
    expect(sent).toEqual([1, 3, 7, 15, 31, 63, 100])
    await pass(6 * MINUTE)
    expect(meter.usage()).toMatchObject({ spent: 100, reserved: 0 })
  })

  test('others that come and go all the time do not keep it longer', async () => {
    const meter = creditMeter({ budget: 100, stopAt: 100 })
    const script = (request: Request): Promise<Response> =>
      request.url === URL_B
        ? new Promise((resolve) =>
            setTimeout(() => resolve(new Response(null, { status: 404, ...costs(0) })), 8 * SECOND),
          )
        : Promise.resolve(new Response(null, costs(40)))
    const inner = vi.fn<Fetch>(async (input) => script(new Request(input)))
    const fetch = via(meter, inner)
    // Of the others each is expected to cost 40 as well: so there is room for one at a time, and they are first in line.
    const others: unknown[] = [watch(fetch(URL_B))]
    await pass(8 * SECOND)
    await fetch(URL_A)
    for (let i = 0; i < 2; i++) others.push(watch(fetch(URL_B)))
    await pass(SECOND)
    const dear = watch(fetch(URL_A))
    for (let i = 0; i < 12; i++) {
      expect(dear.end).toBe('pending')
      others.push(watch(fetch(URL_B)))
      await pass(5 * SECOND)
    }
    expect(dear).toEqual({ end: expect.any(BudgetExceededError), ms: MINUTE })
    await pass(5 * MINUTE)
    expect(others.map((one) => (one as { end: unknown }).end)).not.toContain('pending')
  })

  test('an abort ends the wait and leaves nothing', async () => {
    const meter = creditMeter({ budget: 100, stopAt: 100 })
    const fetch = via(meter, never)
    watch(fetch(URL_A))
    await pass()
    const controller = new AbortController()
    const waiting = fetch(URL_A, { signal: controller.signal })
    await pass(5 * SECOND)
    expect(vi.getTimerCount()).toBe(1)
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('an empty balance is looked at every minute also beside a stream', async () => {
    const meter = creditMeter({ budget: 100, stopAt: 100 })
    const inner = respond(
      costs(1, { 'x-credits-remaining': '50' }),
      long(1, 60 * MINUTE),
      { status: 402, headers: { 'x-credits-remaining': '0' } },
      costs(1, { 'x-credits-remaining': '50' }),
    )
    const fetch = via(meter, inner)
    await fetch(URL_A)
    watch(fetch(URL_A))
    await fetch(URL_A)
    await expect(fetch(URL_A)).rejects.toThrow(BudgetExceededError)
    await pass(MINUTE)
    expect((await fetch(URL_A)).status).toBe(200)
    await pass(60 * MINUTE)
  })
})

/** A store whose questions are answered as the test says: after a time, never, or with an error. */
const controlled = () => {
  const counters = memoryStore()
  const state = { asked: 0, until: (): Promise<unknown> => Promise.resolve(), arrives: true }
  const answer = async <T>(work: () => T): Promise<T> => {
    state.asked++
    if (state.arrives) {
      const result = work()
      await state.until()
      return result
    }
    await state.until()
    return work()
  }
  const store: CreditStore = {
    add: (...args) => answer(() => counters.add(...args) as number),
    get: (name) => answer(() => counters.get(name) as number | undefined),
  }
  const has = (name = ''): unknown => counters.get(`${KEY}${name}|2026-11`)
  return { store, state, has }
}

const after = (ms: number) => (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, ms))

describe.each(ways)('10. a store that does not answer within a second is taken as away: %s', (_, via) => {
  test.each([
    ['only counted', {}],
    ['with a hard stop', { budget: 100, stopAt: 100 }],
    ['with a rolling budget', { budget: { limit: 100, period: { rollingMs: MINUTE * 60 } }, stopAt: 100 }],
    ['at each threshold', { budget: 100, thresholds: [3, 6, 9] }],
  ])('it delays the first call by a second in all, and no later one: %s', async (_how, options) => {
    const alerts: unknown[] = []
    const onAlert = ({ threshold }: { threshold?: number | undefined }): void => void alerts.push(threshold)
    const meter = creditMeter({ store: hanging, onAlert, ...options })
    const fetch = via(meter, respond({ ...costs(3), times: Infinity }))
    const first = watch(fetch(URL_A))
    await pass(SECOND)
    expect(first).toEqual({ end: 200, ms: SECOND })
    for (let i = 0; i < 300; i++) {
      const later = watch(fetch(i % 2 ? URL_A : URL_B))
      await pass()
      if (later.end !== 200) expect(later.end).toBeInstanceOf(BudgetExceededError)
      expect(later.ms).toBe(0)
      await pass(SECOND / 4)
    }
    expect(meter.usage().spent).toBe('stopAt' in options ? 99 : 903)
    if ('thresholds' in options) expect(alerts).toEqual([3, 6, 9])
    expect(report).toHaveBeenCalledOnce()
  })

  test('whoever began to wait later is let go with the first', async () => {
    const meter = creditMeter({ store: hanging })
    const fetch = via(meter, respond({ ...costs(3), times: Infinity }))
    const calls = [watch(fetch(URL_A))]
    await pass(900)
    calls.push(watch(fetch(URL_A)))
    await pass(100)
    expect(calls).toMatchObject([{ ms: SECOND }, { end: 200, ms: 100 }])
  })

  test('also if no caller has that much patience', async () => {
    const meter = creditMeter({ store: hanging, budget: 100, stopAt: 100 })
    const fetch = via(meter, respond({ ...costs(3), times: Infinity }))
    for (let i = 0; i < 2; i++) {
      const controller = new AbortController()
      const call = watch(fetch(URL_A, { signal: controller.signal }))
      await pass(500)
      expect(call.end).toBe('pending')
      controller.abort(new Error('too late'))
      await pass()
      expect(vi.getTimerCount()).toBe(0)
    }
    const third = watch(fetch(URL_A))
    await pass()
    expect(third).toEqual({ end: 200, ms: 0 })
  })

  test('an alert that waits for it is told then', async () => {
    const { store, state } = controlled()
    const alerts: unknown[] = []
    const meter = creditMeter({ store, budget: 10, onAlert: ({ threshold }) => alerts.push(threshold) })
    const fetch = via(meter, respond(costs(1), costs(8), costs(0.5)))
    await fetch(URL_A)
    let questions = 0
    // The two counters are answered, the claim of 80 % is not.
    state.until = () => (++questions <= 2 ? Promise.resolve() : never())
    const call = watch(fetch(URL_A))
    await pass(SECOND - 1)
    expect(alerts).toEqual([])
    await pass(1)
    expect(call).toEqual({ end: 200, ms: SECOND })
    expect(alerts).toEqual([80])
    await fetch(URL_A)
    expect(alerts).toEqual([80, 95])
  })

  test('an abort ends each wait, and leaves nothing', async () => {
    for (const answered of [0, 1, 3]) {
      const { store, state } = controlled()
      let questions = 0
      // It hangs when it is read first, when it is told a cost, and when it is asked whose it is to alert.
      state.until = () => (++questions <= answered ? Promise.resolve() : never())
      const meter = creditMeter({ store, budget: 10, stopAt: 100 })
      const controller = new AbortController()
      const call = watch(via(meter, respond(costs(8)))(URL_A, { signal: controller.signal }))
      await pass(SECOND - 1)
      expect([call.end, vi.getTimerCount(), meter.usage().spent]).toEqual(['pending', 1, answered === 0 ? 0 : 8])
      controller.abort(new Error('enough'))
      await pass()
      expect([(call.end as Error).message, vi.getTimerCount()]).toEqual(['enough', 0])
      expect(meter.usage().reserved).toBe(0)
    }
  })

  test('every ten seconds the next call has it tried, and nobody waits for that', async () => {
    const { store, state } = controlled()
    state.until = never
    const meter = creditMeter({ store })
    const fetch = via(meter, respond({ ...costs(3), times: Infinity }))
    watch(fetch(URL_A))
    await pass(SECOND)
    const asked: number[] = []
    for (let i = 0; i < 35; i++) {
      const before = state.asked
      const call = watch(fetch(URL_A))
      await pass()
      expect(call).toEqual({ end: 200, ms: 0 })
      if (state.asked > before) asked.push(i)
      expect(state.asked - before).toBeLessThanOrEqual(1)
      await pass(SECOND)
    }
    expect(asked).toEqual([10, 20, 30])
  })

  test('what was counted meanwhile is written when it is back, to every counter, and it is waited for again', async () => {
    const { store, state, has } = controlled()
    Object.assign(state, { until: never, arrives: false })
    const meter = creditMeter({ store })
    const fetch = via(meter, respond({ ...costs(3), times: Infinity }))
    watch(fetch(URL_A))
    await pass(SECOND)
    for (let i = 0; i < 5; i++) await fetch(i === 4 ? URL_B : URL_A)
    expect([meter.usage().spent, has()]).toEqual([18, undefined])
    await pass(10 * SECOND)
    state.until = () => Promise.resolve()
    await fetch(URL_A)
    await pass()
    // All but the first, which was never answered: it may have arrived.
    expect([meter.usage().spent, has(), has('|/v1/lookup/:id'), has('|/v1/other')]).toEqual([21, 18, 15, 3])
    state.until = after(300)
    const call = watch(fetch(URL_A))
    await pass(300)
    expect(call).toEqual({ end: 200, ms: 300 })
    expect(has()).toBe(21)
    expect(report).toHaveBeenCalledOnce()
  })

  test.each([
    ['arrived all the same, and is answered late', true, 'resolve', 6],
    ['is refused late', false, 'reject', 6],
    // Nobody can know that: here it stays counted beside all that the store tells.
    ['arrived all the same, and is never answered', true, 'never', 9],
  ])('a write that %s is in the store once', async (_what, arrives, end, here) => {
    const { store, state, has } = controlled()
    const ends: Record<string, () => Promise<unknown>> = {
      resolve: after(5 * SECOND),
      reject: () => after(5 * SECOND)().then(() => Promise.reject(new Error('time-out'))),
      never,
    }
    Object.assign(state, { until: ends[end], arrives })
    const meter = creditMeter({ store })
    const fetch = via(meter, respond({ ...costs(3), times: Infinity }))
    watch(fetch(URL_A))
    await pass(11 * SECOND)
    Object.assign(state, { until: () => Promise.resolve(), arrives: true })
    await fetch(URL_A)
    await pass()
    expect([meter.usage().spent, has(), has('|/v1/lookup/:id')]).toEqual([here, 6, 6])
  })

  test('one that is always too slow gets all, and delays nobody but the first', async () => {
    const { store, state, has } = controlled()
    state.until = after(1500)
    const meter = creditMeter({ store })
    const fetch = via(meter, respond({ ...costs(3), times: Infinity }))
    const delays: number[] = []
    for (let i = 0; i < 40; i++) {
      const call = watch(fetch(URL_A))
      await pass(SECOND)
      delays.push(call.ms)
    }
    expect(delays).toEqual([SECOND, ...Array.from({ length: 39 }, () => 0)])
    await pass(10 * SECOND)
    await fetch(URL_A)
    await pass(5 * SECOND)
    expect(has()).toBe(41 * 3)
  })

  test('a try that hung changes nothing when another has succeeded', async () => {
    const { store, state, has } = controlled()
    state.until = never
    const meter = creditMeter({ store })
    const fetch = via(meter, respond({ ...costs(3), times: Infinity }))
    watch(fetch(URL_A))
    await pass(11 * SECOND)
    await fetch(URL_A)
    await pass(10 * SECOND)
    state.until = () => Promise.resolve()
    await fetch(URL_A)
    await pass(5 * SECOND)
    const before = has()
    await fetch(URL_A)
    expect(has()).toBe((before as number) + 3)
  })

  test('what others have spent is read when it is back', async () => {
    const { store, state } = controlled()
    await via(creditMeter({ store }), respond(costs(10)))(URL_A)
    state.until = never
    const meter = creditMeter({ store, budget: 10, stopAt: 100 })
    const fetch = via(meter, respond(200, 200, 200))
    watch(fetch('https://first.test/'))
    await pass(SECOND)
    await fetch(URL_A)
    await pass(10 * SECOND)
    state.until = () => Promise.resolve()
    await fetch('https://first.test/')
    await pass()
    await expect(fetch(URL_A)).rejects.toThrow(BudgetExceededError)
  })

  test('refresh() tries it at once, writes what it has missed, and waits a second at most', async () => {
    const { store, state, has } = controlled()
    Object.assign(state, { until: never, arrives: false })
    const meter = creditMeter({ store })
    const fetch = via(meter, respond({ ...costs(3), times: Infinity }))
    watch(fetch(URL_A))
    await pass(SECOND)
    await fetch(URL_A)
    const refreshing = meter.refresh(KEY)
    await pass(SECOND)
    expect((await refreshing).spent).toBe(6)
    Object.assign(state, { until: () => Promise.resolve(), arrives: true })
    expect((await meter.refresh(KEY)).spent).toBe(6)
    expect(has()).toBe(3)
  })

  test('no key is forgotten before it is written', async () => {
    const counters = memoryStore()
    let isAway = true
    const wait = (): Promise<void> => (isAway ? never() : Promise.resolve())
    const store: CreditStore = {
      add: (...args) => wait().then(() => counters.add(...args)),
      get: (name) => wait().then(() => counters.get(name)),
    }
    const meter = creditMeter({ store })
    const fetch = via(meter, respond({ ...costs(1), times: Infinity }))
    watch(fetch('https://first.test/'))
    await pass(SECOND)
    for (let i = 0; i < 1200; i++) await fetch(`https://${i}.test/`)
    isAway = false
    await pass(10 * SECOND)
    await fetch('https://last.test/')
    await pass()
    expect([counters.get('https://0.test|2026-11'), counters.get('https://last.test|2026-11')]).toEqual([1, 1])
  })
})

describe('0. where the clock stands still while timers run, nothing hangs', () => {
  test('a store, a call in flight, a promised cost', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(5)
    const meter = creditMeter({ store: hanging, budget: 100, stopAt: 100, cost: never })
    const { fetch } = pipelineOf(meter, respond({ times: Infinity }))
    const calls = [watch(fetch(URL_A)), watch(fetch(URL_A))]
    await pass(10 * MINUTE + SECOND)
    expect(calls.map(({ end }) => end)).toEqual([200, 200])
    await pass(10 * MINUTE)
    expect(meter.usage()).toMatchObject({ attempts: 2, reserved: 0 })
  })
})

test('what others say is a number of credits, or says nothing', async () => {
  const nonsense: readonly unknown[] = ['5', 1e305, -1, NaN, Infinity, null, {}, 'lost', Promise.resolve('5')]
  const meter = creditMeter({ cost: () => nonsense[meter.usage().attempts] as number })
  const { fetch } = pipelineOf(meter, respond({ times: Infinity }))
  for (const _ of nonsense) {
    await fetch(URL_A)
    await pass()
  }
  expect(meter.usage()).toMatchObject({ spent: 0, attempts: nonsense.length, reserved: 0 })
  for (const total of [NaN, '7', 1e305, Infinity, -5, null]) {
    const store = { add: () => total, get: () => total } as unknown as CreditStore
    const other = creditMeter({ store, budget: 10 })
    const again = pipelineOf(other, respond({ ...costs(3), times: 2 })).fetch
    await again(URL_A)
    await again(URL_A)
    expect(other.usage()).toMatchObject({ spent: 0, left: 10, burnRate: { perHour: 360 } })
  }
})
