import { AsyncLocalStorage } from 'node:async_hooks'
import { fetch as undiciFetch, Request as UndiciRequest } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFetch, type Fetch } from '../src/index.ts'
import { BODIES, init, ONE_SHOT, posting, sameBoundary, streamOf, TEXT } from './support/bodies.ts'
import { errorFacts, errorOf, outcome, responseFacts, turn, watchRejections, type Facts } from './support/outcome.ts'
import { serve, type Exchange, type Server } from './support/server.ts'
import { bare, pass, transparent, twice } from './support/variants.ts'

/** Answers that need a second cue from the test. */
const cues: (() => void)[] = []
const cue = (): Promise<void> => new Promise((resolve) => cues.push(resolve))

const respond = async ({ request, response, body }: Exchange): Promise<void> => {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
  const [, route = '', detail] = pathname.split('/')
  switch (route) {
    case 'redirect':
      response.writeHead(Number(detail), { location: searchParams.get('to') ?? '/echo' }).end('moved')
      return
    case 'loop':
      response.writeHead(302, { location: '/loop' }).end()
      return
    case 'status':
      response.writeHead(Number(detail), 'Odd Words', { 'x-twice': ['1', '2'], 'set-cookie': ['a=1', 'b=2'] })
      response.end(Number(detail) === 204 || Number(detail) === 304 ? undefined : 'the body')
      return
    case 'hang':
      return
    case 'drip':
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('one')
      await cue()
      response.end('two')
      return
    case 'torn':
      response.writeHead(200, { 'content-length': 100 })
      response.write('torn')
      await cue()
      response.destroy()
      return
    case 'reset':
      request.socket.destroy()
      return
    default:
      await body
      response.writeHead(200, { 'content-type': 'text/plain', 'x-server': 'yes' }).end('hello')
  }
}

let server: Server
let origin: string
let rejections: () => Promise<unknown[]>

beforeAll(async () => {
  rejections = watchRejections()
  server = await serve(respond)
  origin = server.origin
})

afterAll(() => server.close())

interface Trace {
  readonly result: Facts
  readonly seen: readonly Facts[]
}

/** What the client and the server saw while `run` ran. */
const trace = async (run: Run, fetch: Fetch): Promise<Trace> => {
  server.seen.length = 0
  const result = await run(fetch)
  await server.quiet()
  const seen = server.seen.map(({ method, url, headers, chunks, complete }) => ({
    method,
    url,
    headers: headers.map(([name, value]) => [name, sameBoundary(value)]),
    body: sameBoundary(chunks.join('')),
    complete,
  }))
  return { result, seen }
}

type Run = (fetch: Fetch) => Promise<Facts>

/** Each case runs once with bare fetch, and must look the same through each pipeline. */
const same = (cases: Readonly<Record<string, Run>>, isAboutThis: (bare: Trace) => boolean): void => {
  describe.each(Object.entries(cases))('%s', (_name, run) => {
    let once: Promise<Trace> | undefined
    const expected = (): Promise<Trace> => (once ??= trace(run, bare))
    test('in bare fetch does what the case is about', async () => {
      expect(await expected()).toSatisfy(isAboutThis)
    })
    test.each(Object.keys(transparent))('through %s', async (name) => {
      const wanted = await expected()
      expect(await trace(run, transparent[name]!())).toEqual(wanted)
    })
  })
}

const answered = ({ result, seen }: Trace): boolean => 'answer' in result && !('broke' in result) && seen.length > 0
const rejected = ({ result }: Trace): boolean => 'rejected' in result

/** An init without any member of its own. */
class Init {
  readonly #members: Record<string, unknown>
  constructor(members: Record<string, unknown>) {
    this.#members = members
  }
  get method(): unknown {
    return this.#members['method']
  }
  get headers(): unknown {
    return this.#members['headers']
  }
  get body(): unknown {
    return this.#members['body']
  }
  get redirect(): unknown {
    return this.#members['redirect']
  }
  get duplex(): unknown {
    return this.#members['duplex']
  }
  get signal(): unknown {
    return this.#members['signal']
  }
}

const echo = (): string => `${origin}/echo?q=1`

