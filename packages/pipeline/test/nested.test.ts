import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type * as pipeline from '../src/index.ts'

const URL_A = 'https://api.test/a'

type Pipeline = typeof pipeline

/** The module anew: what it says once per process, it says once per test. */
const load = (): Promise<Pipeline> => {
  vi.resetModules()
  return import('../src/index.ts')
}

/** Sends up to four times, as long as nobody has given up. */
const looping = ({ middleware }: Pipeline) =>
  middleware('loop', async (request, next, call) => {
    call.repeats()
    for (let sent = 1; ; sent++) {
      const response = await next(request)
      if (sent === 4) call.giveUp('loop', 'enough')
      if (response.ok || call.gaveUp) return response
    }
  })

const failing = () => vi.fn<pipeline.Fetch>(async () => new Response('no', { status: 500 }))

let warn: ReturnType<typeof vi.spyOn>
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => vi.resetModules())

describe('of fetches in each other, the outermost that sends again does so, alone', () => {
  it.each([2, 3, 4])('%d of them: one warning, four requests', async (depth) => {
    const made = await load()
    const server = failing()
    let fetch: pipeline.Fetch = server
    for (let i = 0; i < depth; i++) fetch = made.createFetch([looping(made)], { fetch })
    expect((await fetch(URL_A)).status).toBe(500)
    expect(server).toHaveBeenCalledTimes(4)
    await fetch(URL_A, { method: 'POST', body: 'b' })
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^aplomb: one aplomb sends through another one/))
  })

  it.each<[string, (inner: pipeline.Fetch) => pipeline.Fetch]>([
    ['a wrapper', (inner) => (input, init) => inner(input, init)],
    ['a wrapper that adds a header', (inner) => (input, init) => inner(input, { ...init, headers: { a: 'b' } })],
    ['an async wrapper', (inner) => async (input, init) => inner(input, init)],
    ['a wrapper that makes a Request', (inner) => (input, init) => inner(new Request(input, init))],
  ])('through %s', async (_, wrap) => {
    const made = await load()
    const server = failing()
    const inner = made.createFetch([looping(made)], { fetch: server })
    await made.createFetch([looping(made)], { fetch: wrap(inner) })(URL_A)
    expect(server).toHaveBeenCalledTimes(4)
    expect(warn).toHaveBeenCalledTimes(1)
  })

  it('of a Request with a body, too', async () => {
    const made = await load()
    const server = failing()
    const inner = made.createFetch([looping(made)], { fetch: server })
    const headers = { 'x-stainless-retry-count': '1' }
    const fetch = made.createFetch([looping(made)], { fetch: inner })
    await fetch(new Request(URL_A, { method: 'POST', body: 'b', headers }))
    expect(server).toHaveBeenCalledTimes(4)
    expect(warn).toHaveBeenCalledTimes(2)
  })

  it('where a middleware hands its request over, after a while', async () => {
    const made = await load()
    const server = failing()
    const inner = made.createFetch([looping(made)], { fetch: server })
    const route: pipeline.Middleware = async (request) => {
      await Promise.resolve()
      return inner(request)
    }
    await made.createFetch([looping(made), route], { fetch: failing() })(URL_A)
    expect(server).toHaveBeenCalledTimes(4)
    expect(warn).toHaveBeenCalledTimes(1)
  })

  it('in place of the global fetch', async () => {
    const made = await load()
    const server = failing()
    vi.stubGlobal('fetch', server)
    vi.stubGlobal('fetch', made.createFetch([looping(made)]))
    await made.createFetch([looping(made)])(URL_A)
    expect(server).toHaveBeenCalledTimes(4)
    expect(warn).toHaveBeenCalledTimes(1)
  })

  it('the middlewares of the inner one still run, once for each request', async () => {
    const made = await load()
    const server = failing()
    const authorize: pipeline.Middleware = (request, next) => {
      request.headers.set('authorization', 'Bearer t')
      return next(request)
    }
    const inner = made.createFetch([looping(made), authorize], { fetch: server })
    await made.createFetch([looping(made)], { fetch: inner })(URL_A)
    const sent = server.mock.calls.map(([input, init]) => new Request(input, init).headers.get('authorization'))
    expect(sent).toEqual(['Bearer t', 'Bearer t', 'Bearer t', 'Bearer t'])
  })
})

