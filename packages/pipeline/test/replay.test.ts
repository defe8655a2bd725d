import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callOf, createFetch, type Call, type Fetch, type Middleware } from '../src/index.ts'
import { BODIES, init, ONE_SHOT, posting, REPLAYABLE, sameBoundary, streamOf, TEXT } from './support/bodies.ts'
import { collect } from './support/gc.ts'
import { errorOf, turn, watchRejections } from './support/outcome.ts'
import { serve, type Server } from './support/server.ts'
import { bare, pass, transparent, twice } from './support/variants.ts'

let rejections: () => Promise<unknown[]>
beforeAll(() => {
  rejections = watchRejections()
})

/** What plain middlewares do to a request. */
const kinds: Readonly<Record<string, Middleware>> = {
  twice,
  hdr: (request, next) => {
    const headers = new Headers(request.headers)
    headers.append('x-hdr', '1')
    return next(new Request(request, { headers }))
  },
  mut: (request, next) => {
    request.headers.set('x-mut', '1')
    return next(request)
  },
  sign: async (request, next) => {
    await request.text()
    return next(request)
  },
  clone: (request, next) => next(request.clone()),
  wait: async (request, next) => {
    await turn()
    return next(request)
  },
}

/** All arrangements of up to `depth` of these, in all orders. */
const arrangements = (names: readonly string[], depth: number): string[][] => {
  if (depth === 0) return [[]]
  const shorter = arrangements(names, depth - 1)
  const longest = shorter.filter((one) => one.length === depth - 1)
  return [...shorter, ...longest.flatMap((one) => names.map((name) => [...one, name]))]
}

interface Sent {
  readonly method: string
  readonly type: string | null
  readonly body: string
  readonly hdr: string | null
  readonly mut: string | null
}

const read = async (request: Request): Promise<Sent> => {
  const { method, headers } = request
  const bytes = Buffer.from(await request.arrayBuffer())
  const body = bytes.toString('latin1')
  const boundary = /boundary=(.*)$/.exec(headers.get('content-type') ?? '')?.[1]
  // Whatever the boundary is: header and body must agree on it.
  if (boundary !== undefined && !body.includes(`--${boundary}--`)) throw new Error('the body has another boundary')
  const type = headers.get('content-type')
  return {
    method,
    type: type && sameBoundary(type),
    body: sameBoundary(body),
    hdr: headers.get('x-hdr'),
    mut: headers.get('x-mut'),
  }
}

/** An inner fetch that takes its arguments in at once, as fetch does, and writes down what it would send. */
const recorder = (answer: (attempt: number) => Response = () => new Response()): { fetch: Fetch; sent: Sent[] } => {
  const sent: Sent[] = []
  let attempt = 0
  const fetch: Fetch = async (input, more) => {
    const request = new Request(input, more)
    const mine = ++attempt
    sent.push(await read(request))
    return answer(mine)
  }
  return { fetch, sent }
}

const post = (name: string, inRequest: boolean): [string | Request, RequestInit?] =>
  inRequest ? [new Request('http://x/', posting(name))] : ['http://x/', posting(name)]

/** Sends one body through one arrangement, and lists what is not as it should be. */
const faults = async (name: string, inRequest: boolean, arrangement: readonly string[]): Promise<string[]> => {
  const plain = recorder()
  await plain.fetch(...post(name, inRequest))
  const expected = plain.sent[0]!
  const { fetch: inner, sent } = recorder()
  let call: Call | undefined
  const look: Middleware = (request, next) => {
    call = callOf(request)
    return next(request)
  }
  const fetch = createFetch([look, ...arrangement.map((kind) => kinds[kind]!)], { fetch: inner })
  const once = name in ONE_SHOT && !inRequest
  const found: string[] = []
  try {
    await fetch(...post(name, inRequest))
  } catch (error) {
    found.push(`rejected with ${String(error)}`)
  }
  const attempts = once ? 1 : 2 ** arrangement.filter((kind) => kind === 'twice').length
  const hdrs = arrangement.filter((kind) => kind === 'hdr').length
  const want = {
    ...expected,
    hdr: hdrs === 0 ? null : Array.from({ length: hdrs }, () => '1').join(', '),
    mut: arrangement.includes('mut') ? '1' : null,
  }
  if (sent.length !== attempts) found.push(`${sent.length} attempts instead of ${attempts}`)
  if (call?.canReplay !== !once) found.push(`canReplay is ${call?.canReplay}`)
  for (const [index, one] of sent.entries()) {
    const got = JSON.stringify(one)
    if (got !== JSON.stringify(want)) found.push(`attempt ${index + 1}: ${got} instead of ${JSON.stringify(want)}`)
  }
  return found.map((fault) => `${arrangement.join(' > ')}: ${fault}`)
}

