import { getEventListeners } from 'node:events'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  callOf,
  createFetch,
  middleware,
  sleep,
  type Call,
  type CreateFetchOptions,
  type Fetch,
  type Middleware,
} from '../src/index.ts'
import { init, posting, TEXT } from './support/bodies.ts'
import { collect } from './support/gc.ts'
import { noTimers } from './support/timers.ts'
import { errorOf, turn, watchRejections } from './support/outcome.ts'
import { serve, type Exchange, type Server } from './support/server.ts'
import { bare, pass, transparent } from './support/variants.ts'

const LARGE = 'x'.repeat(8 * 2 ** 20)

/** The paths whose first request is still to come: they fail once. */
const failed = new Set<string>()

const respond = async ({ request, response, body }: Exchange): Promise<void> => {
  const [, route = '', id] = (request.url ?? '').split('/')
  switch (route) {
    case 'hang':
      return
    case 'drip':
      response.writeHead(200).write('one')
      return
    case 'flaky':
    case 'large':
    case 'reset':
      if (!failed.has(String(id))) {
        failed.add(String(id))
        response.writeHead(503).end(route === 'flaky' ? 'busy' : LARGE)
      } else if (route === 'reset') request.socket.destroy()
      else response.writeHead(200).end('fine')
      return
    default:
      await body
      response.writeHead(200).end('fine')
  }
}

let server: Server
let rejections: () => Promise<unknown[]>
let count = 0
const path = (route: string): string => `${server.origin}/${route}/${++count}`

beforeAll(async () => {
  rejections = watchRejections()
  server = await serve(respond, { keepBodies: false })
})
afterAll(() => server.close())

/** Retries once, as somebody would write it who never heard of bodies that must be cancelled. */
const retry: Middleware = async (request, next) => {
  const response = await next(request)
  return response.ok ? response : next(request)
}

const resources = (kind: string): number => process.getActiveResourcesInfo().filter((one) => one === kind).length

describe('a thousand calls, aborted at random points of their life', () => {
  /** The same points in every run. */
  const random = (seed: number): (() => number) => {
    let state = seed
    return () => {
      state = (state + 0x6d2b79f5) | 0
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    }
  }
  const next = random(20_260)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!

  const points = [
    'before the call',
    'at once',
    'before it is sent',
    'in flight',
    'asleep',
    'in the body',
    'upload',
  ] as const
  type Point = (typeof points)[number]

  /** Tells the test that a call has come to a point. */
  const reached = new Map<string, () => void>()
  const reach = (id: string): Promise<void> => new Promise((resolve) => reached.set(id, resolve))

  const stages: Middleware = async (request, go) => {
    const call = callOf(request)!
    const id = request.headers.get('x-id') ?? ''
    reached.get(`${id} before it is sent`)?.()
    if (reached.has(`${id} before it is sent`)) await sleep(1e6, call.signal)
    const response = await go(request)
    if (response.ok) return response
    call.waited('backoff', 1)
    reached.get(`${id} asleep`)?.()
    await sleep(1e6, call.signal)
    return go(request)
  }
  let fetch: Fetch

  const forms: readonly ((url: string, more: RequestInit) => [string | Request, RequestInit?])[] = [
    (url, more) => [url, more],
    (url, more) => [new Request(url, more)],
    (url, { signal, ...more }) => [new Request(url, more), { signal: signal ?? null }],
  ]

  const one = async (point: Point, controller: AbortController): Promise<unknown> => {
    const id = String(++count)
    const route = { asleep: 'flaky', 'in the body': 'drip' }[point as string] ?? 'hang'
    const more = init({
      signal: controller.signal,
      headers: { 'x-id': id },
      ...(point === 'upload' ? posting('ReadableStream') : next() < 0.5 ? { method: 'POST', body: TEXT } : {}),
    })
    const args = pick(forms)(path(route), more)
    const come = reach(`${id} ${point}`)
    if (point === 'in flight' || point === 'upload') arriving.set(id, reached.get(`${id} ${point}`)!)
    if (point === 'before the call') controller.abort(id)
    const call = fetch(...args)
    const ended = point === 'in the body' ? call.then((response) => readOn(response, id)) : call
    const error = errorOf(ended)
    if (point !== 'before the call' && point !== 'at once') await come
    controller.abort(id)
    const reason = await error
    reached.delete(`${id} ${point}`)
    return reason === id ? undefined : [point, reason]
  }
  const readOn = async (response: Response, id: string): Promise<void> => {
    const reader = response.body!.getReader()
    await reader.read()
    reached.get(`${id} in the body`)?.()
    await reader.read()
  }
  const arriving = new Map<string, () => void>()

  const thousand = async (make: () => Fetch): Promise<{ wrong: unknown[]; listeners: () => number }> => {
    fetch = make()
    const controllers: AbortController[] = []
    const wrong: unknown[] = []
    for (let batch = 0; batch < 20; batch++) {
      const calls = Array.from({ length: 50 }, () => {
        const controller = new AbortController()
        controllers.push(controller)
        return one(pick(points), controller)
      })
      wrong.push(...(await Promise.all(calls)).filter((fault) => fault !== undefined))
    }
    const listeners = (): number =>
      controllers.reduce((sum, { signal }) => sum + getEventListeners(signal, 'abort').length, 0)
    return { wrong, listeners }
  }

  test.each(
    Object.entries({
      'with a time limit': { timeoutMs: 1e6, onEvent: () => {} },
      'without one': {},
    }),
  )(
    'leave nothing behind, %s',
    async (_name, options) => {
      const watch: Fetch = async (input, more) => {
        const request = input instanceof Request ? input : undefined
        const headers = new Headers(more?.headers ?? request?.headers)
        const arrived = arriving.get(headers.get('x-id') ?? '')
        const sent = globalThis.fetch(input, more)
        // On its way: the server has it, or is about to.
        if (arrived) void turn().then(arrived)
        return sent
      }
      const timers = resources('Timeout')
      const ports = resources('MessagePort')
      const { wrong, listeners } = await thousand(() => createFetch([stages], { fetch: watch, ...options }))
      expect(wrong).toEqual([])
      await server.quiet()
      expect(server.open).toBe(0)
      await collect()
      expect(listeners()).toBe(0)
      // Others may have ended theirs meanwhile.
      expect(resources('Timeout')).toBeLessThanOrEqual(timers)
      expect(resources('MessagePort')).toBeLessThanOrEqual(ports)
    },
    20_000,
  )
})