describe('where only one of two sends again, it does, and nobody is warned', () => {
  it('the outer one', async () => {
    const made = await load()
    const server = failing()
    const inner = made.createFetch([(request, next) => next(request)], { fetch: server })
    await made.createFetch([looping(made)], { fetch: inner })(URL_A)
    expect(server).toHaveBeenCalledTimes(4)
    expect(warn).not.toHaveBeenCalled()
  })

  it('the inner one, whose giving up is the last word', async () => {
    const made = await load()
    const server = failing()
    const inner = made.createFetch([looping(made)], { fetch: server })
    // It does not say beforehand that it sends again.
    const again = made.middleware('again', async (request, next, call) => {
      const response = await next(request)
      return call.gaveUp ? response : next(request)
    })
    await made.createFetch([again], { fetch: inner })(URL_A)
    expect(server).toHaveBeenCalledTimes(4)
    expect(warn).not.toHaveBeenCalled()
  })

  it('both, where the inner one is asked for something else: a token, in the same turn', async () => {
    const made = await load()
    const server = failing()
    const tokens = failing()
    const token = made.createFetch([looping(made)], { fetch: tokens })
    const signed: pipeline.Fetch = async (input, init) => {
      await token('https://auth.test/token', { method: 'POST' })
      return server(input, init)
    }
    await made.createFetch([looping(made)], { fetch: signed })(URL_A)
    expect(server).toHaveBeenCalledTimes(4)
    expect(tokens).toHaveBeenCalledTimes(16)
    expect(warn).not.toHaveBeenCalled()
  })

  it('one after the other, and side by side', async () => {
    const made = await load()
    const server = failing()
    const one = made.createFetch([looping(made)], { fetch: server })
    const other = made.createFetch([looping(made)], { fetch: server })
    await Promise.all([one(URL_A), other(URL_A), one(URL_A)])
    await other(URL_A)
    expect(server).toHaveBeenCalledTimes(16)
    expect(warn).not.toHaveBeenCalled()
  })
})

describe('a client library that sends again what is sent again already is told of, once', () => {
  it.each([
    { 'x-stainless-retry-count': '1' },
    { 'x-retry-count': '2' },
    { 'amz-sdk-request': 'attempt=2; max=3' },
    { 'amz-sdk-request': 'ttl=20260101T000000Z; attempt=3; max=3' },
  ])('%j', async (headers) => {
    const made = await load()
    const fetch = made.createFetch([looping(made)], { fetch: async () => new Response() })
    await fetch(URL_A, { headers })
    await fetch(URL_A, { headers })
    const [name] = Object.keys(headers)
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(`(${name})`))
  })

  it.each([
    { 'x-stainless-retry-count': '0' },
    { 'x-stainless-retry-count': 'one' },
    { 'x-retry-count': '0' },
    { 'amz-sdk-request': 'attempt=1; max=3' },
    {},
  ])('not so: %j', async (headers) => {
    const made = await load()
    const fetch = made.createFetch([looping(made)], { fetch: async () => new Response() })
    await fetch(URL_A, { headers })
    expect(warn).not.toHaveBeenCalled()
  })

  it('nor where nobody else sends again', async () => {
    const made = await load()
    const fetch = made.createFetch([(request, next) => next(request)], { fetch: async () => new Response() })
    await fetch(URL_A, { headers: { 'x-stainless-retry-count': '1' } })
    expect(warn).not.toHaveBeenCalled()
  })
})
