import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFetch, type Fetch, middleware } from '../src/index.ts'

const native = globalThis.fetch
let server: Server
let url: string
let requests: number

beforeEach(async () => {
  requests = 0
  server = createServer((_request, response) => {
    requests++
    response.end('hello')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
afterEach(async () => {
  globalThis.fetch = native
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const seen: string[] = []
const witness = (name: string) =>
  middleware(name, async (request, next) => {
    // Somewhere a middleware waits: what it sends is not sent in the turn of the call.
    await Promise.resolve()
    seen.push(name)
    return next(request)
  })
const make = (name = 'mine'): Fetch => createFetch([witness(name)])
const install = (fetch: Fetch): void => {
  globalThis.fetch = fetch
}
beforeEach(() => {
  seen.length = 0
})

/** What can be seen of a function without calling it. */
const shapeOf = (fetch: Fetch): unknown => [
  typeof fetch,
  fetch.name,
  fetch.length,
  Object.prototype.toString.call(fetch),
]

describe('in place of the global fetch', () => {
  it.each<[string, () => Fetch]>([
    ['an empty pipeline', () => createFetch([])],
    ['a pipeline', make],
  ])('%s looks like it, as feature tests and wrappers ask', (_name, made) => {
    expect(shapeOf(native)).toEqual(['function', 'fetch', 1, '[object Function]'])
    expect(shapeOf(made())).toEqual(shapeOf(native))
  })

  it.each<[string, readonly unknown[]]>([
    ['nothing', []],
    ['undefined', [undefined]],
  ])('called with %s, it asks the platform just that', async (_name, args) => {
    const got: unknown[][] = []
    install(async (...given) => {
      got.push(given)
      throw new TypeError('1 argument required, but only 0 present')
    })
    for (const made of [createFetch([]), make()]) {
      install(made)
      await expect(made(...(args as Parameters<Fetch>))).rejects.toThrow('1 argument required')
    }
    expect(got.map((given) => given.length)).toEqual([args.length, args.length])
  })

  it('sends through the one that was there before it', async () => {
    install(make())
    expect(await (await fetch(url)).text()).toBe('hello')
    expect(seen).toEqual(['mine'])
    expect(requests).toBe(1)
  })

  it('is an empty pipeline, too', async () => {
    install(createFetch([]))
    expect(await (await fetch(url)).text()).toBe('hello')
    expect(requests).toBe(1)
  })

  it('two of them, one after the other, each send on', async () => {
    install(make('first'))
    const first = globalThis.fetch
    install(make('second'))
    expect(await (await fetch(url)).text()).toBe('hello')
    expect(seen).toEqual(['second', 'first'])
    seen.length = 0
    expect(await (await first(url)).text()).toBe('hello')
    expect(seen).toEqual(['first'])
    expect(requests).toBe(2)
  })

  it.each<[string, (made: Fetch) => Fetch]>([
    ['a plain function', (made) => (input, init) => made(input, init)],
    ['an async one', (made) => async (input, init) => made(input, init)],
    ['a bound one', (made) => made.bind(undefined)],
  ])('works inside a wrapper: %s', async (_name, wrap) => {
    const made = make()
    install(wrap(made))
    expect(await (await fetch(url)).text()).toBe('hello')
    expect(await (await made(url)).text()).toBe('hello')
    expect(seen).toEqual(['mine', 'mine'])
    expect(requests).toBe(2)
  })

  it('still finds a global fetch that somebody else puts there later', async () => {
    const made = make()
    install(async () => new Response('patched'))
    expect(await (await made(url)).text()).toBe('patched')
    expect(requests).toBe(0)
  })
})