describe('a signal that outlives its calls', { timeout: 30_000 }, () => {
  const used = async (
    fetch: Fetch,
    build: (signal: AbortSignal) => [string | Request, RequestInit?],
  ): Promise<AbortSignal> => {
    const { signal } = new AbortController()
    for (let i = 0; i < 50; i++) await (await fetch(...build(signal))).text()
    return signal
  }
  const forms: Record<string, (signal: AbortSignal) => [string | Request, RequestInit?]> = {
    'in an init': (signal) => [path('echo'), { signal }],
    'in an init with a body': (signal) => [path('echo'), { method: 'POST', body: TEXT, signal }],
    'in a Request': (signal) => [new Request(path('echo'), { method: 'POST', body: TEXT, signal })],
  }
  describe.each(Object.entries(forms))('%s', (_name, build) => {
    test('has no listener left by any pipeline', async () => {
      const signals: AbortSignal[] = []
      for (const make of Object.values(transparent)) signals.push(await used(make(), build))
      await collect()
      expect(signals.map((signal) => getEventListeners(signal, 'abort').length)).toEqual(signals.map(() => 0))
    })
    test('loses the listeners of the pipeline when the call is over', async () => {
      const { signal } = new AbortController()
      let during = 0
      const inner: Fetch = async () => {
        during = getEventListeners(signal, 'abort').length
        return new Response('fine')
      }
      const [input, more] = build(signal)
      const own = input instanceof Request ? input.signal : signal
      const before = getEventListeners(own, 'abort').length
      await createFetch([pass], { fetch: inner, timeoutMs: 1e6 })(input, more)
      await collect()
      expect(during).toBeGreaterThan(0)
      expect(getEventListeners(own, 'abort').length).toBe(before)
    })
  })
})

/** What a call keeps of the heap, in bytes, while its signal lives on: the least of a few counts, as others use the heap, too. */
const keptBy = async (fetch: Fetch): Promise<number> => {
  const { signal } = new AbortController()
  const many = async (): Promise<number> => {
    for (let i = 0; i < 1500; i++) await (await fetch('http://x/', { signal })).text()
    await collect()
    return process.memoryUsage().heapUsed
  }
  const heap = [await many(), await many(), await many(), await many()]
  return Math.min(...heap.slice(1).map((bytes, at) => (bytes - heap[at]!) / 1500))
}