describe('requests without a body', () => {
  same(
    {
      'a string': (fetch) => outcome(fetch(echo())),
      'a URL object': (fetch) => outcome(fetch(new URL(echo()))),
      'an object that turns into a string': (fetch) => outcome(fetch({ toString: echo } as string)),
      'a URL with a fragment, spaces and dots': (fetch) => outcome(fetch(`${origin}/a/../echo%20 x?q=ä#part`)),
      'init undefined': (fetch) => outcome(fetch(echo(), undefined)),
      'init null': (fetch) => outcome(fetch(echo(), null as unknown as RequestInit)),
      'init empty': (fetch) => outcome(fetch(echo(), {})),
      'every member undefined': (fetch) =>
        outcome(
          fetch(
            echo(),
            init({ method: undefined, headers: undefined, body: undefined, signal: undefined, redirect: undefined }),
          ),
        ),
      // Undici takes it for an object like any other, and sends it as a string.
      'a view on shared memory as body': (fetch) =>
        outcome(fetch(echo(), init({ method: 'POST', body: new Uint8Array(new SharedArrayBuffer(4)) }))),
      'body null': (fetch) => outcome(fetch(echo(), { method: 'POST', body: null })),
      'body undefined': (fetch) => outcome(fetch(echo(), init({ method: 'POST', body: undefined }))),
      'signal null': (fetch) => outcome(fetch(echo(), { signal: null })),
      'method in lower case': (fetch) => outcome(fetch(echo(), { method: 'post' })),
      'method patch, which stays as it is': (fetch) => outcome(fetch(`${origin}/status/400`, { method: 'PATCH' })),
      'a method of its own': (fetch) => outcome(fetch(echo(), { method: 'PURGE' })),
      HEAD: (fetch) => outcome(fetch(echo(), { method: 'HEAD' })),
      DELETE: (fetch) => outcome(fetch(echo(), { method: 'DELETE' })),
      OPTIONS: (fetch) => outcome(fetch(echo(), { method: 'OPTIONS' })),
      'a Request': (fetch) => outcome(fetch(new Request(echo(), { headers: { 'x-a': '1' } }))),
      'a Request and an init': (fetch) =>
        outcome(fetch(new Request(echo()), { method: 'PUT', headers: { 'x-a': '1' } })),
      'cache, credentials, mode, referrer, keepalive, priority': (fetch) =>
        outcome(
          fetch(
            echo(),
            init({
              cache: 'no-store',
              credentials: 'include',
              mode: 'cors',
              referrer: `${origin}/from`,
              referrerPolicy: 'unsafe-url',
              keepalive: true,
              priority: 'high',
            }),
          ),
        ),
      'a Request with cache, credentials, referrer, keepalive': (fetch) =>
        outcome(
          fetch(
            new Request(echo(), {
              cache: 'reload',
              credentials: 'omit',
              referrer: `${origin}/from`,
              referrerPolicy: 'unsafe-url',
              keepalive: true,
            }),
          ),
        ),
      'no-cors': (fetch) => outcome(fetch(echo(), { mode: 'no-cors' })),
      'integrity that holds': (fetch) =>
        outcome(fetch(echo(), { integrity: 'sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=' })),
    },
    answered,
  )
})

describe('each type of body', () => {
  const names = Object.keys(BODIES)
  const cases = (run: (fetch: Fetch, name: string) => Promise<Facts>): Record<string, Run> =>
    Object.fromEntries(names.map((name) => [name, (fetch: Fetch) => run(fetch, name)]))

  describe('in the init', () => {
    same(
      cases((fetch, name) => outcome(fetch(echo(), posting(name)))),
      answered,
    )
  })
  describe('in the init, with a type of its own', () => {
    same(
      cases((fetch, name) => outcome(fetch(echo(), posting(name, { headers: { 'Content-Type': 'text/own' } })))),
      answered,
    )
  })
  describe('in a Request', () => {
    same(
      cases((fetch, name) => outcome(fetch(new Request(echo(), posting(name))))),
      answered,
    )
  })
  describe('in a Request, with another method and other headers in the init', () => {
    same(
      cases((fetch, name) =>
        outcome(
          fetch(new Request(echo(), posting(name)), init({ method: 'PUT', headers: { 'x-a': '1' }, duplex: 'half' })),
        ),
      ),
      answered,
    )
  })
  describe('in the init, over a Request with a body', () => {
    same(
      cases((fetch, name) => outcome(fetch(new Request(echo(), { method: 'POST', body: 'not this' }), posting(name)))),
      answered,
    )
  })
  describe('in a Request, with a null body in the init', () => {
    same(
      cases((fetch, name) => outcome(fetch(new Request(echo(), posting(name)), { body: null }))),
      answered,
    )
  })
})

describe('forms of init', () => {
  const members = (): Record<string, unknown> => ({
    method: 'POST',
    headers: { 'x-a': '1' },
    body: TEXT,
    redirect: 'follow',
  })
  same(
    {
      'an instance with getters': (fetch) => outcome(fetch(echo(), new Init(members()) as unknown as RequestInit)),
      'an instance with getters, and a stream': (fetch) =>
        outcome(
          fetch(
            echo(),
            new Init({ ...members(), body: streamOf([Buffer.from('s')]), duplex: 'half' }) as unknown as RequestInit,
          ),
        ),
      frozen: (fetch) =>
        outcome(fetch(echo(), Object.freeze({ ...members(), headers: Object.freeze({ 'x-a': '1' }) }))),
      'without a prototype': (fetch) =>
        outcome(fetch(echo(), Object.assign(Object.create(null), members()) as RequestInit)),
      inherited: (fetch) => outcome(fetch(echo(), Object.create(members()) as RequestInit)),
      'a Proxy': (fetch) => outcome(fetch(echo(), new Proxy(members(), {}))),
      'a function': (fetch) => outcome(fetch(echo(), Object.assign(() => {}, members()) as RequestInit)),
      'a Request': (fetch) => outcome(fetch(echo(), new Request(`${origin}/other`, members()))),
      'a Request without a body': (fetch) =>
        outcome(fetch(echo(), new Request(`${origin}/other`, { headers: { 'x-a': '1' } }))),
      'a getter that answers otherwise when it is asked again': (fetch) => {
        let asked = 0
        return outcome(
          fetch(echo(), {
            method: 'POST',
            get headers() {
              return { 'x-first': String(asked++ === 0) }
            },
          }),
        )
      },
    },
    answered,
  )
})

