import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  callOf,
  createFetch,
  middleware,
  sleep,
  type AttemptEvent,
  type Call,
  type CallEvent,
  type CreateFetchOptions,
  type Fetch,
  type Middleware,
} from '../src/index.ts'
import { posting, TEXT } from './support/bodies.ts'
import { errorOf } from './support/outcome.ts'
import { answering } from './support/responses.ts'
import { pass, twice } from './support/variants.ts'

/** Runs one call, and gives what `look` saw of it at the top of the pipeline. */
const inCall = async <T>(
  look: (call: Call, request: Request) => T,
  options: CreateFetchOptions = {},
  url = 'http://x/',
): Promise<T> => {
  let seen: { value: T } | undefined
  const fetch = createFetch(
    [
      middleware('look', async (request, _next, call) => {
        seen = { value: look(call, request) }
        return new Response()
      }),
    ],
    options,
  )
  await fetch(url)
  return seen!.value
}

describe('the facts of a call', () => {
  test('its id is unique', async () => {
    const ids = new Set<string>()
    for (let i = 0; i < 100; i++) ids.add(await inCall((call) => call.id))
    expect(ids.size).toBe(100)
  })
  test('startedAt is the time of day at which it began', async () => {
    vi.useFakeTimers({ now: 1_700_000_000_000 })
    try {
      expect(await inCall((call) => call.startedAt)).toBe(1_700_000_000_000)
    } finally {
      vi.useRealTimers()
    }
  })
  test('attempt counts what was handed to the inner fetch', async () => {
    const counts: number[] = []
    const fetch = createFetch(
      [
        middleware('count', async (request, next, call) => {
          counts.push(call.attempt)
          await next(request)
          counts.push(call.attempt)
          const response = await next(request)
          counts.push(call.attempt)
          return response
        }),
        pass,
      ],
      answering(503, 200),
    )
    await fetch('http://x/')
    expect(counts).toEqual([0, 1, 2])
  })
  test('attempt counts failures, and nothing that a middleware answered by itself', async () => {
    let call!: Call
    const see = middleware('see', async (request, next, seen) => {
      call = seen
      await errorOf(next(request))
      return next(request)
    })
    await errorOf(createFetch([see], { fetch: () => Promise.reject(new TypeError('fetch failed')) })('http://x/'))
    expect(call.attempt).toBe(2)
    await createFetch([see, middleware('own', async () => new Response())])('http://x/').catch(() => undefined)
    expect(call.attempt).toBe(0)
  })
  test('counted leaves out the excused ones', async () => {
    const counts: number[][] = []
    const fetch = createFetch(
      [
        middleware('excuse', async (request, next, call) => {
          await next(request)
          call.excuse()
          counts.push([call.attempt, call.counted])
          const response = await next(request)
          counts.push([call.attempt, call.counted])
          return response
        }),
      ],
      answering(429, 200),
    )
    await fetch('http://x/')
    expect(counts).toEqual([
      [1, 0],
      [2, 1],
    ])
  })
  test('an attempt is excused once, however many say so', async () => {
    let call!: Call
    const fetch = createFetch(
      [
        middleware('excuse', async (request, next, seen) => {
          call = seen
          const response = await next(request)
          seen.excuse()
          seen.excuse()
          return response
        }),
      ],
      answering(429),
    )
    await fetch('http://x/')
    expect(call.counted).toBe(0)
  })
  test('maxAttempts is 4, and for a middleware to change: those below see it', async () => {
    const seen: number[] = []
    const see = middleware('see', (request, next, call) => {
      seen.push(call.maxAttempts)
      return next(request)
    })
    const set = middleware('set', (request, next, call) => {
      call.maxAttempts = 2
      return next(request)
    })
    await createFetch([see, set, see], answering(200))('http://x/')
    expect(seen).toEqual([4, 2])
  })
  test('signal fires with the reason of the caller', async () => {
    const controller = new AbortController()
    let call!: Call
    const fetch = createFetch([
      middleware('see', (_request, _next, seen) => {
        call = seen
        return sleep(1e6, seen.signal).then(() => new Response())
      }),
    ])
    const error = errorOf(fetch('http://x/', { signal: controller.signal }))
    expect(call.signal.aborted).toBe(false)
    controller.abort('enough')
    expect([call.signal.aborted, call.signal.reason, await error]).toEqual([true, 'enough', 'enough'])
  })
  test('there is a signal without one of the caller', async () => {
    expect(await inCall((call) => call.signal.aborted)).toBe(false)
  })
  test('canReplay is false for what can be sent once only', async () => {
    const seen: boolean[] = []
    const see: Middleware = async (request, next) => {
      const call = callOf(request)!
      const response = await next(request)
      seen.push(call.canReplay)
      return response
    }
    const fetch = createFetch([see], { ...answering(200), replayLimitBytes: 4 })
    await fetch('http://x/')
    await fetch('http://x/', posting('string'))
    await fetch('http://x/', posting('ReadableStream'))
    await fetch(new Request('http://x/', posting('string')))
    await fetch(new Request('http://x/', { method: 'POST', body: 'abcd' }))
    expect(seen).toEqual([true, true, false, false, true])
  })
})