describe('a signal that outlives its calls keeps nothing of them', { timeout: 30_000 }, () => {
  const inner: Fetch = async () => new Response('fine')
  test.each(
    Object.entries({
      'with a time limit': createFetch([], { fetch: inner, timeoutMs: 1e6 }),
      'with one for each attempt': createFetch(
        [middleware('limit', (request, next, call) => ((call.attemptTimeoutMs = 1e6), next(request)))],
        { fetch: inner },
      ),
      'with a request put in its place': createFetch(
        [(request, next) => next(new Request(request, { headers: { 'x-a': '1' } }))],
        {
          fetch: inner,
        },
      ),
    }),
  )('%s', async (_name, fetch) => {
    expect(await keptBy(fetch)).toBeLessThan(100)
  })
})

describe('an abort finds its call after a garbage collection', { timeout: 30_000 }, () => {
  const forms: Record<string, (signal: AbortSignal) => [string | Request, RequestInit?]> = {
    'from an init': (signal) => [path('drip'), { signal }],
    'from a Request': (signal) => [new Request(path('drip'), { signal })],
    'from a Request with a body': (signal) => [new Request(path('drip'), { method: 'POST', body: TEXT, signal })],
    'from a Request with a body, and an init': (signal) => [
      new Request(path('drip'), { method: 'POST', body: TEXT, signal }),
      { headers: { 'x-a': '1' } },
    ],
    'from an init, over a Request': (signal) => [new Request(path('drip'), { method: 'POST', body: TEXT }), { signal }],
  }
  const pipelines: Record<string, () => Fetch> = {
    ...transparent,
    'a request put in its place': () =>
      createFetch([(request, next) => next(new Request(request, { headers: { 'x-hdr': '1' } }))]),
    'a request put in its place, with a time limit': () =>
      createFetch([(request, next) => next(new Request(request, { headers: { 'x-hdr': '1' } }))], { timeoutMs: 1e6 }),
    'a clone': () => createFetch([(request, next) => next(request.clone())]),
    'a time limit': () => createFetch([], { timeoutMs: 1e6 }),
  }
  interface Open {
    readonly controller: AbortController
    readonly reader: ReadableStreamDefaultReader<Uint8Array>
  }
  type Build = (signal: AbortSignal) => [string | Request, RequestInit?]
  // In a function of its own, so that nothing but the body can be reached from the test.
  const open = async (fetch: Fetch, build: Build): Promise<Open> => {
    const controller = new AbortController()
    const response = await fetch(...build(controller.signal))
    const reader = response.body!.getReader()
    await reader.read()
    return { controller, reader }
  }
  const ends = async ({ controller, reader }: Open): Promise<unknown> => {
    const second = errorOf(reader.read())
    controller.abort('enough')
    const end = await Promise.race([second, collect().then(() => 'still reading')])
    if (end === 'still reading') await reader.cancel()
    return end
  }
  test.each(Object.entries(forms))('%s, through every pipeline, if it does in bare fetch', async (_name, build) => {
    const opened = await Promise.all(Object.values(pipelines).map((make) => open(make(), build)))
    const alone = await open(bare, build)
    await collect()
    const expected = await ends(alone)
    const got: unknown[] = []
    for (const one of opened) got.push(await ends(one))
    // Bare fetch may lose it. Whoever does not is no worse.
    if (expected === 'enough') expect(got).toEqual(got.map(() => 'enough'))
    else expect(expected).toBe('still reading')
  })
})