describe('forms of headers', () => {
  const forms: Record<string, () => unknown> = {
    object: () => ({ 'X-A': '1', 'x-b': ' spaced ', 'X-c': '' }),
    'frozen object': () => Object.freeze({ 'X-A': '1' }),
    'object without a prototype': () => Object.assign(Object.create(null), { 'X-A': '1' }) as unknown,
    'object of numbers': () => ({ 'X-A': 1, 'X-B': true, 'X-C': undefined, 'X-D': null }),
    array: () => [
      ['x-b', '2'],
      ['X-A', '1'],
      ['x-b', '3'],
    ],
    'frozen array': () => Object.freeze([Object.freeze(['X-A', '1'])]),
    Headers: () => new Headers({ 'X-A': '1', cookie: 'a=1; b=2' }),
    Map: () => new Map([['X-A', '1']]),
    generator: () =>
      (function* pairs() {
        yield ['X-A', '1']
        yield ['X-B', '2']
      })(),
    'Headers of a Response': () => new Response('', { headers: { 'x-a': '1' } }).headers,
  }
  same(
    Object.fromEntries(
      Object.entries(forms).map(([name, make]): [string, Run] => [
        name,
        (fetch) => outcome(fetch(echo(), init({ headers: make() }))),
      ]),
    ),
    answered,
  )
  describe('over those of a Request', () => {
    same(
      Object.fromEntries(
        Object.entries(forms).map(([name, make]): [string, Run] => [
          name,
          (fetch) =>
            outcome(
              fetch(
                new Request(echo(), { method: 'POST', body: 'b', headers: { 'x-old': '1' } }),
                init({ headers: make() }),
              ),
            ),
        ]),
      ),
      answered,
    )
  })
})

describe('redirects', () => {
  const to =
    (code: number, more: RequestInit = {}) =>
    (fetch: Fetch) =>
      outcome(fetch(`${origin}/redirect/${code}`, more))
  same(
    {
      'followed by GET': to(302),
      'to another query, with a fragment kept': (fetch) =>
        outcome(fetch(`${origin}/redirect/302?to=${encodeURIComponent('/echo?x')}#part`)),
      manual: to(302, { redirect: 'manual' }),
      'a Request that says manual': (fetch) =>
        outcome(fetch(new Request(`${origin}/redirect/302`, { redirect: 'manual' }))),
      'a Request that says error, an init that says follow': (fetch) =>
        outcome(fetch(new Request(`${origin}/redirect/302`, { redirect: 'error' }), { redirect: 'follow' })),
      'a POST after 303': to(303, { method: 'POST', body: TEXT }),
      'a POST after 301': to(301, { method: 'POST', body: TEXT }),
      'a POST after 307': to(307, { method: 'POST', body: TEXT }),
      'a form after 308': (fetch) => outcome(fetch(`${origin}/redirect/308`, posting('FormData'))),
      'a Request with a body after 307': (fetch) =>
        outcome(fetch(new Request(`${origin}/redirect/307`, { method: 'POST', body: TEXT }))),
      'a Request with a body after 307, and an init': (fetch) =>
        outcome(
          fetch(new Request(`${origin}/redirect/307`, { method: 'POST', body: TEXT }), { headers: { 'x-a': '1' } }),
        ),
      'a stream after 303': (fetch) => outcome(fetch(`${origin}/redirect/303`, posting('ReadableStream'))),
    },
    answered,
  )
  same(
    {
      'redirect: error': to(302, { redirect: 'error' }),
      'a loop': (fetch) => outcome(fetch(`${origin}/loop`)),
      'a stream after 307': (fetch) => outcome(fetch(`${origin}/redirect/307`, posting('ReadableStream'))),
      'to a scheme nobody knows': (fetch) => outcome(fetch(`${origin}/redirect/302?to=ftp%3A%2F%2Fx%2F`)),
      'to nonsense': (fetch) => outcome(fetch(`${origin}/redirect/302?to=http%3A%2F%2F%5B`)),
    },
    rejected,
  )
})