/** The first few: one fault shows in many arrangements. */
const allFaults = async (name: string, inRequest: boolean, all: readonly string[][]): Promise<string[]> => {
  const found: string[] = []
  for (const arrangement of all) if (found.length < 4) found.push(...(await faults(name, inRequest, arrangement)))
  return found
}

describe(
  'every attempt sends the same bytes and type, whatever plain middlewares stand above',
  { timeout: 30_000 },
  () => {
    const deep = arrangements(['twice', 'hdr', 'mut'], 3)
    const wide = arrangements(Object.keys(kinds), 3)

    test('the arrangements are what they should be', () => {
      expect(deep).toHaveLength(1 + 3 + 9 + 27)
      expect(wide).toHaveLength(1 + 6 + 36 + 216)
      expect(new Set([...deep, ...wide].map(String)).size).toBe(259)
    })
    test.each(Object.keys(REPLAYABLE))('a body given as %s', async (name) => {
      expect(await allFaults(name, false, deep)).toEqual([])
    })
    test.each(Object.keys(BODIES).filter((name) => name !== 'stream of strings'))(
      'a Request made of %s',
      async (name) => {
        expect(await allFaults(name, true, deep)).toEqual([])
      },
    )
    test.each(['string', 'FormData', 'Blob'])('a body given as %s, in every arrangement', async (name) => {
      expect(await allFaults(name, false, wide)).toEqual([])
    })
    test.each(['string', 'FormData', 'byte stream'])('a Request made of %s, in every arrangement', async (name) => {
      expect(await allFaults(name, true, wide)).toEqual([])
    })
    test('no body at all', async () => {
      for (const arrangement of wide) {
        const { fetch: inner, sent } = recorder()
        const fetch = createFetch(
          arrangement.map((kind) => kinds[kind]!),
          { fetch: inner },
        )
        await fetch('http://x/')
        await fetch(new Request('http://x/', { method: 'DELETE' }))
        const attempts = 2 ** arrangement.filter((kind) => kind === 'twice').length
        expect(sent.map(({ method }) => method)).toEqual([
          ...Array.from({ length: attempts }, () => 'GET'),
          ...Array.from({ length: attempts }, () => 'DELETE'),
        ])
      }
    })

    // Whoever reads a one-shot body has it: it cannot be signed and sent.
    const streams = arrangements(['twice', 'hdr', 'mut', 'wait', 'clone'], 3)
    test.each(Object.keys(ONE_SHOT).filter((name) => name !== 'stream of strings'))(
      '%s is sent once, in every arrangement',
      async (name) => {
        expect(await allFaults(name, false, streams)).toEqual([])
      },
    )
    test('a stream of strings, which bare fetch takes although it must not, is sent once', async () => {
      const { fetch: inner, sent } = recorder()
      expect(await errorOf(inner('http://x/', posting('stream of strings')))).toBeInstanceOf(TypeError)
      await errorOf(createFetch([twice], { fetch: inner })('http://x/', posting('stream of strings')))
      expect(sent).toEqual([])
    })
  },
)

