import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  type Call,
  callOf,
  createFetch,
  type CreateFetchOptions,
  type Fetch,
  middleware,
  type Middleware,
  type Outgoing,
  relay,
} from '../src/index.ts'
import { take } from '../src/given.ts'
import { plainOrigin } from '../src/origin.ts'
import { errorOf } from './support/outcome.ts'

afterEach(() => void vi.unstubAllGlobals())

const answering: Fetch = async () => new Response()

/** Counts the Requests that are made. */
const countRequests = (): { readonly made: number } => {
  const count = { made: 0 }
  vi.stubGlobal(
    'Request',
    class extends Request {
      constructor(...args: ConstructorParameters<typeof Request>) {
        super(...args)
        count.made++
      }
    },
  )
  return count
}

const passOn = relay('pass-on', (_, next) => next())

describe('15. a relay sends on what it is given', () => {
  test.each<[string, Parameters<Fetch>]>([
    ['a URL in a string', ['HTTPS://API.example.com:443/a b?c=d#e']],
    ['a URL', [new URL('http://x/a')]],
    ['an init', ['http://x', { method: 'PUT', headers: { 'X-A': '1' }, body: 'text' }]],
    ['a method that is written otherwise', ['http://x/', { method: 'put' }]],
    ['a Request', [new Request('http://x/', { method: 'POST', headers: { 'x-a': '1' }, body: 'text' })]],
    ['a Request and an init', [new Request('http://x/'), { headers: { 'x-a': '2' } }]],
    ['a relative URL', ['/a']],
  ])('and sees the line and the headers that a Request shows: %s', async (_, args) => {
    const before: unknown[] = []
    const after: unknown[] = []
    const lineOf = ({ method, url, headers }: Outgoing | Request) => [method, url, headers.get('x-a')]
    const look = relay('look', (outgoing, next) => {
      before.push(lineOf(outgoing))
      after.push(lineOf(outgoing.request), lineOf(outgoing))
      return next()
    })
    await createFetch([look], { fetch: answering })(...args)
    expect(after).toEqual([before[0], before[0]])
  })

  test('without making a Request, unless somebody looks', async () => {
    const look: Middleware = (request, next) => next(request)
    const known: unknown[] = []
    const knowing = relay('knowing', (_, next, { key, id, repeatable }) => {
      known.push(key, id, repeatable)
      return next()
    })
    const made = async (one: Middleware, options: CreateFetchOptions = {}): Promise<number> => {
      const count = countRequests()
      const fetch = createFetch([passOn, one], { fetch: answering, ...options })
      await fetch('http://x/', { method: 'POST', headers: { 'x-a': '1' }, signal: new AbortController().signal })
      return count.made
    }
    expect(await made(passOn)).toBe(0)
    expect(await made(passOn, { key: 'mine', timeoutMs: 1000, repeatable: ['POST'] })).toBe(0)
    expect(await made(knowing)).toBe(0)
    expect(await made(look)).toBe(1)
    expect(await made(middleware('look', look))).toBe(1)
    expect(await made(passOn, { key: ({ url }) => url })).toBe(1)
    expect(await made(passOn, { onEvent: () => undefined })).toBe(1)
  })

  test('as often as it wishes', async () => {
    const sent: unknown[] = []
    const twice = relay('twice', async (_, next) => {
      await next()
      return next()
    })
    const fetch: Fetch = async (...args) => (sent.push(args), new Response())
    await createFetch([passOn, twice], { fetch })('http://x/', { method: 'POST', body: 'text' })
    expect(sent).toEqual(Array.from({ length: 2 }, () => ['http://x/', { method: 'POST', body: 'text' }]))
  })

  test('and its Request is one of the call: what is set on it is sent', async () => {
    let call: Call | undefined
    const sign = relay('sign', ({ request }, next, own) => {
      call = callOf(request) === own ? own : undefined
      request.headers.set('x-a', '1')
      return next()
    })
    const sent: Headers[] = []
    const fetch: Fetch = async (input, init) => (sent.push(new Request(input, init).headers), new Response())
    await createFetch([sign, passOn], { fetch })('http://x/')
    expect(call).toBeDefined()
    expect(sent.map((headers) => headers.get('x-a'))).toEqual(['1'])
  })

  test('and a call is repeatable or not as the caller has made it, whatever is set on its Request', async () => {
    const seen: boolean[] = []
    const sign: Middleware = (request, next) => {
      request.headers.set('idempotency-key', '1')
      return next(request)
    }
    const look = relay('look', (_, next, { repeatable }) => (seen.push(repeatable), next()))
    await createFetch([sign, look], { fetch: answering })('http://x/', { method: 'POST' })
    await createFetch([look], { fetch: answering })('http://x/', {
      method: 'POST',
      headers: { 'Idempotency-Key': '1' },
    })
    expect(seen).toEqual([false, true])
  })

  test('what a middleware above has put in its place, too', async () => {
    const lines: string[] = []
    const replace: Middleware = (_, next) => next(new Request('http://y/', { method: 'PUT' }))
    const look = relay('look', ({ method, url }, next) => (lines.push(`${method} ${url}`), next()))
    await createFetch([replace, look], { fetch: answering })('http://x/')
    expect(lines).toEqual(['PUT http://y/'])
    expect(await look(new Request('http://z/'), answering)).toBeInstanceOf(Response)
    expect(lines).toEqual(['PUT http://y/', 'GET http://z/'])
  })

  test('whenever its Request is made, that follows the call; and hangs on no signal once that has ended', async () => {
    const caller = new AbortController()
    const { signal } = caller
    const seen: Outgoing[] = []
    const look = relay('look', (outgoing, next) => (seen.push(outgoing), next()))
    const waiting = Promise.withResolvers<Response>()
    const first = createFetch([look], { fetch: answering })('http://x/', { signal })
    await first
    const calls = [1, 2].map(() =>
      errorOf(createFetch([look], { fetch: () => waiting.promise })('http://x/', { signal })),
    )
    const early = [seen[0]!, seen[1]!].map(({ request }) => request.signal)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    caller.abort('mine')
    expect(await Promise.all(calls)).toEqual(['mine', 'mine'])
    const late = seen[2]!.request.signal
    expect([...early, late].map(({ aborted, reason }) => aborted && (reason as unknown))).toEqual([
      false,
      'mine',
      'mine',
    ])
  })

  test('what it throws at once is a rejection', async () => {
    const throwing = relay('throwing', () => {
      throw new Error('mine')
    })
    const above = relay('above', (_, next) => next().catch(() => new Response('mended')))
    expect(await (await createFetch([above, throwing], { fetch: answering })('http://x/')).text()).toBe('mended')
  })
})