describe('what fetch refuses', () => {
  const disturbed = async (): Promise<ReadableStream<unknown>> => {
    const stream = streamOf([Buffer.from('a'), Buffer.from('b')])
    const reader = stream.getReader()
    await reader.read()
    reader.releaseLock()
    return stream
  }
  const locked = (): ReadableStream<unknown> => {
    const stream = streamOf([Buffer.from('a')])
    stream.getReader()
    return stream
  }
  const used = async (): Promise<Request> => {
    const request = new Request(echo(), { method: 'POST', body: TEXT })
    await request.text()
    return request
  }
  const lockedRequest = (): Request => {
    const request = new Request(echo(), { method: 'POST', body: TEXT })
    request.body?.getReader()
    return request
  }
  const refused = (make: () => unknown) => (fetch: Fetch) =>
    outcome(fetch(echo(), init(make() as Record<string, unknown>)))
  same(
    {
      'no URL': (fetch) => outcome(fetch('no url')),
      'an empty string': (fetch) => outcome(fetch('')),
      undefined: (fetch) => outcome(fetch(undefined as unknown as string)),
      'an object': (fetch) => outcome(fetch({} as string)),
      'a symbol': (fetch) => outcome(fetch(Symbol('s') as unknown as string)),
      'an input whose toString throws': (fetch) =>
        outcome(
          fetch({
            toString() {
              throw new RangeError('mine')
            },
          } as unknown as string),
        ),
      'credentials in the URL': (fetch) => outcome(fetch(origin.replace('//', '//user:secret@'))),
      'an unknown scheme': (fetch) => outcome(fetch('ftp://127.0.0.1/')),
      'a bad port': (fetch) => outcome(fetch('http://127.0.0.1:1/')),
      'a refused connection': (fetch) => outcome(fetch('http://127.0.0.1:2/')),
      'a connection that is reset': (fetch) => outcome(fetch(`${origin}/reset`)),
      'a name of a header': refused(() => ({ headers: { 'bad name': '1' } })),
      'a value of a header': refused(() => ({ headers: { name: 'a\nb' } })),
      'a value of a header beyond Latin-1': refused(() => ({ headers: { name: '\u20ac' } })),
      'pairs that are no pairs': refused(() => ({ headers: [['a']] })),
      'headers as a string': refused(() => ({ headers: 'a: b' })),
      'headers as a number': refused(() => ({ headers: 1 })),
      'headers null': refused(() => ({ headers: null })),
      'headers with a symbol': refused(() => ({ headers: { [Symbol('s')]: '1' } })),
      'a method': refused(() => ({ method: 'BAD METHOD' })),
      'an empty method': refused(() => ({ method: '' })),
      'the method TRACE': refused(() => ({ method: 'TRACE' })),
      'the method CONNECT': refused(() => ({ method: 'CONNECT' })),
      'a GET with a body': refused(() => ({ body: TEXT })),
      'a HEAD with an empty body': refused(() => ({ method: 'HEAD', body: '' })),
      'a GET with a stream': refused(() => ({ body: streamOf([]), duplex: 'half' })),
      'a Request with a body, as GET': (fetch) =>
        outcome(fetch(new Request(echo(), { method: 'POST', body: TEXT }), { method: 'GET' })),
      'a redirect mode': refused(() => ({ redirect: 'sometimes' })),
      'a cache mode': refused(() => ({ cache: 'sometimes' })),
      'mode navigate': refused(() => ({ mode: 'navigate' })),
      'a referrer': refused(() => ({ referrer: 'http://[' })),
      'a duplex mode': refused(() => ({ method: 'POST', body: TEXT, duplex: 'full' })),
      'a window': refused(() => ({ window: {} })),
      'a signal that is none': refused(() => ({ signal: {} })),
      'a signal that is a function': refused(() => ({ signal: () => {} })),
      'an init that is no object': (fetch) => outcome(fetch(echo(), 'POST' as unknown as RequestInit)),
      'an init that is a number': (fetch) => outcome(fetch(echo(), 7 as unknown as RequestInit)),
      'a stream without duplex': refused(() => ({ method: 'POST', body: streamOf([]) })),
      'an async iterable without duplex': refused(() => ({ method: 'POST', body: BODIES['async iterable']!() })),
      'a stream with keepalive': refused(() => ({
        method: 'POST',
        body: streamOf([]),
        duplex: 'half',
        keepalive: true,
      })),
      'a locked stream': refused(() => ({ method: 'POST', body: locked(), duplex: 'half' })),
      'a stream read in part': async (fetch) =>
        outcome(fetch(echo(), init({ method: 'POST', body: await disturbed(), duplex: 'half' }))),
      'a Request that is used up': async (fetch) => outcome(fetch(await used())),
      'a Request that is used up, and an init': async (fetch) => outcome(fetch(await used(), { headers: { a: '1' } })),
      'a Request that is used up, and a bodiless method': async (fetch) =>
        outcome(fetch(await used(), { method: 'DELETE' })),
      'a Request that is being read': (fetch) => outcome(fetch(lockedRequest())),
      'a Request that is being read, and an init': (fetch) => outcome(fetch(lockedRequest(), { method: 'PUT' })),
      'a detached buffer': (fetch) => {
        const buffer = new ArrayBuffer(4)
        structuredClone(buffer, { transfer: [buffer] })
        return outcome(fetch(echo(), { method: 'POST', body: buffer }))
      },
      'a stream of numbers': refused(() => ({ method: 'POST', body: streamOf([1]), duplex: 'half' })),
      'a stream that fails': refused(() => ({
        method: 'POST',
        body: new ReadableStream({
          pull() {
            throw new RangeError('mine')
          },
        }),
        duplex: 'half',
      })),
      'a Request whose stream fails': (fetch) =>
        outcome(
          fetch(
            new Request(
              echo(),
              init({
                method: 'POST',
                body: new ReadableStream({
                  pull() {
                    throw new RangeError('mine')
                  },
                }),
                duplex: 'half',
              }),
            ),
          ),
        ),
      'integrity that does not hold': (fetch) =>
        outcome(fetch(echo(), { integrity: 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' })),
      'a body whose toString throws': refused(() => ({
        method: 'POST',
        body: {
          toString() {
            throw new RangeError('mine')
          },
        },
      })),
      'a getter that throws': (fetch) =>
        outcome(
          fetch(echo(), {
            get method(): string {
              throw new RangeError('mine')
            },
          }),
        ),
    },
    rejected,
  )
  test.each(Object.keys(transparent))('%s rejects, and never throws', async (name) => {
    const call = transparent[name]!()('no url')
    expect(call).toBeInstanceOf(Promise)
    expect(await errorOf(call)).toBeInstanceOf(TypeError)
  })
})

describe('without HTTP', () => {
  same(
    {
      'a data: URL': (fetch) => outcome(fetch('data:text/plain;base64,aGVsbG8=')),
      'a data: URL that looks like another': (fetch) => outcome(fetch('data:text/plain,see://user@host/path')),
      'a blob: URL': async (fetch) => {
        const url = URL.createObjectURL(new Blob(['hello'], { type: 'text/x-fox' }))
        const { answer, text } = await outcome(fetch(url))
        URL.revokeObjectURL(url)
        return { answer: { ...(answer as Facts), url: 'blob:' }, text }
      },
    },
    ({ result }) => 'answer' in result,
  )
  same(
    {
      'a blob: URL nobody made': (fetch) => outcome(fetch('blob:nodedata:00000000-0000-0000-0000-000000000000')),
      'about:blank': (fetch) => outcome(fetch('about:blank')),
      'file:': (fetch) => outcome(fetch('file:///etc/hostname')),
    },
    rejected,
  )
})

describe('answers', () => {
  const status = (code: number, more?: RequestInit) => (fetch: Fetch) =>
    outcome(fetch(`${origin}/status/${code}`, more))
  same(
    {
      ...Object.fromEntries([201, 204, 304, 400, 402, 404, 429, 500, 503].map((code) => [`a ${code}`, status(code)])),
      'a 503 to a POST': status(503, { method: 'POST', body: TEXT }),
      'a 503 to a stream': (fetch) => outcome(fetch(`${origin}/status/503`, posting('ReadableStream'))),
      'a 404 to a HEAD': status(404, { method: 'HEAD' }),
    },
    answered,
  )
  same(
    {
      'torn in the middle': async (fetch) => {
        const ended = outcome(fetch(`${origin}/torn`))
        await turn()
        while (cues.length === 0) await turn()
        cues.shift()?.()
        return ended
      },
    },
    ({ result }) => 'broke' in result || 'rejected' in result,
  )
  same(
    {
      'an answer is streamed: the first piece is here before the second is sent': async (fetch) => {
        const response = await fetch(`${origin}/drip`)
        const before = responseFacts(response)
        const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
        const first = await reader.read()
        cues.shift()?.()
        return { answer: before, first, second: await reader.read(), third: await reader.read() }
      },
      'an answer can be cloned while it streams': async (fetch) => {
        const response = await fetch(`${origin}/drip`)
        const clone = response.clone()
        cues.shift()?.()
        return { answer: responseFacts(clone), text: [await clone.text(), await response.text()] }
      },
      'an answer can be cancelled': async (fetch) => {
        const response = await fetch(`${origin}/drip`)
        await response.body!.cancel('enough')
        cues.shift()?.()
        return { answer: responseFacts(response) }
      },
    },
    answered,
  )

  test.each(Object.keys(transparent))('%s answers with the very object the inner fetch gave', async (name) => {
    const given: unknown[] = []
    const inner: Fetch = async (input, more) => {
      const response = await fetch(input, more)
      given.push(response)
      return response
    }
    const got: unknown[] = [
      await transparent[name]!(inner)(echo()),
      await transparent[name]!(inner)(`${origin}/status/503`, { method: 'POST', body: TEXT }),
      await transparent[name]!(inner)(new Request(echo(), { method: 'POST', body: TEXT })),
    ]
    expect(given).toHaveLength(3)
    for (const [index, response] of got.entries()) {
      expect(response).toBe(given[index])
      await (response as Response).text()
    }
  })

  test.each(Object.keys(transparent))(
    "%s hands through an answer that is no Response, as a test's double",
    async (name) => {
      const double = { ok: true, status: 200, json: async () => ({ a: 1 }) }
      expect(await transparent[name]!(async () => double as unknown as Response)(echo())).toBe(double)
    },
  )
})

describe('aborts', () => {
  class OwnError extends Error {
    override readonly name = 'OwnError' as const
  }
  const own = new OwnError('enough')
  const reasons: Record<string, unknown> = {
    'without a reason': undefined,
    'with null': null,
    'with a string': 'enough',
    'with an error': own,
    'with zero': 0,
  }
  /** Ways to give a signal. */
  const forms: Record<string, (url: string, signal: AbortSignal) => [string | Request, RequestInit?]> = {
    'a signal in the init': (url, signal) => [url, { signal }],
    'the signal of a Request': (url, signal) => [new Request(url, { signal })],
    'the signal of a Request with a body': (url, signal) => [new Request(url, { method: 'POST', body: TEXT, signal })],
    'a signal in the init over that of a Request': (url, signal) => [
      new Request(url, { method: 'POST', body: TEXT, signal: new AbortController().signal }),
      { signal },
    ],
    'a signal in the init over that of a Request, and headers': (url, signal) => [
      new Request(url, { method: 'POST', body: TEXT, signal: new AbortController().signal }),
      { signal, headers: { 'x-a': '1' } },
    ],
    'the signal of a Request with a body, and headers': (url, signal) => [
      new Request(url, { method: 'POST', body: TEXT, signal }),
      { headers: { 'x-a': '1' } },
    ],
    'a signal in the init, and a stream': (url, signal) => [url, posting('ReadableStream', { signal })],
  }
  const abort = (controller: AbortController, reason: unknown): void =>
    reason === undefined ? controller.abort() : controller.abort(reason)

  for (const [how, reason] of Object.entries(reasons)) {
    for (const [form, build] of Object.entries(forms)) {
      const facts = (error: unknown): Facts => ({ rejected: errorFacts(error), asGiven: error === reason })
      describe(`${how}, ${form}`, () => {
        same(
          {
            'before the call': async (fetch) => {
              const controller = new AbortController()
              abort(controller, reason)
              return facts(await errorOf(fetch(...build(`${origin}/hang`, controller.signal))))
            },
            'right after the call': async (fetch) => {
              const controller = new AbortController()
              const call = fetch(...build(`${origin}/hang`, controller.signal))
              abort(controller, reason)
              return facts(await errorOf(call))
            },
            'in flight': async (fetch) => {
              const controller = new AbortController()
              const arrived = server.arrival()
              const call = fetch(...build(`${origin}/hang`, controller.signal))
              await (
                await arrived
              ).body
              abort(controller, reason)
              return facts(await errorOf(call))
            },
            'while the answer is read': async (fetch) => {
              const controller = new AbortController()
              const response = await fetch(...build(`${origin}/drip`, controller.signal))
              const reader = response.body!.getReader()
              const { value } = await reader.read()
              const second = reader.read()
              abort(controller, reason)
              const error = await errorOf(second)
              cues.shift()?.()
              return { ...facts(error), first: Buffer.from(value!).toString() }
            },
            'after the answer was read': async (fetch) => {
              const controller = new AbortController()
              const response = await fetch(...build(echo(), controller.signal))
              const text = await response.text()
              abort(controller, reason)
              return { rejected: false, text, answer: responseFacts(response) }
            },
          },
          rejected,
        )
      })
    }
  }

  same(
    {
      'AbortSignal.timeout': async (fetch) => {
        const arrived = server.arrival()
        const call = outcome(fetch(`${origin}/hang`, { signal: AbortSignal.timeout(20) }))
        await arrived
        return call
      },
      'AbortSignal.abort': (fetch) => outcome(fetch(`${origin}/hang`, { signal: AbortSignal.abort() })),
      'AbortSignal.any': async (fetch) => {
        const controller = new AbortController()
        const arrived = server.arrival()
        const call = outcome(
          fetch(`${origin}/hang`, { signal: AbortSignal.any([controller.signal, AbortSignal.timeout(60_000)]) }),
        )
        await arrived
        controller.abort(own)
        return call
      },
      'a Request that is used up is told before an abort': async (fetch) => {
        const request = new Request(echo(), { method: 'POST', body: TEXT })
        await request.text()
        return outcome(fetch(request, { signal: AbortSignal.abort('too late') }))
      },
      'nonsense is told before an abort': (fetch) =>
        outcome(fetch('no url', { signal: AbortSignal.abort('too late') })),
    },
    rejected,
  )

  describe('of uploads', () => {
    /** A source that never ends, and says when it is cancelled. */
    const endless = (log: unknown[]): ReadableStream<Uint8Array> => {
      let pulls = 0
      return new ReadableStream(
        {
          async pull(controller) {
            if (pulls++ > 0) return new Promise<void>(() => {})
            controller.enqueue(Buffer.from('first'))
          },
          cancel(reason) {
            log.push(['cancelled', errorFacts(reason)])
          },
        },
        { highWaterMark: 0 },
      )
    }
    const uploads: Record<
      string,
      (url: string, body: ReadableStream, signal: AbortSignal) => [string | Request, RequestInit?]
    > = {
      'a stream in the init': (url, body, signal) => [url, init({ method: 'POST', body, duplex: 'half', signal })],
      'a Request made of a stream': (url, body, signal) => [
        new Request(url, init({ method: 'POST', body, duplex: 'half', signal })),
      ],
    }
    for (const [form, build] of Object.entries(uploads)) {
      same(
        {
          [`${form}, before the call`]: async (fetch) => {
            const log: unknown[] = []
            const error = await errorOf(fetch(...build(`${origin}/hang`, endless(log), AbortSignal.abort(own))))
            await turn()
            return { rejected: errorFacts(error), log }
          },
          [`${form}, in flight: its source hears of it in the same order of things`]: async (fetch) => {
            const log: unknown[] = []
            const controller = new AbortController()
            const chunk = server.chunk()
            const call = fetch(...build(`${origin}/hang`, endless(log), controller.signal))
            log.push(await chunk)
            controller.abort(own)
            log.push('abort has returned')
            const error = await errorOf(call)
            log.push('rejected')
            await turn()
            return { rejected: errorFacts(error), log }
          },
        },
        rejected,
      )
    }
  })

  test.each(Object.keys(transparent))('%s rejects in the turn in which the signal fires', async (name) => {
    const controller = new AbortController()
    const arrived = server.arrival()
    const log: string[] = []
    const call = errorOf(transparent[name]!()(`${origin}/hang`, { signal: controller.signal })).then(() =>
      log.push('rejected'),
    )
    await arrived
    controller.abort()
    setImmediate(() => log.push('next turn'))
    await call
    await turn()
    expect(log).toEqual(['rejected', 'next turn'])
  })
})

describe('uploads', () => {
  same(
    Object.fromEntries(
      ['in the init', 'in a Request'].map((form): [string, Run] => [
        `a slow stream ${form} reaches the server piece by piece`,
        async (fetch) => {
          let feed!: ReadableStreamDefaultController
          const body = new ReadableStream({ start: (controller) => void (feed = controller) })
          const more = init({ method: 'POST', body, duplex: 'half' })
          const first = server.chunk()
          const call = outcome(form === 'in the init' ? fetch(echo(), more) : fetch(new Request(echo(), more)))
          feed.enqueue(Buffer.from('one'))
          const pieces = [await first]
          const second = server.chunk()
          feed.enqueue(Buffer.from('two'))
          pieces.push(await second)
          feed.close()
          return { ...(await call), pieces }
        },
      ]),
    ),
    (expected) => answered(expected) && String(expected.result['pieces']) === 'one,two',
  )
  same(
    {
      'an answer that comes before the upload is over': async (fetch) => {
        let feed!: ReadableStreamDefaultController
        const body = new ReadableStream({ start: (controller) => void (feed = controller) })
        const call = fetch(`${origin}/drip`, init({ method: 'POST', body, duplex: 'half' }))
        feed.enqueue(Buffer.from('one'))
        const response = await call
        const answer = responseFacts(response)
        feed.close()
        cues.shift()?.()
        return { answer, text: await response.text() }
      },
    },
    answered,
  )
  test.each(Object.keys(transparent))('%s reads a slow source no faster than bare fetch', async (name) => {
    /** How much of an endless source is taken while the receiver takes nothing. */
    const taken = async (fetch: (inner: Fetch) => Fetch): Promise<number> => {
      let pulls = 0
      const body = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024).fill(++pulls)) })
      await fetch(async () => new Response())(echo(), init({ method: 'POST', body, duplex: 'half' }))
      for (let i = 0; i < 20; i++) await turn()
      return pulls
    }
    expect(await taken(transparent[name]!)).toBe(await taken((inner) => inner))
  })
})