describe('on the wire', () => {
  let server: Server
  beforeAll(async () => {
    server = await serve(async ({ body, response }) => {
      await body
      response.writeHead(503).end('busy')
    })
  })
  afterAll(() => server.close())

  const wire = async (fetch: Fetch, args: [string | Request, RequestInit?]): Promise<unknown[]> => {
    server.seen.length = 0
    await (await fetch(...args)).text()
    await server.quiet()
    return server.seen.map(({ headers, chunks }) => [
      ...headers
        .map(([name, value]) => [name.toLowerCase(), sameBoundary(value)])
        .filter(([name]) => !name!.startsWith('x-')),
      sameBoundary(chunks.join('')),
    ])
  }
  const sorted = (one: unknown): string =>
    JSON.stringify((one as unknown[]).map((part) => JSON.stringify(part)).toSorted())

  const arranged = ['twice', 'hdr twice', 'twice hdr', 'mut twice hdr', 'twice mut', 'sign twice', 'twice sign']
  describe.each(arranged)('%s', (words) => {
    const fetch = createFetch(words.split(' ').map((kind) => kinds[kind]!))
    test.each(Object.keys(REPLAYABLE))('a body given as %s', async (name) => {
      const args = (): [string, RequestInit] => [server.origin, posting(name)]
      const [expected] = await wire(bare, args())
      const got = await wire(fetch, args())
      expect(got).toHaveLength(2)
      for (const one of got) expect(sorted(one)).toBe(sorted(expected))
    })
    test.each(Object.keys(REPLAYABLE))('a Request made of %s', async (name) => {
      const args = (): [Request] => [new Request(server.origin, posting(name))]
      const [expected] = await wire(bare, args())
      const got = await wire(fetch, args())
      expect(got).toHaveLength(2)
      for (const one of got) expect(sorted(one)).toBe(sorted(expected))
    })
  })

  test('a Request with a type of its own and a body from the init keeps its type when a header is set in place', async () => {
    const args = (): [Request, RequestInit] => [
      new Request(server.origin, { method: 'POST', headers: { 'content-type': 'application/json' } }),
      { body: '{"a":1}' },
    ]
    const [expected] = await wire(bare, args())
    const [got] = await wire(createFetch([kinds['mut']!]), args())
    expect(sorted(got)).toBe(sorted(expected))
  })
  test('a type that a middleware takes away in place stays away, or comes with the body as in fetch', async () => {
    const strip: Middleware = (request, next) => {
      request.headers.delete('content-type')
      return next(request)
    }
    const typed: [string, RequestInit] = [
      server.origin,
      { method: 'POST', body: TEXT, headers: { 'content-type': 'text/own' } },
    ]
    await wire(createFetch([strip]), typed)
    expect(server.seen[0]!.headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1]).not.toBe('text/own')
  })
  test('a type that a middleware sets in place is sent', async () => {
    const set: Middleware = (request, next) => {
      request.headers.set('content-type', 'text/own')
      return next(request)
    }
    for (const args of [
      [server.origin, { method: 'POST', body: TEXT }],
      [new Request(server.origin, { method: 'POST', body: TEXT })],
    ] as [string | Request, RequestInit?][]) {
      await wire(createFetch([twice, set]), args)
      for (const { headers } of server.seen) {
        expect(headers.filter(([name]) => name.toLowerCase() === 'content-type').map(([, value]) => value)).toEqual([
          'text/own',
        ])
      }
      expect(server.seen).toHaveLength(2)
    }
  })
  test('a middleware may send to another place, and change method and body', async () => {
    const move: Middleware = (request, next) =>
      next(new Request(new URL('/moved', request.url), { method: 'PUT', body: 'other', headers: { 'x-a': '1' } }))
    await wire(createFetch([twice, move, twice]), [server.origin, { method: 'POST', body: TEXT }])
    expect(server.seen.map(({ method, url, chunks }) => [method, url, chunks.join('')])).toEqual(
      Array.from({ length: 4 }, () => ['PUT', '/moved', 'other']),
    )
  })
})

