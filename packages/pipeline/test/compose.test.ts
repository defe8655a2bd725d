import { describe, expect, test, vi } from 'vitest'
import { callOf, compose, createFetch, middleware, type Call, type Fetch, type Middleware } from '../src/index.ts'
import { init, TEXT } from './support/bodies.ts'
import { errorOf, turn } from './support/outcome.ts'
import { answering } from './support/responses.ts'
import { pass, twice } from './support/variants.ts'

const logging =
  (log: string[], name: string): Middleware =>
  async (request, next) => {
    log.push(`${name} in`)
    const response = await next(request)
    log.push(`${name} out`)
    return response
  }

/** Writes down the call it sees. */
const seeing =
  (calls: (Call | undefined)[]): Middleware =>
  (request, next) => {
    calls.push(callOf(request))
    return next(request)
  }

const wait: Middleware = async (request, next) => {
  await turn()
  return next(request)
}

describe('createFetch', () => {
  test('runs the middlewares in their order, the first outermost', async () => {
    const log: string[] = []
    await createFetch([logging(log, 'a'), logging(log, 'b'), logging(log, 'c')], answering(200))('http://x/')
    expect(log).toEqual(['a in', 'b in', 'c in', 'c out', 'b out', 'a out'])
  })
  test('runs those below as often as next is called', async () => {
    const log: string[] = []
    await createFetch([twice, logging(log, 'b')], answering(200))('http://x/')
    expect(log).toEqual(['b in', 'b out', 'b in', 'b out'])
  })
  test('lets a middleware answer by itself', async () => {
    const inner = answering(200)
    const own = new Response('mine')
    expect(await createFetch([async () => own, pass], inner)('http://x/')).toBe(own)
    expect(inner.requests).toEqual([])
  })
  test('lets a middleware answer without a promise, as JavaScript may', async () => {
    const own = new Response('mine')
    expect(await createFetch([(() => own) as unknown as Middleware])('http://x/')).toBe(own)
  })
  test('rejects with what a middleware throws at once', async () => {
    const error = new RangeError('mine')
    const throwing: Middleware = () => {
      throw error
    }
    expect(await errorOf(createFetch([throwing])('http://x/'))).toBe(error)
    expect(await errorOf(createFetch([pass, throwing])('http://x/'))).toBe(error)
    expect(await errorOf(createFetch([middleware('throwing', throwing)])('http://x/'))).toBe(error)
  })
  test('gives what a lower middleware throws at once to the upper one as a rejection', async () => {
    const error = new RangeError('mine')
    const seen: unknown[] = []
    const fetch = createFetch([
      (request, next) => {
        const sent = next(request)
        return sent.catch((reason: unknown) => {
          seen.push(reason)
          return new Response()
        })
      },
      () => {
        throw error
      },
    ])
    await fetch('http://x/')
    expect(seen).toEqual([error])
  })
  test('gives what an inner fetch throws at once as a rejection', async () => {
    const error = new RangeError('mine')
    const inner: Fetch = () => {
      throw error
    }
    for (const middlewares of [[], [pass]]) {
      expect(await errorOf(createFetch(middlewares, { fetch: inner })('http://x/'))).toBe(error)
    }
  })
  test('hands on a rejection that is no error', async () => {
    for (const reason of [undefined, null, 'text', 0]) {
      expect(
        await errorOf(createFetch([pass], { fetch: () => Promise.reject(reason as unknown as Error) })('http://x/')),
      ).toBe(reason)
    }
  })
  test('builds its chain once: a list that is changed later changes nothing', async () => {
    const middlewares: Middleware[] = [pass]
    const fetch = createFetch(middlewares, answering(200))
    middlewares.push(async () => new Response('other', { status: 500 }))
    expect((await fetch('http://x/')).status).toBe(200)
  })
  test('may be given the same middleware twice', async () => {
    const inner = answering(200)
    const add: Middleware = (request, next) => {
      request.headers.append('x-a', '1')
      return next(request)
    }
    await createFetch([add, middleware('add', add), add], inner)('http://x/')
    expect(inner.requests[0]!.headers.get('x-a')).toBe('1, 1, 1')
  })
  test('runs many calls at once, each with its own', async () => {
    const calls: (Call | undefined)[] = []
    const fetch = createFetch([seeing(calls), wait, seeing(calls)], answering(200))
    await Promise.all(Array.from({ length: 10 }, (_, i) => fetch(`http://x/${i}`)))
    expect(new Set(calls.map((call) => call?.id)).size).toBe(10)
    expect(calls.slice(0, 10)).toEqual(calls.slice(10))
  })
  test('carries a long chain', async () => {
    expect(
      (
        await createFetch(
          Array.from({ length: 1000 }, () => pass),
          answering(418),
        )('http://x/')
      ).status,
    ).toBe(418)
  })
})