describe('members of init that no standard knows', () => {
  const exotic = (): Record<string, unknown> => ({
    dispatcher: { dispatch() {} },
    duplex: 'half',
    cf: { cacheTtl: 5 },
    next: { revalidate: 60 },
    tls: { rejectUnauthorized: false },
    proxy: 'http://127.0.0.1:9',
    priority: 'low',
    verbose: true,
    query: { a: 1 },
    falsy: 0,
    nothing: null,
  })
  const symbol = Symbol('exotic')
  const changing: Record<string, (inner: Fetch) => Fetch> = {
    ...transparent,
    'a header set in place': (inner) =>
      createFetch(
        [
          (request, next) => {
            request.headers.set('x-set', '1')
            return next(request)
          },
        ],
        { fetch: inner },
      ),
    'a request put in its place': (inner) =>
      createFetch([(request, next) => next(new Request(request, { headers: { 'x-set': '1' } }))], { fetch: inner }),
    'a second attempt': (inner) => createFetch([twice], { fetch: inner }),
    'a second attempt of a request put in its place': (inner) =>
      createFetch([twice, (request, next) => next(new Request(request, { headers: { 'x-set': '1' } }))], {
        fetch: inner,
      }),
  }
  const inputs: Record<string, () => [string | Request, Record<string, unknown>]> = {
    'a URL': () => ['http://x/', {}],
    'a URL and a body': () => ['http://x/', { method: 'POST', body: TEXT }],
    'a Request': () => [new Request('http://x/'), {}],
    'a Request with a body': () => [new Request('http://x/', { method: 'POST', body: TEXT }), {}],
    'a Request with a body, and headers': () => [
      new Request('http://x/', { method: 'POST', body: TEXT }),
      { headers: { 'x-a': '1' } },
    ],
  }
  const sent = async (variant: string, ...[input, more]: [string | Request, RequestInit?]): Promise<Facts[]> => {
    const inits: Facts[] = []
    const inner: Fetch = async (_input, got) => {
      inits.push((got ?? {}) as Facts)
      return new Response()
    }
    await changing[variant]!(inner)(input, more)
    return inits
  }
  describe.each(Object.keys(changing))('through %s', (variant) => {
    test.each(Object.keys(inputs))('they reach the inner fetch, on top of %s', async (name) => {
      const [input, more] = inputs[name]!()
      const members = exotic()
      const inits = await sent(variant, input, init({ ...more, ...members }))
      expect(inits).toHaveLength(variant.includes('second') ? 2 : 1)
      for (const got of inits) {
        expect(got).toMatchObject(members)
        for (const key of ['dispatcher', 'cf', 'next', 'tls']) expect(got[key]).toBe(members[key])
      }
    })
    test('so does a symbol', async () => {
      for (const got of await sent(variant, 'http://x/', init({ [symbol]: 1 }))) {
        expect((got as Record<symbol, unknown>)[symbol]).toBe(1)
      }
    })
    test('so does the getter of a class', async () => {
      class Own {
        get cf(): unknown {
          return 'c'
        }
      }
      for (const got of await sent(variant, 'http://x/', new Own() as RequestInit)) expect(got['cf']).toBe('c')
    })
  })

  test.each(['an empty pipeline', 'a pass-through', 'a pipeline in a pipeline', 'a second attempt'])(
    'nothing is added by %s where nothing was given',
    async (variant) => {
      const calls: unknown[][] = []
      const inner: Fetch = async (...args) => {
        calls.push(args)
        return new Response()
      }
      await changing[variant]!(inner)('http://x/')
      expect(calls).toEqual(variant === 'a second attempt' ? [['http://x/'], ['http://x/']] : [['http://x/']])
    },
  )

  test.each(['a pass-through', 'a second attempt', 'a header set in place'])(
    'own properties of a Request arrive through %s',
    async (variant) => {
      const got: unknown[] = []
      const inner: Fetch = async (input) => {
        got.push(input)
        return new Response()
      }
      for (const body of [null, TEXT]) {
        const request = Object.assign(new Request('http://x/', { method: 'POST', body }), { cf: { a: 1 } })
        await changing[variant]!(inner)(request)
        await changing[variant]!(inner)(request.clone(), { headers: { 'x-a': '1' } })
        await changing[variant]!(inner)(Object.assign(request.clone(), { cf: { a: 1 } }), { headers: { 'x-a': '1' } })
      }
      const kept = got.filter((input) => (input as { cf?: unknown }).cf !== undefined)
      const attempts = variant === 'a second attempt' ? 2 : 1
      expect(got).toHaveLength(6 * attempts)
      expect(kept).toHaveLength(4 * attempts)
    },
  )

  test.each(Object.keys(transparent))('%s gives the inner fetch the very Request it got', async (name) => {
    const got: unknown[] = []
    const inner: Fetch = async (input) => {
      got.push(input)
      return new Response()
    }
    const requests = [new Request('http://x/'), new Request('http://x/', { method: 'POST', body: TEXT })]
    for (const request of requests) await transparent[name]!(inner)(request)
    expect(got[0]).toBe(requests[0])
    expect(got[1]).toBe(requests[1])
  })
})

