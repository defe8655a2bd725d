import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createFetch,
  type CreateFetchOptions,
  type Fetch,
  keyOfAnswer,
  middleware,
  type Middleware,
} from '../src/index.ts'

/** Each answers with what its path says: `/to/<origin>/<path>` redirects there, anything else is served. */
const servers: Server[] = []
const origins: string[] = []

beforeAll(async () => {
  for (let i = 0; i < 2; i++) {
    const server = createServer(({ url = '' }, response) => {
      const target = /^\/to\/(.+)$/.exec(url)?.[1]
      if (target === undefined) response.end('served')
      else response.writeHead(302, { location: decodeURIComponent(target) }).end()
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    servers.push(server)
    origins.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
})
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections()
    await new Promise((resolve) => void server.close(resolve))
  }
})

/** The call's key, and the one that its answer is about. */
const keysOf = async (url: string, options: CreateFetchOptions = {}, use: readonly Middleware[] = []) => {
  const keys: string[] = []
  const look = middleware('look', async (request, next, call) => {
    const response = await next(request)
    keys.push(call.key, keyOfAnswer(call, response))
    return response
  })
  await createFetch([look, ...use], options)(url)
  return keys
}

const to = (origin: string, target: string): string => `${origin}/to/${encodeURIComponent(target)}`

describe('keyOfAnswer', () => {
  test('is the key of the call without a redirect, and after one within the origin', async () => {
    const [a = ''] = origins
    expect(await keysOf(`${a}/x`)).toEqual([a, a])
    expect(await keysOf(to(a, `${a}/x`))).toEqual([a, a])
    expect(await keysOf(to(a, '/x'))).toEqual([a, a])
  })
  test('is the other origin after a redirect to it, directly or not', async () => {
    const [a = '', b = ''] = origins
    expect(await keysOf(to(a, `${b}/x`))).toEqual([a, b])
    expect(await keysOf(to(a, to(a, `${b}/x`)))).toEqual([a, b])
    // There and back again.
    expect(await keysOf(to(a, to(b, `${a}/x`)))).toEqual([a, a])
  })
  test('is the key of the user, if there is one', async () => {
    const [a = '', b = ''] = origins
    expect(await keysOf(to(a, `${b}/x`), { key: 'mine' })).toEqual(['mine', 'mine'])
    expect(await keysOf(to(a, `${b}/x`), { key: ({ url }) => new URL(url).origin })).toEqual([a, a])
  })
  test('goes by what was sent: a middleware may have put another host in its place', async () => {
    const [a = '', b = ''] = origins
    const gateway: Middleware = (request, next) => next(new Request(request.url.replace('http://api.test', a), request))
    expect(await keysOf('http://api.test/x', {}, [gateway])).toEqual(['http://api.test', 'http://api.test'])
    expect(await keysOf(to('http://api.test', `${a}/x`), {}, [gateway])).toEqual(['http://api.test', 'http://api.test'])
    expect(await keysOf(to('http://api.test', `${b}/x`), {}, [gateway])).toEqual(['http://api.test', b])
  })
  test('works bare', async () => {
    const [a = '', b = ''] = origins
    const keys: string[] = []
    const look = middleware('look', async (request, next, call) => {
      const response = await next(request)
      keys.push(keyOfAnswer(call, response))
      return response
    })
    await look(new Request(to(a, `${b}/x`)), fetch)
    expect(keys).toEqual([b])
  })
  const answers: [string, Partial<Record<'url' | 'redirected', unknown>>][] = [
    ['no URL', { url: '', redirected: true }],
    ['no URL at all', { url: undefined, redirected: true }],
    ['a URL from elsewhere, but no redirect', { url: 'http://b.test/x', redirected: false }],
    ['a URL from elsewhere, and not a word of redirects', { url: 'http://b.test/x', redirected: undefined }],
  ]
  test.each(answers)('a test double with %s speaks of the key', async (_, given) => {
    const inner: Fetch = async () => {
      const double = new Response('x')
      for (const [name, value] of Object.entries(given)) Object.defineProperty(double, name, { value })
      return double
    }
    expect(await keysOf('http://a.test/x', { fetch: inner })).toEqual(['http://a.test', 'http://a.test'])
  })
})