describe('answers that nobody will read', () => {
  // Each test has a server of its own: an answer that is left open shows in no other.
  beforeEach(async () => {
    await server.close()
    server = await serve(respond, { keepBodies: false })
  })
  test.each(['flaky', 'large'])('a %s one is cancelled when a plain retry gets a better one', async (route) => {
    const response = await createFetch([retry])(path(route))
    expect(await response.text()).toBe('fine')
    await server.quiet()
    expect(server.open).toBe(0)
  })
  test('a large one is cancelled when the next attempt fails in the network', async () => {
    const error = await errorOf(createFetch([retry])(path('reset')))
    expect(error).toBeInstanceOf(TypeError)
    await server.quiet()
    expect(server.open).toBe(0)
  }, 2000)
  test('a large one is cancelled when the caller aborts during the backoff', async () => {
    const controller = new AbortController()
    const fetch = createFetch([
      async (request, next) => {
        await next(request)
        const asleep = sleep(1e6, callOf(request)!.signal)
        controller.abort('enough')
        await asleep
        return next(request)
      },
    ])
    expect(await errorOf(fetch(path('large'), { signal: controller.signal }))).toBe('enough')
    await server.quiet()
    expect(server.open).toBe(0)
  })
  test('an answer that comes although the caller has aborted is cancelled', async () => {
    const controller = new AbortController()
    const { promise, resolve } = Promise.withResolvers<Response>()
    const call = errorOf(createFetch([pass], { fetch: () => promise })('http://x/', { signal: controller.signal }))
    controller.abort('enough')
    expect(await call).toBe('enough')
    const cancel = vi.fn<() => void>()
    resolve(new Response(new ReadableStream({ cancel })))
    await turn()
    expect(cancel).toHaveBeenCalledOnce()
  })

  /** In-process answers that tell whether they were cancelled. */
  const answers = (...statuses: number[]): { inner: Fetch; cancelled: boolean[] } => {
    const cancelled: boolean[] = statuses.map(() => false)
    let sent = 0
    const inner: Fetch = async () => {
      const mine = sent++
      const body = new ReadableStream(
        {
          pull(controller) {
            controller.enqueue(Buffer.from(`body ${mine}`))
            controller.close()
          },
          cancel() {
            cancelled[mine] = true
          },
        },
        { highWaterMark: 0 },
      )
      return new Response(body, { status: statuses[mine]! })
    }
    return { inner, cancelled }
  }
  class AnswerError extends Error {
    override readonly name = 'AnswerError' as const
    readonly response: Response
    constructor(response: Response) {
      super('no good answer')
      this.response = response
    }
  }
  const cases: Record<string, { statuses: number[]; middleware: Middleware; cancelled: boolean[]; text: string }> = {
    'the last one is returned, the others are cancelled': {
      statuses: [503, 500, 200],
      middleware: async (request, next) => {
        await next(request)
        await next(request)
        return next(request)
      },
      cancelled: [true, true, false],
      text: 'body 2',
    },
    'the first one may be returned, the others are cancelled': {
      statuses: [404, 503, 200],
      middleware: async (request, next) => {
        const first = await next(request)
        await next(request)
        await next(request)
        return first
      },
      cancelled: [false, true, true],
      text: 'body 0',
    },
    'one that was read is left alone': {
      statuses: [503, 200],
      middleware: async (request, next) => {
        await (await next(request)).text()
        return next(request)
      },
      cancelled: [false, false],
      text: 'body 1',
    },
    'a body in a new Response is not torn': {
      statuses: [503, 200],
      middleware: async (request, next) => {
        await next(request)
        const response = await next(request)
        return new Response(response.body, { status: 201, headers: response.headers })
      },
      cancelled: [true, false],
      text: 'body 1',
    },
    'a 503 in a new Response is not torn': {
      statuses: [503],
      middleware: async (request, next) => new Response((await next(request)).body, { status: 200 }),
      cancelled: [false],
      text: 'body 0',
    },
    'a body piped into a new Response is not torn': {
      statuses: [503],
      middleware: async (request, next) => {
        const { body } = await next(request)
        return new Response(body!.pipeThrough(new TransformStream()))
      },
      cancelled: [false],
      text: 'body 0',
    },
    'a body drawn on late by a new Response is not torn': {
      statuses: [200],
      middleware: async (request, next) => {
        const response = await next(request)
        let reader: ReadableStreamDefaultReader | undefined
        const late = new ReadableStream(
          {
            async pull(controller) {
              reader ??= response.body!.getReader()
              const { done, value } = await reader.read()
              if (done) controller.close()
              else controller.enqueue(value)
            },
          },
          { highWaterMark: 0 },
        )
        return new Response(late)
      },
      cancelled: [false],
      text: 'body 0',
    },
    'a clone may be returned': {
      statuses: [200],
      middleware: async (request, next) => (await next(request)).clone(),
      cancelled: [false],
      text: 'body 0',
    },
    'an answer may be read in a clone first': {
      statuses: [200],
      middleware: async (request, next) => {
        const response = await next(request)
        await response.clone().text()
        return response
      },
      cancelled: [false],
      text: 'body 0',
    },
  }
  test.each(Object.entries(cases))('%s', async (_name, { statuses, middleware: one, cancelled: expected, text }) => {
    const { inner, cancelled } = answers(...statuses)
    const response = await createFetch([one], { fetch: inner })('http://x/')
    expect(cancelled).toEqual(expected)
    expect(await response.text()).toBe(text)
  })
  test('an error that carries the answer keeps its body readable', async () => {
    const { inner, cancelled } = answers(503, 500)
    const fetch = createFetch(
      [
        async (request, next) => {
          await next(request)
          throw new AnswerError(await next(request))
        },
      ],
      { fetch: inner },
    )
    const error = await errorOf(fetch('http://x/'))
    expect(cancelled).toEqual([true, false])
    expect(await (error as AnswerError).response.text()).toBe('body 1')
  })
  test('the one before an attempt that failed is cancelled when the failure is handed on', async () => {
    const { inner, cancelled } = answers(503)
    let sent = 0
    const fetch = createFetch([retry], {
      fetch: (...args) => (sent++ === 0 ? inner(...args) : Promise.reject(new TypeError('fetch failed'))),
    })
    expect(await errorOf(fetch('http://x/'))).toBeInstanceOf(TypeError)
    expect(cancelled).toEqual([true])
  })
  test('a cache keeps its copy, and answers from it', async () => {
    const cache = new Map<string, Response>()
    const { inner, cancelled } = answers(200, 503)
    const fetch = createFetch(
      [
        async (request, next) => {
          const kept = cache.get(request.url)
          if (kept) return kept.clone()
          const response = await next(request)
          cache.set(request.url, response.clone())
          return response
        },
      ],
      { fetch: inner },
    )
    const texts = [await fetch('http://x/'), await fetch('http://x/'), await fetch('http://x/')]
    expect(await Promise.all(texts.map((response) => response.text()))).toEqual(['body 0', 'body 0', 'body 0'])
    expect(cancelled).toEqual([false, false])
  })
  test('a middleware may answer first and go on in the background', async () => {
    const { inner, cancelled } = answers(200)
    const { promise, resolve } = Promise.withResolvers<string>()
    const fetch = createFetch(
      [
        async (request, next) => {
          void next(request).then(async (response) => resolve(await response.text()))
          return new Response('stale')
        },
      ],
      { fetch: inner },
    )
    expect(await (await fetch('http://x/')).text()).toBe('stale')
    expect(await promise).toBe('body 0')
    expect(cancelled).toEqual([false])
  })
  test.each([undefined, 'no promise'])(
    "a test's double whose cancel returns %s does not hang its call",
    async (returned) => {
      const cancel = vi.fn<() => unknown>(() => returned)
      const busy = { ok: false, status: 503, body: { locked: false, cancel } } as unknown as Response
      const fine = new Response('fine')
      const left = [busy, fine]
      const call = createFetch([retry], { fetch: async () => left.shift()! })('http://x/')
      expect(await Promise.race([call, collect()])).toBe(fine)
      expect(cancel).toHaveBeenCalledOnce()
    },
  )
  test('a body that fails to be cancelled breaks nothing', async () => {
    const body = new ReadableStream({
      cancel() {
        throw new RangeError('mine')
      },
    })
    const left = [new Response(body, { status: 503 }), new Response('fine')]
    expect(await (await createFetch([retry], { fetch: async () => left.shift()! })('http://x/')).text()).toBe('fine')
  })
})