describe('the limit', () => {
  const LIMIT = 16
  const size = (bytes: number): string => 'x'.repeat(bytes)
  interface Result {
    readonly attempts: string[]
    readonly canReplay: boolean | undefined
  }
  const run = async (arrangement: string, ...args: [string | Request, RequestInit?]): Promise<Result> => {
    const { fetch: inner, sent } = recorder()
    let canReplay: boolean | undefined
    const look: Middleware = async (request, next) => {
      const response = await next(request)
      canReplay = callOf(request)?.canReplay
      return response
    }
    const middlewares = arrangement.split(' ').map((kind) => kinds[kind]!)
    await createFetch([look, ...middlewares], { fetch: inner, replayLimitBytes: LIMIT })(...args)
    return { attempts: sent.map(({ body }) => body), canReplay }
  }
  const request = (body: unknown): Request => new Request('http://x/', init({ method: 'POST', body, duplex: 'half' }))
  const body = (bytes: number): string[] => [size(bytes), size(bytes)]

  test.each(['twice', 'twice hdr', 'hdr twice', 'mut twice', 'twice sign'])(
    'a Request at the limit is sent again: %s',
    async (words) => {
      expect(await run(words, request(size(LIMIT)))).toEqual({ attempts: body(LIMIT), canReplay: true })
      const pieces = Array.from({ length: LIMIT }, () => Buffer.from('x'))
      expect(await run(words, request(streamOf(pieces)))).toEqual({ attempts: body(LIMIT), canReplay: true })
    },
  )
  test.each(['twice', 'twice hdr', 'hdr twice', 'mut twice'])(
    'a Request beyond the limit is sent once, and canReplay is false: %s',
    async (words) => {
      const once = { attempts: [size(LIMIT + 1)], canReplay: false }
      expect(await run(words, request(size(LIMIT + 1)))).toEqual(once)
      const pieces = Array.from({ length: LIMIT + 1 }, () => Buffer.from('x'))
      expect(await run(words, request(streamOf(pieces)))).toEqual(once)
    },
  )
  test('it is no limit for bodies that the caller holds anyway', async () => {
    for (const large of [size(LIMIT + 1), Buffer.from(size(LIMIT + 1)), new Blob([size(LIMIT + 1)])]) {
      expect(await run('twice', 'http://x/', { method: 'POST', body: large })).toEqual({
        attempts: body(LIMIT + 1),
        canReplay: true,
      })
      expect(await run('mut twice mut', 'http://x/', { method: 'POST', body: large })).toMatchObject({
        canReplay: true,
      })
    }
  })
  test('zero keeps nothing', async () => {
    const { fetch: inner, sent } = recorder()
    await createFetch([twice], { fetch: inner, replayLimitBytes: 0 })(request('x'))
    expect(sent).toHaveLength(1)
  })
  test('infinity keeps all', async () => {
    const { fetch: inner, sent } = recorder()
    await createFetch([twice], { fetch: inner, replayLimitBytes: Infinity })(request(size(2 ** 21)))
    expect(sent.map((one) => one.body.length)).toEqual([2 ** 21, 2 ** 21])
  })
  test('it is 1 MiB by default', async () => {
    for (const [bytes, attempts] of [
      [2 ** 20, 2],
      [2 ** 20 + 1, 1],
    ] as const) {
      const { fetch: inner, sent } = recorder()
      await createFetch([twice], { fetch: inner })(request(size(bytes)))
      expect(sent).toHaveLength(attempts)
    }
  })
})