describe('a Request of another implementation', () => {
  const foreign = (...args: ConstructorParameters<typeof UndiciRequest>): Request =>
    new UndiciRequest(...args) as unknown as Request
  const foreignFetch = undiciFetch as unknown as Fetch
  const cases: Record<string, Run> = {
    'without a body': (fetch) => outcome(fetch(foreign(echo(), { headers: { 'x-a': '1' } }))),
    'with a body': (fetch) => outcome(fetch(foreign(echo(), { method: 'POST', body: TEXT }))),
    'with a body, and an init': (fetch) =>
      outcome(fetch(foreign(echo(), { method: 'POST', body: TEXT }), { headers: { 'x-b': '2' } })),
    'with a body in the init': (fetch) => outcome(fetch(foreign(echo()), { method: 'POST', body: TEXT })),
    'with a stream': (fetch) =>
      outcome(fetch(foreign(echo(), { method: 'POST', body: streamOf([Buffer.from('s')]) as never, duplex: 'half' }))),
  }
  describe.each(Object.entries(cases))('%s', (_name, one) => {
    test.each(Object.keys(transparent))('goes through %s to its own fetch', async (name) => {
      const expected = await trace(one, foreignFetch)
      expect(expected).toSatisfy(answered)
      expect(await trace(one, transparent[name]!(foreignFetch))).toEqual(expected)
    })
    test.each(Object.keys(transparent))(
      'fails through %s in the global fetch as it does in bare fetch',
      async (name) => {
        const expected = await trace(one, bare)
        expect(expected).toSatisfy(rejected)
        expect(await trace(one, transparent[name]!())).toEqual(expected)
      },
    )
  })
  test.each(Object.keys(transparent))('its signal ends a call through %s', async (name) => {
    const controller = new AbortController()
    const arrived = server.arrival()
    const call = transparent[name]!(foreignFetch)(foreign(`${origin}/hang`, { signal: controller.signal }))
    await arrived
    controller.abort('enough')
    expect(
      await Promise.race([
        errorOf(call),
        turn()
          .then(turn)
          .then(() => 'still pending'),
      ]),
    ).toBe('enough')
  })
  test('its signal ends a call that has not been sent', async () => {
    const controller = new AbortController()
    const fetch = createFetch([() => new Promise<Response>(() => {})], { fetch: foreignFetch })
    const call = errorOf(fetch(foreign(echo(), { signal: controller.signal })))
    controller.abort('enough')
    expect(await Promise.race([call, turn().then(() => 'still pending')])).toBe('enough')
  })
})

