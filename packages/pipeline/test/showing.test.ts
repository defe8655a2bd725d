import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { callOf, createFetch, type Fetch, type Middleware } from '../src/index.ts'
import { errorOf, turn } from './support/outcome.ts'
import { pass } from './support/variants.ts'

/** Sends again whatever the answer was, if it can be. */
const again: Middleware = async (request, next) => {
  const first = await next(request)
  return callOf(request)?.canReplay === false ? first : next(request)
}

/** Takes what a fetch is given, as it is. */
const taking = (answer: (n: number) => Response = () => new Response()) => {
  const taken: Parameters<Fetch>[] = []
  const fetch: Fetch = async (...args) => {
    taken.push(args)
    return answer(taken.length)
  }
  return { fetch, taken }
}

describe('a Request that the caller gives', () => {
  test('is sent as it is, and its body is never looked at before it was sent: Deno would frame it otherwise', async () => {
    const request = new Request('http://x/', { method: 'POST', body: 'text' })
    const looks: string[] = []
    Object.defineProperty(request, 'body', {
      get() {
        looks.push('body')
        return null
      },
    })
    const { fetch, taken } = taking()
    await createFetch([pass, again], { fetch })(request)
    expect(taken[0]).toEqual([request])
    expect(taken[0]![0]).toBe(request)
    expect(looks).toEqual([])
    expect(await new Request('http://x/', { method: 'POST', ...taken[1]![1] }).text()).toBe('text')
  })

  test('is not used up by showing it, with an init or without', async () => {
    for (const init of [undefined, { headers: { 'x-a': '1' } }]) {
      const request = new Request('http://x/', { method: 'POST', body: 'text' })
      const used: boolean[] = []
      const look: Middleware = (shown, next) => {
        used.push(request.bodyUsed)
        return next(shown)
      }
      await createFetch([look], { fetch: taking().fetch })(request, init)
      expect(used).toEqual([false])
    }
  })

  test('shows a body of its own, also after it was sent', async () => {
    const texts: string[] = []
    const after: Middleware = async (request, next) => {
      const response = await next(request)
      texts.push(await request.text())
      return response
    }
    const inner: Fetch = async (input, init) => new Response(await new Request(input, init).text())
    const response = await createFetch([after], { fetch: inner })(
      new Request('http://x/', { method: 'POST', body: 'text' }),
    )
    expect([await response.text(), ...texts]).toEqual(['text', 'text'])
  })

  test('whose body is still being made when the answer comes is sent once', async () => {
    let feed!: ReadableStreamDefaultController<Uint8Array>
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (feed = controller) })
    const { fetch, taken } = taking()
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    await createFetch([again], { fetch })(new Request('http://x/', init))
    expect(taken).toHaveLength(1)
    feed.close()
  })
})

describe("the caller's signal", () => {
  test('has one listener while calls are under way, however many, and none when they have ended', async () => {
    const { signal } = new AbortController()
    const waiting = Promise.withResolvers<Response>()
    const fetch = createFetch([pass], { fetch: () => waiting.promise })
    const calls = Array.from({ length: 100 }, (_, i) => fetch(`http://x/${i}`, { signal }))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    waiting.resolve(new Response())
    await Promise.all(calls)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('is what the shown Request follows, while the call is under way', async () => {
    const caller = new AbortController()
    const seen: AbortSignal[] = []
    const look: Middleware = (request, next) => {
      seen.push(request.signal)
      return next(request)
    }
    const call = createFetch([look], { fetch: () => new Promise(() => undefined) })('http://x/', {
      signal: caller.signal,
    })
    await turn()
    const reason = new Error('mine')
    caller.abort(reason)
    expect(await errorOf(call)).toBe(reason)
    expect(seen[0]!.aborted).toBe(true)
    expect(seen[0]!.reason).toBe(reason)
  })

  test('may be of a polyfill: it reaches the inner fetch as it is, and ends every wait', async () => {
    const target = new EventTarget()
    const polyfill = Object.assign(target, { aborted: false, reason: new Error('mine') })
    const { taken, fetch } = taking()
    const slow: Middleware = async (request, next) => {
      await next(request)
      return new Promise(() => undefined)
    }
    const call = createFetch([slow], { fetch })('http://x/', { signal: polyfill as unknown as AbortSignal })
    await turn()
    expect(taken[0]![1]!.signal).toBe(polyfill)
    polyfill.aborted = true
    target.dispatchEvent(new Event('abort'))
    expect(await errorOf(call)).toBe(polyfill.reason)
  })
})

describe('what only the inner fetch understands', () => {
  test('a relative URL reaches it, and can be sent again', async () => {
    const { fetch, taken } = taking()
    const shown: string[] = []
    const look: Middleware = (request, next) => {
      shown.push(new URL(request.url).pathname)
      return next(request)
    }
    await createFetch([look, again], { fetch })('/v1/items', { method: 'PUT', body: 'x' })
    expect(taken.map(([input]) => input)).toEqual(['/v1/items', '/v1/items'])
    expect(shown).toEqual(['/v1/items'])
  })

  test('what the platform refuses is its to take or to refuse', async () => {
    const { fetch, taken } = taking()
    expect(await createFetch([pass], { fetch })('http://user:pass@x/')).toBeInstanceOf(Response)
    expect(taken).toEqual([['http://user:pass@x/']])
  })

  /** As npm's form-data: a stream of old, and none that the platform knows. */
  class OldStream {
    readonly readable = true
    pipe(): void {}
  }
  test.each([
    ['an old stream', () => new OldStream()],
    [
      'a stream that iterates',
      () => ({
        async *[Symbol.asyncIterator]() {
          yield 'x'
        },
      }),
    ],
    ['a function', () => () => undefined],
  ])('%s as a body is sent as it is, once', async (name, make) => {
    const { fetch, taken } = taking()
    const body = make()
    await createFetch([again], { fetch })('http://x/', { method: 'POST', body: body as unknown as BodyInit })
    expect(taken[0]![1]!.body).toBe(body)
    expect(taken).toHaveLength(name === 'a function' ? 2 : 1)
  })

  test("a polyfill's form can be sent again", async () => {
    const { fetch, taken } = taking()
    const form = {
      get [Symbol.toStringTag]() {
        return 'FormData'
      },
    }
    await createFetch([again], { fetch })('http://x/', { method: 'POST', body: form as unknown as BodyInit })
    expect(taken.map(([, init]) => init!.body)).toEqual([form, form])
  })
})