describe('whenever the answer comes', () => {
  const inputs: Record<string, () => Request> = {
    'a string': () => new Request('http://x/', { method: 'POST', body: TEXT }),
    'a form': () => new Request('http://x/', posting('FormData')),
    'a Blob': () => new Request('http://x/', posting('Blob')),
    'a megabyte': () => new Request('http://x/', { method: 'POST', body: new Uint8Array(2 ** 20) }),
    'a stream': () => new Request('http://x/', posting('ReadableStream')),
  }
  /** Takes the request as fetch does, and ends the attempt at once, before the body was read. */
  const hasty = (end: () => Promise<Response>): { fetch: Fetch; bodies: Promise<Sent>[] } => {
    const bodies: Promise<Sent>[] = []
    const fetch: Fetch = (input, more) => {
      bodies.push(read(new Request(input, more)))
      return end()
    }
    return { fetch, bodies }
  }
  const sendings = async (bodies: readonly Promise<Sent>[]): Promise<(number | string)[]> =>
    (await Promise.allSettled(bodies)).map((one) =>
      one.status === 'fulfilled' ? one.value.body.length : String(one.reason),
    )

  describe.each(Object.entries(inputs))('a Request made of %s', (_name, make) => {
    test('can be sent again when the answer comes before its body was read', async () => {
      const { length } = (await read(make())).body
      const { fetch, bodies } = hasty(async () => new Response('busy', { status: 503 }))
      await createFetch([twice], { fetch })(make())
      expect(await sendings(bodies)).toEqual([length, length])
    })
    test('can be sent again when the attempt fails before its body was read', async () => {
      const { length } = (await read(make())).body
      let canReplay: boolean | undefined
      const { fetch, bodies } = hasty(() => Promise.reject(new TypeError('fetch failed')))
      const again: Middleware = async (request, next) => {
        try {
          return await next(request)
        } catch {
          canReplay = callOf(request)?.canReplay
          return next(request)
        }
      }
      await errorOf(createFetch([again], { fetch })(make()))
      expect(canReplay).toBe(true)
      expect(await sendings(bodies)).toEqual([length, length])
    })
    test('can be sent twice at once, as whoever hedges does', async () => {
      const { length } = (await read(make())).body
      const { fetch, sent } = recorder()
      const hedge: Middleware = async (request, next) => {
        const [response] = await Promise.all([next(request), next(request)])
        return response
      }
      await createFetch([hedge], { fetch })(make())
      expect(sent.map(({ body }) => body.length)).toEqual([length, length])
    })
    test('can be read by the middleware that also sends it', async () => {
      const { fetch, sent } = recorder()
      const clone: Middleware = async (request, next) => {
        const text = await request.clone().text()
        const response = await next(request)
        expect(sameBoundary(Buffer.from(text).toString('latin1'))).toBe(sent.at(-1)!.body)
        return response
      }
      await createFetch([twice, clone], { fetch })(make())
      expect(sent).toHaveLength(2)
    })
  })

  test('an answer does not wait for an upload that goes on, and cannot be repeated', async () => {
    const open = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(Buffer.from('x')) })
    const request = new Request('http://x/', init({ method: 'POST', body: open, duplex: 'half' }))
    let attempts = 0
    const inner: Fetch = async (input, more) => {
      attempts++
      void new Request(input, more).text().catch(() => undefined)
      return new Response('early')
    }
    expect(await (await createFetch([twice], { fetch: inner })(request)).text()).toBe('early')
    expect(attempts).toBe(1)
  })

  test('a body that fails is not sent again in part', async () => {
    const torn = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(Buffer.from('x'))
        controller.error(new RangeError('mine'))
      },
    })
    const request = new Request('http://x/', init({ method: 'POST', body: torn, duplex: 'half' }))
    let canReplay: boolean | undefined
    const look: Middleware = async (sent, next) => {
      try {
        return await next(sent)
      } finally {
        canReplay = callOf(sent)?.canReplay
      }
    }
    await errorOf(createFetch([look], { fetch: recorder().fetch })(request))
    expect(canReplay).toBe(false)
  })
})