describe('around the call', () => {
  test.each(Object.keys(transparent))('async context reaches the inner fetch through %s', async (name) => {
    const context = new AsyncLocalStorage<string>()
    const stores: unknown[] = []
    const inner: Fetch = async () => {
      stores.push(context.getStore())
      return new Response()
    }
    const fetch = transparent[name]!(inner)
    await context.run('outer', async () => {
      await fetch(echo())
      await fetch(new Request(echo(), { method: 'POST', body: TEXT }))
      stores.push(context.getStore())
    })
    expect(stores).toEqual(['outer', 'outer', 'outer'])
  })

  test.each(Object.keys(transparent))(
    'the inner fetch is called before %s returns, as arguments are read at once',
    async (name) => {
      let called = 0
      const inner: Fetch = async () => {
        called++
        return new Response()
      }
      const call = transparent[name]!(inner)(echo(), { method: 'POST', body: TEXT })
      expect(called).toBe(1)
      await call
    },
  )

  test.each(Object.keys(transparent))('a Request that %s has sent is used up', async (name) => {
    const request = new Request(echo(), { method: 'POST', body: TEXT })
    await (await transparent[name]!()(request)).text()
    expect(request.bodyUsed).toBe(true)
  })

  test.each(Object.keys(transparent))('%s leaves the caller with the arguments it gave', async (name) => {
    const headers = { 'X-A': '1' }
    const more = Object.freeze({ method: 'post', headers: Object.freeze(headers), body: new Uint8Array([1, 2, 3]) })
    const url = new URL(echo())
    await (await transparent[name]!()(url, more)).text()
    expect([url.href, more]).toEqual([
      echo(),
      { method: 'post', headers: { 'X-A': '1' }, body: new Uint8Array([1, 2, 3]) },
    ])
  })

  test.each(Object.keys(transparent))('the global fetch is looked up by %s when it is called', async (name) => {
    const late = transparent[name]!()
    const original = globalThis.fetch
    const response = new Response('mocked')
    try {
      globalThis.fetch = async () => response
      expect(await late(echo())).toBe(response)
    } finally {
      globalThis.fetch = original
    }
  })

  test('a browser insists: fetch is called on its global object, or on nothing', async () => {
    const receivers: unknown[] = []
    const inner = function record(this: unknown): Promise<Response> {
      receivers.push(this)
      return Promise.resolve(new Response())
    }
    for (const make of Object.values(transparent)) await make(inner)(echo())
    expect(new Set(receivers)).toEqual(new Set([undefined]))
  })

  test('a call can be torn off its object', async () => {
    const { fetch } = { fetch: createFetch([pass]) }
    expect((await fetch(echo())).status).toBe(200)
  })
})

test('one-shot bodies are named as such', () => {
  // The tests above must not send a one-shot body without `duplex`, nor a replayable one with it.
  for (const name of Object.keys(BODIES)) {
    const body = BODIES[name]!()
    const streams = typeof body === 'object' && body !== null && Symbol.asyncIterator in body
    expect([name, streams]).toEqual([name, name in ONE_SHOT])
  }
})

test('no rejection went unhandled in any of these', async () => {
  expect(await rejections()).toEqual([])
})