describe('bad input gets an error at creation', () => {
  const cases: [() => unknown, typeof TypeError | typeof RangeError, string][] = [
    [
      () => createFetch([undefined as unknown as Middleware]),
      TypeError,
      'createFetch: middlewares[0] must be a middleware (request, next), got undefined',
    ],
    [
      () => createFetch([pass, null as unknown as Middleware]),
      TypeError,
      'createFetch: middlewares[1] must be a middleware (request, next), got null',
    ],
    [
      () => createFetch([[pass] as unknown as Middleware]),
      TypeError,
      'createFetch: middlewares[0] must be a middleware (request, next), got object Array',
    ],
    [
      () => createFetch(Array.from<Middleware>({ length: 1 })),
      TypeError,
      'createFetch: middlewares[0] must be a middleware (request, next), got undefined',
    ],
    [
      () => createFetch(pass as unknown as Middleware[]),
      TypeError,
      'createFetch: middlewares must be a list of middlewares, got function pass',
    ],
    [
      () => createFetch(undefined as unknown as Middleware[]),
      TypeError,
      'createFetch: middlewares must be a list of middlewares, got undefined',
    ],
    [
      () => createFetch({ fetch } as unknown as Middleware[]),
      TypeError,
      'createFetch: middlewares must be a list of middlewares, got object',
    ],
    [
      () => createFetch([], { fetch: 'no' as unknown as Fetch }),
      TypeError,
      'createFetch: fetch must be a function, got string',
    ],
    [
      () => createFetch([], { fetch: null as unknown as Fetch }),
      TypeError,
      'createFetch: fetch must be a function, got null',
    ],
    [
      () => createFetch([], { onEvent: {} as unknown as () => void }),
      TypeError,
      'createFetch: onEvent must be a function, got object',
    ],
    [
      () => createFetch([], { key: 5 as unknown as string }),
      TypeError,
      'createFetch: key must be a string or a function, got number',
    ],
    ...[0, -1, NaN, Infinity, 2 ** 31].map((ms): [() => unknown, typeof RangeError, string] => [
      () => createFetch([], { timeoutMs: ms }),
      RangeError,
      `createFetch: timeoutMs must be a number of milliseconds, above 0 and at most 2147483647, got ${ms}`,
    ]),
    ...[-1, -Infinity, NaN].map((ms): [() => unknown, typeof RangeError, string] => [
      () => createFetch([], { maxTotalWaitMs: ms }),
      RangeError,
      `createFetch: maxTotalWaitMs must be a number of milliseconds, 0 or more, got ${ms}`,
    ]),
    ...[-1, NaN].map((bytes): [() => unknown, typeof RangeError, string] => [
      () => createFetch([], { replayLimitBytes: bytes }),
      RangeError,
      `createFetch: replayLimitBytes must be a number of bytes, 0 or more, got ${bytes}`,
    ]),
    [
      () => compose(undefined as unknown as Middleware),
      TypeError,
      'compose: middlewares[0] must be a middleware (request, next), got undefined',
    ],
    [
      () => middleware('mine', undefined as unknown as Middleware),
      TypeError,
      'middleware mine: handler must be a function, got undefined',
    ],
  ]
  test.each(cases)('%s', (make, type, message) => {
    expect(make).toThrow(new type(message))
  })
  test('a time limit that is a text is one', () => {
    // `performance.now() + '5000'` would be a text, and the deadline nonsense.
    expect(() => createFetch([], { timeoutMs: '5000' as unknown as number })).toThrow(/timeoutMs/)
  })
  test('what is left out is left out, however it is said', () => {
    const options = {
      fetch: undefined,
      key: undefined,
      timeoutMs: undefined,
      maxTotalWaitMs: undefined,
      onEvent: undefined,
      replayLimitBytes: undefined,
    }
    expect(createFetch([], options)).toBeTypeOf('function')
    expect(createFetch([], { replayLimitBytes: 0, key: '', maxTotalWaitMs: 0 })).toBeTypeOf('function')
    expect(createFetch([], { maxTotalWaitMs: Infinity })).toBeTypeOf('function')
  })
})