describe('when a call is over, the pipeline keeps nothing of it', () => {
  test.each(['answered', 'failed', 'aborted'])('%s', async (end) => {
    const kept: WeakRef<object>[] = []
    const fetch = createFetch([pass, retry], {
      onEvent: () => {},
      timeoutMs: 1e6,
      fetch: async (input) => {
        kept.push(new WeakRef(input as Request))
        if (end === 'failed') throw new TypeError('fetch failed')
        const response = new Response('busy', { status: 503 })
        kept.push(new WeakRef(response))
        return response
      },
    })
    const run = async (): Promise<void> => {
      const controller = new AbortController()
      const request = new Request('http://x/', { method: 'POST', body: TEXT, signal: controller.signal })
      const call = fetch(request).catch(() => undefined)
      if (end === 'aborted') controller.abort()
      await call
    }
    await run()
    expect(kept.length).toBeGreaterThan(0)
    await collect()
    expect(kept.filter((one) => one.deref() !== undefined)).toEqual([])
    // Still in use, so that what it holds would be held.
    expect(fetch).toBeTypeOf('function')
  })
})

describe('time limits', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    noTimers()
    vi.useRealTimers()
  })
  /** Microtasks only: the timers are fake. */
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) await Promise.resolve()
  }
  const state = (call: Promise<unknown>): { value: unknown } => {
    const seen: { value: unknown } = { value: 'pending' }
    call.then(
      (value: unknown) => void (seen.value = value),
      (error: unknown) => void (seen.value = error),
    )
    return seen
  }
  /** Never answers; rejects when its signal fires, as fetch does. */
  const hanging = (signals: AbortSignal[] = []): Fetch => {
    return (_input, more) => {
      const signal = more?.signal
      if (signal) signals.push(signal)
      return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
  }
  /** Its own name in what it gives to the test. */
  const see = (found: { call?: Call }): Middleware =>
    middleware('see', (request, next, call) => {
      found.call = call
      return next(request)
    })

  test('timeoutMs ends a call in flight, at the deadline, with a TimeoutError', async () => {
    const signals: AbortSignal[] = []
    const call = state(createFetch([pass], { fetch: hanging(signals), timeoutMs: 1000 })('http://x/'))
    await vi.advanceTimersByTimeAsync(999)
    expect(call.value).toBe('pending')
    await vi.advanceTimersByTimeAsync(1)
    expect(call.value).toBeInstanceOf(DOMException)
    expect(call.value).toMatchObject({ name: 'TimeoutError', message: expect.stringContaining('1000 ms') as string })
    expect(signals[0]!.reason).toBe(call.value)
  })
  test('timeoutMs ends a call whose inner fetch does not listen', async () => {
    const { promise, resolve } = Promise.withResolvers<Response>()
    const call = state(createFetch([], { fetch: () => promise, timeoutMs: 1000 })('http://x/'))
    await vi.advanceTimersByTimeAsync(1000)
    expect(call.value).toMatchObject({ name: 'TimeoutError' })
    const cancel = vi.fn<() => void>()
    resolve(new Response(new ReadableStream({ cancel })))
    await settle()
    expect(cancel).toHaveBeenCalledOnce()
  })
  test('timeoutMs ends a call that sleeps, and its sleep', async () => {
    const fetch = createFetch(
      [middleware('doze', (_request, _next, { signal }) => sleep(1e6, signal).then(() => new Response()))],
      { timeoutMs: 1000 },
    )
    const call = state(fetch('http://x/'))
    await vi.advanceTimersByTimeAsync(999)
    expect([call.value, vi.getTimerCount()]).toEqual(['pending', 2])
    await vi.advanceTimersByTimeAsync(1)
    expect(call.value).toMatchObject({ name: 'TimeoutError' })
  })
  test('timeoutMs is the time to the headers: the body may take longer', async () => {
    let feed!: ReadableStreamDefaultController
    const signals: AbortSignal[] = []
    const inner: Fetch = async (_input, more) => {
      signals.push(more!.signal!)
      return new Response(new ReadableStream({ start: (controller) => void (feed = controller) }))
    }
    const response = await createFetch([], { fetch: inner, timeoutMs: 1000 })('http://x/')
    await vi.advanceTimersByTimeAsync(5000)
    feed.enqueue(Buffer.from('late'))
    feed.close()
    expect(await response.text()).toBe('late')
    expect(signals[0]!.aborted).toBe(false)
  })
  test("the caller's own abort comes first when it comes first, with its own reason", async () => {
    const controller = new AbortController()
    const signals: AbortSignal[] = []
    const fetch = createFetch([pass], { fetch: hanging(signals), timeoutMs: 1000 })
    const call = state(fetch('http://x/', { signal: controller.signal }))
    controller.abort('enough')
    await settle()
    expect([call.value, signals[0]!.reason]).toEqual(['enough', 'enough'])
  })
  test('the longest limit a timer takes is taken', async () => {
    const call = state(createFetch([], { fetch: hanging(), timeoutMs: 2 ** 31 - 1 })('http://x/'))
    await vi.advanceTimersByTimeAsync(2 ** 31 - 2)
    expect(call.value).toBe('pending')
    await vi.advanceTimersByTimeAsync(1)
    expect(call.value).toMatchObject({ name: 'TimeoutError' })
  })
  test('a wait fits if it ends before the deadline', async () => {
    const found: { call?: Call } = {}
    const controller = new AbortController()
    const fetch = createFetch([see(found)], { fetch: hanging(), timeoutMs: 1000 })
    const call = errorOf(fetch('http://x/', { signal: controller.signal }))
    const { fits, deadline } = found.call!
    expect(deadline - performance.now()).toBe(1000)
    expect([fits(0), fits(999), fits(1000), fits(1001), fits(Infinity)]).toEqual([true, true, false, false, false])
    await vi.advanceTimersByTimeAsync(600)
    expect([fits(399), fits(400)]).toEqual([true, false])
    controller.abort()
    await call
  })
  test('without a limit every wait fits', async () => {
    const found: { call?: Call } = {}
    await createFetch([see(found)], { fetch: async () => new Response(), maxTotalWaitMs: Infinity })('http://x/')
    const { deadline, fits, mayWaitMs } = found.call!
    expect([deadline, mayWaitMs(), fits(1e15)]).toEqual([Infinity, Infinity, true])
  })

  describe('maxTotalWaitMs', () => {
    /** A call that was sent, with what is left of each of its bounds. */
    const sent = async (options: CreateFetchOptions): Promise<Call> => {
      const found: { call?: Call } = {}
      await createFetch([see(found)], { fetch: async () => new Response(), ...options })('http://x/')
      return found.call!
    }
    /** Each a wait of another kind. */
    const waitThrice = (call: Call): void => {
      call.waited('queue', 100)
      call.waited('hold', 20)
      call.waited('backoff', 3)
    }

    test('is five minutes by default', async () => {
      const { fits, maxTotalWaitMs, mayWaitMs } = await sent({})
      expect(maxTotalWaitMs).toBe(300_000)
      expect([mayWaitMs(), fits(299_999), fits(300_000)]).toEqual([300_000, true, false])
    })
    test('bounds the sum of all kinds of waits', async () => {
      const call = await sent({ maxTotalWaitMs: 200 })
      waitThrice(call)
      expect([call.mayWaitMs(), call.fits(76), call.fits(77)]).toEqual([77, true, false])
    })
    test('time does not count by itself: an answer may take long', async () => {
      const call = await sent({ maxTotalWaitMs: 200 })
      await vi.advanceTimersByTimeAsync(1000)
      expect(call.mayWaitMs()).toBe(200)
    })
    test('waits before the first attempt do not count', async () => {
      const left: number[] = []
      const wait = middleware('wait', async (request, next, call) => {
        waitThrice(call)
        left.push(call.mayWaitMs())
        await next(request)
        left.push(call.mayWaitMs())
        waitThrice(call)
        await next(request)
        left.push(call.mayWaitMs())
        return new Response()
      })
      await createFetch([wait], { fetch: async () => new Response(), maxTotalWaitMs: 200 })('http://x/')
      expect(left).toEqual([Infinity, 200, 77])
    })
    test('but those behind others that were refused do', async () => {
      const left: number[] = []
      const wait = middleware('wait', async (request, next, call) => {
        call.waited('queue', 100, 30)
        call.waited('hold', 20, 20)
        await next(request)
        left.push(call.mayWaitMs())
        // Of a call that was sent all counts, once.
        call.waited('queue', 100, 30)
        left.push(call.mayWaitMs())
        return new Response()
      })
      await createFetch([wait], { fetch: async () => new Response(), maxTotalWaitMs: 200 })('http://x/')
      expect(left).toEqual([150, 50])
    })
    test('an attempt that fails was sent, too', async () => {
      const left: number[] = []
      const wait = middleware('wait', async (request, next, call) => {
        await errorOf(next(request))
        left.push(call.mayWaitMs())
        return new Response()
      })
      const refusing: Fetch = () => Promise.reject(new TypeError('fetch failed'))
      await createFetch([wait], { fetch: refusing, maxTotalWaitMs: 200 })('http://x/')
      expect(left).toEqual([200])
    })
    test('with a deadline, the nearer of the two counts', async () => {
      const call = await sent({ maxTotalWaitMs: 200, timeoutMs: 250 })
      expect(call.mayWaitMs()).toBe(200)
      await vi.advanceTimersByTimeAsync(100)
      expect(call.mayWaitMs()).toBe(150)
      call.waited('hold', 60)
      expect(call.mayWaitMs()).toBe(140)
    })
    test('0: nothing is worth waiting for, not even no time', async () => {
      const { fits, mayWaitMs } = await sent({ maxTotalWaitMs: 0 })
      expect([mayWaitMs(), fits(0)]).toEqual([0, false])
    })
    test('each call has a sum of its own', async () => {
      const found: { call?: Call } = {}
      const fetch = createFetch([see(found)], { fetch: async () => new Response(), maxTotalWaitMs: 200 })
      await fetch('http://x/')
      waitThrice(found.call!)
      await fetch('http://x/')
      expect(found.call!.mayWaitMs()).toBe(200)
    })
    test('without a pipeline it is the default', async () => {
      const found: { call?: Call } = {}
      await see(found)(new Request('http://x/'), async () => new Response())
      expect(found.call!.mayWaitMs()).toBe(300_000)
    })
  })

  describe('attemptTimeoutMs', () => {
    const limit = (ms: number): Middleware =>
      middleware('limit', (request, next, call) => {
        call.attemptTimeoutMs = ms
        return next(request)
      })
    test('ends an attempt, not the call: the next one has as long', async () => {
      const signals: AbortSignal[] = []
      const reasons: unknown[] = []
      const again: Middleware = async (request, next) => {
        reasons.push(await errorOf(next(request)))
        reasons.push(await errorOf(next(request)))
        return new Response('third')
      }
      const call = state(createFetch([limit(100), again], { fetch: hanging(signals) })('http://x/'))
      await vi.advanceTimersByTimeAsync(100)
      expect(reasons).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(99)
      expect(reasons).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(1)
      expect(await (call.value as Response).text()).toBe('third')
      for (const [index, reason] of reasons.entries()) {
        expect(reason).toMatchObject({ name: 'TimeoutError', message: expect.stringContaining('100 ms') as string })
        expect(signals[index]!.reason).toBe(reason)
      }
    })
    test('is over when the headers are there', async () => {
      const signals: AbortSignal[] = []
      const inner: Fetch = async (_input, more) => {
        signals.push(more!.signal!)
        return new Response('fine')
      }
      const response = await createFetch([limit(100)], { fetch: inner })('http://x/')
      expect(vi.getTimerCount()).toBe(0)
      await vi.advanceTimersByTimeAsync(1000)
      expect([signals[0]!.aborted, await response.text()]).toEqual([false, 'fine'])
    })
    test('is over when the headers are there, also of an answer to an upload that goes on', async () => {
      const signals: AbortSignal[] = []
      const inner: Fetch = async (_input, more) => {
        signals.push(more!.signal!)
        return new Response('early')
      }
      const open = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(Buffer.from('x')) })
      const request = new Request('http://x/', init({ method: 'POST', body: open, duplex: 'half' }))
      const call = createFetch([limit(100)], { fetch: inner })(request)
      await settle()
      await vi.advanceTimersByTimeAsync(100)
      expect(await (await call).text()).toBe('early')
      expect(signals[0]!.aborted).toBe(false)
    })
    test('can be set by a plain function, and taken back', async () => {
      const signals: (AbortSignal | null | undefined)[] = []
      const inner: Fetch = async (_input, more) => {
        signals.push(more?.signal)
        return new Response()
      }
      const plain: Middleware = async (request, next) => {
        callOf(request)!.attemptTimeoutMs = 100
        await next(request)
        callOf(request)!.attemptTimeoutMs = undefined
        return next(request)
      }
      await createFetch([plain], { fetch: inner })('http://x/')
      expect(signals).toEqual([expect.any(AbortSignal), undefined])
    })
    test('ends an attempt of an inner fetch that does not listen, and gives up what that answers later', async () => {
      const late = Promise.withResolvers<Response>()
      const call = state(createFetch([limit(100)], { fetch: () => late.promise })('http://x/'))
      await vi.advanceTimersByTimeAsync(100)
      expect(call.value).toHaveProperty('name', 'TimeoutError')
      const cancel = vi.fn()
      late.resolve(new Response(new ReadableStream({ cancel })))
      await settle()
      expect(cancel).toHaveBeenCalledOnce()
    })
    test('leaves no timer of an inner fetch that does not listen, when the caller aborts', async () => {
      const controller = new AbortController()
      const deaf = () => new Promise<Response>(() => undefined)
      const call = state(createFetch([limit(100)], { fetch: deaf })('http://x/', { signal: controller.signal }))
      await settle()
      controller.abort('enough')
      await settle()
      expect(call.value).toBe('enough')
      expect(vi.getTimerCount()).toBe(0)
    })
    test('leaves the abort of the caller in force', async () => {
      const controller = new AbortController()
      const call = state(createFetch([limit(100)], { fetch: hanging() })('http://x/', { signal: controller.signal }))
      controller.abort('enough')
      await settle()
      expect(call.value).toBe('enough')
    })
  })
})

test('no rejection went unhandled in any of these', async () => {
  expect(await rejections()).toEqual([])
})