describe('a Request is made later only if none refuses it', () => {
  const part = fc.constantFrom(
    'http',
    'https:',
    '//',
    '/',
    '\\',
    '@',
    ':',
    '?',
    '#',
    ' ',
    '\t',
    '\n',
    '%',
    '[',
    ']',
    'x',
  )
  const url = fc.oneof(
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
    fc.array(fc.oneof(part, fc.string({ maxLength: 3 })), { maxLength: 8 }).map((parts) => parts.join('')),
    fc.string({ maxLength: 12 }).map((rest) => `http://${rest}`),
    fc.tuple(fc.string({ maxLength: 6 }), fc.string({ maxLength: 6 })).map(([a, b]) => `https://x${a}/${b}`),
  )

  test('whatever the URL, whose origin it knows', () => {
    let plain = 0
    fc.assert(
      fc.property(url, (one) => {
        const origin = plainOrigin(one)
        if (origin === undefined) return
        plain++
        expect(new URL(new Request(one).url).origin).toBe(origin)
      }),
      { numRuns: 5000 },
    )
    expect(plain).toBeGreaterThan(0)
  })

  test('whatever the init', () => {
    const some = <T>(...values: readonly T[]) => fc.option(fc.constantFrom(...values), { nil: undefined })
    const init = fc.record(
      {
        method: some<unknown>('GET', 'HEAD', 'POST', 'put', 'PATCH', 'TRACE', 'CONNECT', ' ', '', null, 5),
        headers: some<unknown>(
          { 'x-a': '1' },
          { 'x a': '1' },
          { a: '\n' },
          { a: '\u{1F600}' },
          { a: 'é' },
          [['a', 'b']],
          [['a']],
          'x',
          null,
          5,
        ),
        body: some<unknown>(
          '',
          'text',
          null,
          new Uint8Array(2),
          new FormData(),
          new Blob(),
          new URLSearchParams(),
          5,
          {},
        ),
        signal: some<unknown>(null, 5, {}, new AbortController().signal, AbortSignal.abort()),
        mode: some('cors', 'navigate', 'none'),
      },
      { requiredKeys: [] },
    )
    let plain = 0
    fc.assert(
      fc.property(init, (one) => {
        let given
        try {
          given = take('http://x/', one as RequestInit, Infinity)
        } catch {
          return
        }
        if (given.origin === undefined) return
        plain++
        expect(new Request('http://x/', one as RequestInit).method).toBe(one.method ?? 'GET')
      }),
      { numRuns: 5000 },
    )
    expect(plain).toBeGreaterThan(0)
  })
})