describe('compose', () => {
  test('joins middlewares into one, the first outermost', async () => {
    const log: string[] = []
    const joined = compose(logging(log, 'b'), logging(log, 'c'))
    await createFetch([logging(log, 'a'), joined, logging(log, 'd')], answering(200))('http://x/')
    expect(log.join(' ')).toBe('a in b in c in d in d out c out b out a out')
  })
  test('can be nested, and nothing is lost on the way', async () => {
    const calls: (Call | undefined)[] = []
    const see = seeing(calls)
    const named = middleware('see', (request, next, call) => {
      calls.push(call)
      return next(request)
    })
    const nested = compose(see, compose(compose(named, see), twice, compose(named)))
    const inner = answering(200)
    await createFetch([nested], inner)('http://x/')
    expect(inner.requests).toHaveLength(2)
    expect(calls).toHaveLength(5)
    expect(new Set(calls).size).toBe(1)
    expect(calls[0]!.attempt).toBe(2)
  })
  test('of nothing passes on', async () => {
    const inner = answering(418)
    expect((await createFetch([compose()], inner)('http://x/')).status).toBe(418)
    expect((await compose()(new Request('http://x/'), (request) => inner.fetch(request))).status).toBe(418)
  })
  test('rejects with what a middleware throws at once', async () => {
    const error = new RangeError('mine')
    const joined = compose(() => {
      throw error
    })
    expect(await errorOf(joined(new Request('http://x/'), async () => new Response()))).toBe(error)
  })
})

describe('without a pipeline', () => {
  const again = middleware('again', async (request, next, call) => {
    const response = await next(request)
    return response.status === 503 && call.canReplay ? next(request) : response
  })
  const post = (body: BodyInit = TEXT): Request =>
    new Request('http://x/', init({ method: 'POST', body, duplex: 'half' }))

  test.each([
    ['a middleware', again],
    ['a composition', compose(pass, again, pass)],
    ['a composition of plain functions', compose(pass, twice)],
  ])('%s begins a call and a transport of its own', async (_name, one) => {
    const inner = answering(503, 200)
    const response = await one(post(), (request) => inner.fetch(request))
    expect(response.status).toBe(200)
    expect(await Promise.all(inner.requests.map((request) => request.text()))).toEqual([TEXT, TEXT])
    expect(inner.requests[1]!.headers.get('content-type')).toBe('text/plain;charset=UTF-8')
  })
  test('takes fetch itself as next', async () => {
    const url = 'data:text/plain,hello'
    expect(await (await again(new Request(url), fetch)).text()).toBe('hello')
  })
  test('gives the very request to next', async () => {
    const request = post()
    const next = vi.fn<(sent: Request) => Promise<Response>>(async () => new Response())
    await again(request, next)
    expect(next.mock.calls[0]).toEqual([request])
    expect(next.mock.calls[0]![0]).toBe(request)
  })
  test('rejects at once when the signal of the request fires', async () => {
    const controller = new AbortController()
    const call = errorOf(
      again(new Request('http://x/', { signal: controller.signal }), () => new Promise<Response>(() => {})),
    )
    controller.abort('enough')
    expect(await Promise.race([call, turn().then(() => 'still pending')])).toBe('enough')
  })
  test('each call is another', async () => {
    const ids: string[] = []
    const see = middleware('see', async (_request, _next, call) => {
      ids.push(call.id)
      return new Response()
    })
    const request = new Request('http://x/')
    await Promise.all([see(request, fetch), see(new Request('http://x/'), fetch)])
    await see(request, fetch)
    expect(new Set(ids).size).toBe(3)
  })
  test('inside of a plain middleware it joins the call', async () => {
    const calls: (Call | undefined)[] = []
    const inner = answering(503, 200)
    const plain: Middleware = (request, next) => again(request, next)
    const fetched = createFetch([seeing(calls), plain, seeing(calls)], inner)
    expect((await fetched('http://x/')).status).toBe(200)
    expect(calls).toHaveLength(3)
    expect(new Set(calls).size).toBe(1)
  })
})