describe('the key', () => {
  test.each([
    ['http://example.com', 'http://example.com'],
    ['http://example.com/a/b?c#d', 'http://example.com'],
    ['http://example.com?c=http://other/', 'http://example.com'],
    ['http://example.com#@other', 'http://example.com'],
    ['http://example.com/@other', 'http://example.com'],
    ['HTTP://EXAMPLE.com:80/', 'http://example.com'],
    ['http://example.com:443/', 'http://example.com:443'],
    ['https://example.com:443/', 'https://example.com'],
    ['https://example.com:8443/', 'https://example.com:8443'],
    ['http://[::1]:8080/a', 'http://[::1]:8080'],
    ['http://127.1/', 'http://127.0.0.1'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example'],
    ['http:\\\\example.com\\a', 'http://example.com'],
    ['data:text/plain,http://example.com/', 'null'],
    ['data:text/plain,hello', 'null'],
    ['blob:http://example.com/00000000-0000-0000-0000-000000000000', 'http://example.com'],
    ['about:blank', 'null'],
  ])('of %s is its origin, %s', async (url, origin) => {
    expect(new URL(url).origin).toBe(origin)
    expect(await inCall((call) => call.key, {}, url)).toBe(origin)
  })
  test('may be a string', async () => {
    expect(await inCall((call) => call.key, { key: 'mine' })).toBe('mine')
    expect(await inCall((call) => call.key, { key: '' })).toBe('')
  })
  test('may be a function of the request, asked once for each call', async () => {
    const key = vi.fn<(request: Request) => string>((request) => new URL(request.url).pathname)
    expect(await inCall((call) => [call.key, call.key], { key }, 'http://x/a')).toEqual(['/a', '/a'])
    expect(key).toHaveBeenCalledOnce()
  })
  test('is of the request as the caller gave it, wherever it goes', async () => {
    const keys: string[] = []
    const see = middleware('see', (request, next, call) => {
      keys.push(call.key)
      return next(request)
    })
    await createFetch([(_request, next) => next(new Request('http://other/')), see], answering(200))('http://x/')
    expect(keys).toEqual(['http://x'])
  })
})

describe('giving up', () => {
  test('is said once, and seen by all', async () => {
    const events: CallEvent[] = []
    const seen = await inCall(
      (call) => {
        const before = call.gaveUp
        call.giveUp('first', 'waits 3600 s')
        call.giveUp('second', 'too late')
        return [before, call.gaveUp]
      },
      { onEvent: (event) => void events.push(event) },
    )
    expect(seen).toEqual([undefined, { by: 'first', reason: 'waits 3600 s' }])
    expect(events).toEqual([
      {
        type: 'give-up',
        call: expect.any(String) as string,
        key: 'http://x',
        by: 'first',
        reason: 'waits 3600 s',
        attempt: 0,
      },
    ])
  })
})

describe('events', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 5_000_000 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  /** An inner fetch that takes its time. */
  const slow =
    (ms: number, answer: () => Promise<Response> = async () => new Response('fine')): Fetch =>
    async () => {
      await sleep(ms)
      return answer()
    }
  const run = async (call: Promise<unknown>): Promise<void> => {
    const ended = call.catch(() => undefined)
    await vi.runAllTimersAsync()
    await ended
  }

  test('each attempt is told, with queue, hold, backoff and time to headers apart', async () => {
    const events: CallEvent[] = []
    const fetch = createFetch(
      [
        middleware('waits', async (request, next, call) => {
          await sleep(10, call.signal)
          call.waited('queue', 10)
          await sleep(20, call.signal)
          call.waited('hold', 20)
          call.waited('hold', 5)
          await next(request)
          await sleep(40, call.signal)
          call.waited('backoff', 40)
          return next(request)
        }),
      ],
      { fetch: slow(100), onEvent: (event) => void events.push(event) },
    )
    await run(fetch('http://x/'))
    const shared = {
      type: 'attempt',
      call: expect.stringMatching(/./) as string,
      key: 'http://x',
      headersMs: 100,
    }
    expect(events).toEqual([
      { ...shared, attempt: 1, sentAt: 5_000_030, queueMs: 10, holdMs: 25, backoffMs: 0 },
      { ...shared, attempt: 2, sentAt: 5_000_170, queueMs: 0, holdMs: 0, backoffMs: 40 },
    ])
    expect((events[0] as AttemptEvent).call).toBe((events[1] as AttemptEvent).call)
    for (const event of events) {
      const { request, response } = event as AttemptEvent
      expect([request, response]).toEqual([expect.any(Request), expect.any(Response)])
      // Whoever prints an event prints no credentials.
      expect(Object.keys(event)).not.toContain('request')
      expect(Object.keys(event)).not.toContain('response')
    }
  })
  test('a failed attempt is told with its error', async () => {
    const events: CallEvent[] = []
    const error = new TypeError('fetch failed')
    const fetch = createFetch([], {
      fetch: slow(7, () => Promise.reject(error)),
      onEvent: (event) => void events.push(event),
    })
    await run(fetch('http://x/'))
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ type: 'attempt', attempt: 1, error, headersMs: 7 })
    expect(events[0]).not.toHaveProperty('response')
  })
  test('an aborted attempt is told', async () => {
    const events: CallEvent[] = []
    const controller = new AbortController()
    const hanging: Fetch = (_input, init) =>
      new Promise((_resolve, reject) => init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason)))
    const call = errorOf(
      createFetch([], { fetch: hanging, onEvent: (event) => void events.push(event) })('http://x/', {
        signal: controller.signal,
      }),
    )
    controller.abort('enough')
    expect(await call).toBe('enough')
    await vi.runAllTimersAsync()
    expect(events).toMatchObject([{ type: 'attempt', error: 'enough' }])
  })
  test('an attempt event names the request that was sent and the response that came', async () => {
    const events: CallEvent[] = []
    const response = new Response()
    let replaced!: Request
    const swap: Middleware = (request, next) => next((replaced = new Request(request, { headers: { 'x-a': '1' } })))
    await createFetch([swap], { fetch: async () => response, onEvent: (event) => void events.push(event) })('http://x/')
    expect((events[0] as AttemptEvent).request).toBe(replaced)
    expect((events[0] as AttemptEvent).response).toBe(response)
  })
  test('nobody listens: nothing is observed', async () => {
    expect(await inCall((call) => call.observed)).toBe(false)
    expect(await inCall((call) => call.observed, { onEvent: () => {} })).toBe(true)
  })
  const alert: CallEvent = { type: 'alert', call: '1', key: 'k', by: 'me', condition: 'billing', message: 'pay' }
  test('emit reaches everybody who listens, until they are told to stop', async () => {
    const heard: string[] = []
    await inCall(
      (call) => {
        const off = call.on(() => void heard.push('on'))
        expect(call.observed).toBe(true)
        call.emit(alert)
        off()
        off()
        call.emit(alert)
      },
      { onEvent: () => void heard.push('onEvent') },
    )
    expect(heard).toEqual(['onEvent', 'on', 'onEvent'])
  })
  test('a listener of a call hears nothing after its end', async () => {
    const heard: CallEvent[] = []
    const call = await inCall((seen) => {
      seen.on((event) => void heard.push(event))
      return seen
    })
    call.emit(alert)
    expect(heard).toEqual([])
  })
  test('whoever begins to listen when it is over hears nothing', async () => {
    const call = await inCall((one) => one)
    const listener = vi.fn<(event: CallEvent) => void>()
    call.on(listener)()
    call.on(listener)
    call.emit(alert)
    expect(listener).not.toHaveBeenCalled()
  })

  test('a function that listens twice is two listeners', async () => {
    const listener = vi.fn<(event: CallEvent) => void>()
    await inCall(
      (call) => {
        const off = call.on(listener)
        off()
        call.emit(alert)
      },
      { onEvent: listener },
    )
    expect(listener).toHaveBeenCalledOnce()
  })
  test('a listener that throws or rejects is reported once, and breaks neither the call nor the others', async () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => {})
    const heard: string[] = []
    const fetch = createFetch(
      [
        middleware('listen', (request, next, call) => {
          call.on(() => {
            throw new RangeError('thrown')
          })
          const rejecting: (event: CallEvent) => unknown = () => Promise.reject(new RangeError('rejected'))
          call.on(rejecting)
          call.on((event) => void heard.push(event.type))
          return next(request)
        }),
        twice,
      ],
      answering(503, 200),
    )
    expect((await fetch('http://x/', { method: 'POST', body: TEXT })).status).toBe(200)
    await vi.runAllTimersAsync()
    expect(heard).toEqual(['attempt', 'attempt'])
    expect(report.mock.calls.map(([, error]) => String(error)).toSorted()).toEqual([
      'RangeError: rejected',
      'RangeError: thrown',
    ])
  })
  test('a listener that adds a listener does not go on for ever', async () => {
    let added = 0
    await inCall((call) => {
      const add = (): void => {
        if (added++ < 100) call.on(() => add())
      }
      call.on(add)
      call.emit(alert)
    })
    expect(added).toBe(1)
  })
})