describe('later changes of the arguments reach no attempt', () => {
  interface Given {
    readonly args: [string | URL | Request, RequestInit?]
    readonly change: () => void
  }
  const withBody = <T>(body: T, change: (body: T) => unknown): Given => ({
    args: ['http://x/', init({ method: 'POST', body })],
    change: () => change(body),
  })
  const withHeaders = <T>(headers: T, change: (headers: T) => void): Given => ({
    args: ['http://x/', init({ headers })],
    change: () => change(headers),
  })
  const bytes = (): Uint8Array<ArrayBuffer> => new Uint8Array([1, 2, 3, 4])
  const cases: Record<string, () => Given> = {
    bytes: () => withBody(bytes(), (body) => body.fill(9)),
    'a buffer': () => withBody(bytes().buffer, (body) => new Uint8Array(body).fill(9)),
    'a view': () => withBody(new DataView(bytes().buffer, 1, 2), (body) => body.setUint8(0, 9)),
    'a buffer that is moved away': () =>
      withBody(bytes().buffer, (body) => body.detached || structuredClone(body, { transfer: [body] })),
    'a form': () => withBody(posting('FormData').body as FormData, (body) => body.append('more', '1')),
    'a form that loses a field': () => withBody(posting('FormData').body as FormData, (body) => body.delete('text')),
    'search parameters': () => withBody(new URLSearchParams('a=1'), (body) => body.append('more', '1')),
    'headers as an object': () =>
      withHeaders<Record<string, string>>({ 'x-hdr': '1' }, (headers) => void (headers['x-hdr'] = '2')),
    'headers as Headers': () => withHeaders(new Headers({ 'x-hdr': '1' }), (headers) => headers.set('x-hdr', '2')),
    'headers as an array': () => withHeaders([['x-hdr', '1']], (headers) => void headers.push(['x-hdr', '2'])),
    'headers as an array of pairs that change': () =>
      withHeaders([['x-hdr', '1']], (headers) => void (headers[0]![1] = '2')),
    'headers as a Map': () => withHeaders(new Map([['x-hdr', '1']]), (headers) => headers.set('x-hdr', '2')),
    'members of init': () => {
      const more: RequestInit = { method: 'POST', headers: { 'x-hdr': '1' }, body: 'old' }
      const change = (): void => void Object.assign(more, { method: 'PUT', headers: { 'x-hdr': '2' }, body: 'new' })
      return { args: ['http://x/', more], change }
    },
    'a URL': () => {
      const url = new URL('http://x/old')
      return { args: [url], change: () => void (url.pathname = '/new') }
    },
    'an object that turns into a URL': () => {
      const url = { path: 'old', toString: () => `http://x/${url.path}` }
      return { args: [url as unknown as string], change: () => void (url.path = 'new') }
    },
    "a Request's headers": () => {
      const request = new Request('http://x/', { headers: { 'x-hdr': '1' } })
      return { args: [request], change: () => request.headers.set('x-hdr', '2') }
    },
    'the headers of a Request with a body': () => {
      const request = new Request('http://x/', { method: 'POST', body: TEXT, headers: { 'x-hdr': '1' } })
      return { args: [request], change: () => request.headers.set('x-hdr', '2') }
    },
    'the headers of a Request with a body, and an init': () => {
      const request = new Request('http://x/', { method: 'POST', body: TEXT, headers: { 'x-hdr': '1' } })
      return { args: [request, { method: 'PUT' }], change: () => request.headers.set('x-hdr', '2') }
    },
  }
  const pipelines: Record<string, (change: () => void) => Middleware[]> = {
    'the first of two': () => [twice],
    'one that is delayed': () => [kinds['wait']!],
    'one that is delayed, and one after it': () => [kinds['wait']!, twice],
    'the second, if it happens in between': (change) => [
      async (request, next) => {
        await next(request)
        change()
        return next(request)
      },
    ],
    'one whose headers a middleware sets in place': () => [kinds['wait']!, kinds['mut']!],
    'one that a middleware puts in its place': () => [kinds['wait']!, kinds['hdr']!],
  }
  const send = async (fetch: Fetch, { args, change }: Given): Promise<void> => {
    const call = fetch(...args)
    change()
    await call
  }
  /** As `recorder`, with the URL. */
  const record = (): { fetch: Fetch; sent: unknown[] } => {
    const sent: unknown[] = []
    const fetch: Fetch = async (input, more) => {
      const request = new Request(input, more)
      sent.push({ url: request.url, ...(await read(request)), mut: null })
      return new Response()
    }
    return { fetch, sent }
  }
  describe.each(Object.entries(cases))('%s', (_name, make) => {
    test.each(Object.keys(pipelines))('%s', async (name) => {
      const unchanged = record()
      await unchanged.fetch(...make().args)
      const expected = unchanged.sent[0] as Sent
      const given = make()
      const { fetch: inner, sent } = record()
      await send(createFetch(pipelines[name]!(given.change), { fetch: inner }), given)
      const hdr = name.includes('puts in its place')
        ? [expected.hdr, '1'].filter((one) => one !== null).join(', ')
        : expected.hdr
      expect(sent).toEqual(Array.from({ length: /two|after|second/.test(name) ? 2 : 1 }, () => ({ ...expected, hdr })))
    })
  })
  test('what a middleware does to the headers of one call shows in no other', async () => {
    const add: Middleware = (request, next) => {
      request.headers.append('x-hdr', '1')
      return next(request)
    }
    const { fetch: inner, sent } = recorder()
    const fetch = createFetch([add], { fetch: inner })
    const headers = new Headers()
    const template = new Request('http://x/', { method: 'POST', headers, body: TEXT })
    await fetch('http://x/', { headers })
    await fetch('http://x/', { headers })
    await fetch(template.clone())
    await fetch(template)
    expect(sent.map(({ hdr }) => hdr)).toEqual(['1', '1', '1', '1'])
    expect([...headers]).toEqual([])
  })
  test("a middleware that sets headers in place leaves the caller's Request as it was", async () => {
    const { fetch: inner } = recorder()
    const fetch = createFetch([kinds['mut']!], { fetch: inner })
    for (const body of [null, TEXT]) {
      const request = new Request('http://x/', { method: 'POST', body })
      await fetch(request)
      expect([body, request.headers.get('x-mut')]).toEqual([body, null])
    }
  })
})