describe('plain functions are full citizens', () => {
  const replaced: Record<string, (request: Request) => Request> = {
    'a new Request made of it': (request) => new Request(request, { headers: { 'x-a': '1' } }),
    'a clone': (request) => request.clone(),
    'a new Request to another place': (request) => new Request(new URL('/other', request.url)),
    'the same': (request) => request,
  }
  test.each(Object.entries(replaced))('the call reaches those below, of %s', async (_name, replace) => {
    const calls: (Call | undefined)[] = []
    const see = seeing(calls)
    const named = middleware('see', (request, next, call) => {
      calls.push(call, callOf(request))
      return next(request)
    })
    const swap: Middleware = (request, next) => next(replace(request))
    await createFetch([see, swap, see, swap, compose(swap, see), named], answering(200))('http://x/', {
      method: 'POST',
      body: TEXT,
    })
    expect(calls).toHaveLength(5)
    expect(calls[0]).toBeDefined()
    expect(new Set(calls).size).toBe(1)
  })
  test('callOf knows the call before and after next, and no longer when it is over', async () => {
    const seen: (Call | undefined)[] = []
    let kept!: Request
    const fetched = createFetch(
      [
        async (request, next) => {
          kept = request
          seen.push(callOf(request))
          const response = await next(request)
          seen.push(callOf(request))
          return response
        },
      ],
      answering(200),
    )
    await fetched('http://x/')
    expect(seen[0]).toBeDefined()
    expect(seen[1]).toBe(seen[0])
    expect(callOf(kept)).toBeUndefined()
  })
  test('callOf knows nothing of other requests', () => {
    expect(callOf(new Request('http://x/'))).toBeUndefined()
  })
})

describe('a pipeline in a pipeline', () => {
  const inputs: Record<string, () => [string | Request, RequestInit?]> = {
    'a URL': () => ['http://x/'],
    'a body': () => ['http://x/', { method: 'POST', body: TEXT }],
    'a Request': () => [new Request('http://x/')],
    'a Request with a body': () => [new Request('http://x/', { method: 'POST', body: TEXT })],
  }
  test.each(Object.entries(inputs))('has two calls, and neither hides the other: %s', async (_name, build) => {
    const outer: (Call | undefined)[] = []
    const inner: (Call | undefined)[] = []
    const around =
      (calls: (Call | undefined)[]): Middleware =>
      async (request, next) => {
        calls.push(callOf(request))
        const response = await next(request)
        calls.push(callOf(request))
        return response
      }
    const within = createFetch([around(inner), twice], answering(200))
    await createFetch([around(outer), twice], { fetch: within })(...build())
    expect(outer[0]).toBeDefined()
    expect(outer[1]).toBe(outer[0])
    expect(outer[0]!.attempt).toBe(2)
    expect(inner).toHaveLength(4)
    expect(inner[1]).toBe(inner[0])
    expect(inner[3]).toBe(inner[2])
    expect(new Set([...outer, ...inner]).size).toBe(3)
  })
  test('a body beyond the limit is sent once, although both would send it twice', async () => {
    const { fetch: sending, requests } = answering(503)
    const limited = { replayLimitBytes: 4 }
    const within = createFetch([twice], { fetch: sending, ...limited })
    const response = await createFetch([twice], { fetch: within, ...limited })(
      new Request('http://x/', { method: 'POST', body: TEXT }),
    )
    expect([response.status, requests.length]).toEqual([503, 1])
  })
})

describe('the same Request in two calls at once', () => {
  test('without a body: both are sent, each in its own call', async () => {
    const request = new Request('http://x/')
    const calls: (Call | undefined)[] = []
    const look: Middleware = async (sent, next) => {
      const before = callOf(sent)
      await turn()
      calls.push(before, callOf(sent))
      return next(sent)
    }
    const inner = answering(200)
    const fetched = createFetch([look], inner)
    await Promise.all([fetched(request), fetched(request)])
    expect(inner.requests).toHaveLength(2)
    expect(calls[0]).toBe(calls[1])
    expect(calls[2]).toBe(calls[3])
    expect(calls[0]).not.toBe(calls[2])
  })
  test('with a body: the first carries all of it, the second is refused as by bare fetch', async () => {
    const sent: string[] = []
    const inner: Fetch = async (input, more) => {
      sent.push(await new Request(input, more).text())
      return new Response()
    }
    for (const fetch of [inner, createFetch([pass], { fetch: inner }), createFetch([wait], { fetch: inner })]) {
      const request = new Request('http://x/', { method: 'POST', body: TEXT })
      const both = await Promise.allSettled([fetch(request), fetch(request)])
      expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    }
    expect(sent).toEqual([TEXT, TEXT, TEXT])
  })
})