describe('memory', { timeout: 30_000 }, () => {
  const CHUNK = 64 * 1024
  const CHUNKS = 384
  /** Fetch itself keeps what it has sent until the answer is there; this one forgets it at once. */
  const drain: Fetch = async (input, more) => {
    const reader = (new Request(input, more).body as ReadableStream<Uint8Array | string>).getReader()
    let received = 0
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return new Response(String(received), { status: 503 })
      received += value.length
    }
  }

  /** 24 MiB, and the most bytes of it that were alive at once. */
  const large = (piece: () => unknown): { stream: ReadableStream<unknown>; most: () => number } => {
    const bytes: WeakRef<Uint8Array>[] = []
    const before = process.memoryUsage().heapUsed
    let most = 0
    let made = 0
    const stream = new ReadableStream<unknown>(
      {
        async pull(controller) {
          if (made++ === CHUNKS) {
            controller.close()
            return
          }
          const next = piece()
          if (next instanceof Uint8Array) bytes.push(new WeakRef(next))
          controller.enqueue(next)
          if (made % 128 > 0) return
          await collect()
          // The memory behind bytes is freed some time after their objects, that of strings is on the heap.
          const alive = bytes.filter((one) => one.deref() !== undefined).length
          most = Math.max(most, bytes.length > 0 ? alive * CHUNK : process.memoryUsage().heapUsed - before)
        },
      },
      { highWaterMark: 0 },
    )
    return { stream, most: () => most }
  }
  const more = (body: ReadableStream): RequestInit => init({ method: 'POST', body, duplex: 'half' })
  const forms: Record<
    string,
    { piece: () => unknown; build: (body: ReadableStream) => [string | Request, RequestInit?] }
  > = {
    'a stream': { piece: () => new Uint8Array(CHUNK), build: (body) => ['http://x/', more(body)] },
    'a Request made of a stream': {
      piece: () => new Uint8Array(CHUNK),
      build: (body) => [new Request('http://x/', more(body))],
    },
    'a Request made of a stream of strings': {
      // Of its own each time: a string that is repeated would cost nothing to keep.
      piece: () => Buffer.alloc(CHUNK, 'x').toString('latin1'),
      build: (body) => [new Request('http://x/', more(body))],
    },
  }
  describe.each(Object.entries(forms))('%s of 24 MiB', (_name, { piece, build }) => {
    test.each(['twice', 'twice hdr', 'hdr twice'])('is sent once, in a few megabytes: %s', async (words) => {
      let attempts = 0
      const inner: Fetch = (...args) => {
        attempts++
        return drain(...args)
      }
      const { stream, most } = large(piece)
      const fetch = createFetch(
        words.split(' ').map((kind) => kinds[kind]!),
        { fetch: inner },
      )
      const response = await fetch(...build(stream))
      expect(await response.text()).toBe(String(CHUNK * CHUNKS))
      expect(attempts).toBe(1)
      expect(most()).toBeLessThan(8 * 2 ** 20)
    })
  })

  test('a call of many attempts keeps the bodies of a few', async () => {
    const sent: WeakRef<Request>[] = []
    let alive = Infinity
    const replace: Middleware = (request, next) => {
      const replaced = new Request(request, { headers: { 'x-hdr': '1' } })
      sent.push(new WeakRef(replaced))
      return next(replaced)
    }
    const poll: Middleware = async (request, next) => {
      for (let i = 0; i < 50; i++) await next(request)
      await collect()
      alive = sent.filter((one) => one.deref() !== undefined).length
      return next(request)
    }
    const inner: Fetch = async (input, changes) => new Response(await new Request(input, changes).text())
    await createFetch([poll, replace], { fetch: inner })(new Request('http://x/', { method: 'POST', body: TEXT }))
    expect(sent).toHaveLength(51)
    expect(alive).toBeLessThan(5)
  })
})

test('the pipelines of the transparency tests can all be sent through again', async () => {
  for (const make of Object.values(transparent)) {
    const { fetch: inner, sent } = recorder()
    await createFetch([twice, pass], { fetch: make(inner) })(new Request('http://x/', { method: 'POST', body: TEXT }))
    expect(sent.map(({ body }) => body.length)).toEqual([sent[0]!.body.length, sent[0]!.body.length])
    expect(sent).toHaveLength(2)
  }
})

test('no rejection went unhandled in any of these', async () => {
  expect(await rejections()).toEqual([])
})
