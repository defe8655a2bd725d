import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { respond, type ScriptEntry } from '../src/index.ts'

const ADDRESS = 'https://api.test/x'
const get = () => new Request(ADDRESS)

afterEach(() => vi.useRealTimers())

describe('respond gives its answers in order', () => {
  test('statuses, answers, Responses, functions', async () => {
    const mine = new Response('mine', { status: 201 })
    const next = respond(
      503,
      { status: 429, headers: { 'retry-after': '1' }, body: 'slow down' },
      { body: { a: 1 } },
      { body: new Uint8Array([104, 105]) },
      { status: 400, body: null },
      mine,
      async (request) => new Response(`${request.method} ${await request.text()}`),
      204,
    )
    const answer = async (init?: RequestInit) => {
      const response = await next(ADDRESS, init)
      return [response.status, response.headers.get('content-type'), await response.text()]
    }
    expect(await answer()).toEqual([503, 'application/json', '{"status":503}'])
    expect(await answer()).toEqual([429, null, 'slow down'])
    expect(await answer()).toEqual([200, 'application/json', '{"a":1}'])
    expect(await answer()).toEqual([200, null, 'hi'])
    expect(await answer()).toEqual([400, null, ''])
    expect(await next(ADDRESS)).toBe(mine)
    expect(await answer({ method: 'POST', body: 'hello' })).toEqual([200, 'text/plain;charset=UTF-8', 'POST hello'])
    expect(await answer()).toEqual([204, null, ''])
  })

  test('an Error rejects, as it is', async () => {
    const broken = new TypeError('fetch failed')
    await expect(respond(broken)(get())).rejects.toBe(broken)
  })

  test('times repeats', async () => {
    const next = respond({ status: 503, times: 2 }, { status: 200, times: Infinity })
    const statuses = []
    for (let i = 0; i < 5; i++) statuses.push((await next(get())).status)
    expect(statuses).toEqual([503, 503, 200, 200, 200])
  })
})

describe('a call after the last answer rejects, naming the numbers', () => {
  test('with an error nobody takes for a network failure', async () => {
    const next = respond(503, 200)
    await next(get())
    await next(get())
    const late = next(get())
    await expect(late).rejects.toThrow('respond: call 3 came, but the script has 2 answers')
    await expect(late).rejects.toMatchObject({ name: 'ScriptEndedError', calls: 3 })
    await expect(late).rejects.not.toBeInstanceOf(TypeError)
    expect(next.calls).toBe(3)
  })
})

describe('it remembers what it got', () => {
  test('input, init, method, url, headers, body', async () => {
    const next = respond(200, 200)
    const request = get()
    const init = { method: 'POST', body: 'hello', headers: { 'x-own': '1' } }
    await next(request)
    await next(ADDRESS, init)
    expect(next.requests[0]).toMatchObject({ method: 'GET', url: ADDRESS })
    expect(next.requests[0]?.input).toBe(request)
    expect(await next.requests[0]?.text()).toBe('')
    expect(next.requests[1]?.init).toBe(init)
    expect(next.requests[1]).toMatchObject({ method: 'POST', url: ADDRESS })
    expect(next.requests[1]?.headers.get('x-own')).toBe('1')
    expect(await next.requests[1]?.text()).toBe('hello')
  })

  test('a body is consumed by the call, as fetch does: sending it twice fails', async () => {
    const next = respond(200, 200)
    const request = new Request(ADDRESS, { method: 'POST', body: 'once' })
    await next(request)
    expect(request.bodyUsed).toBe(true)
    await expect(next(request)).rejects.toThrow(TypeError)
    expect(next.calls).toBe(1)
  })
})

describe('it knows what became of each body', () => {
  test('unread, read, cancelled, none, and used for a Response of yours', async () => {
    const next = respond(200, 200, 200, 204, new Response('x'), new Response('x'))
    const [, second, third, , fifth] = [
      await next(get()),
      await next(get()),
      await next(get()),
      await next(get()),
      await next(get()),
      await next(get()),
    ]
    expect(next.unread).toBe(5)
    await second.text()
    await third.body?.cancel()
    await fifth.body?.cancel()
    expect(next.responses.map(({ bodyState }) => bodyState)).toEqual([
      'unread',
      'read',
      'cancelled',
      'none',
      'used',
      'unread',
    ])
    expect(next.unread).toBe(2)
  })
})

describe('an abort ends it at once', () => {
  test('before, and while an answer is delayed, leaving nothing behind', async () => {
    vi.useFakeTimers()
    const next = respond({ delayMs: 1000 })
    await expect(next(ADDRESS, { signal: AbortSignal.abort('no') })).rejects.toBe('no')
    expect(next.calls).toBe(0)
    const client = new AbortController()
    const outcome = expect(next(ADDRESS, { signal: client.signal })).rejects.toBe('enough')
    await vi.advanceTimersByTimeAsync(500)
    client.abort('enough')
    await outcome
    expect(vi.getTimerCount()).toBe(0)
    expect(getEventListeners(client.signal, 'abort')).toHaveLength(0)
  })

  test('a delayed answer comes when it is due', async () => {
    vi.useFakeTimers()
    const arrived = vi.fn()
    void respond({ delayMs: 1000 })(new Request(ADDRESS)).then(arrived)
    await vi.advanceTimersByTimeAsync(999)
    expect(arrived).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(arrived).toHaveBeenCalledOnce()
  })
})

describe('a script that makes no sense is refused when it is written', () => {
  test.each<[ScriptEntry, string]>([
    [99, 'answer 1 has the status 99, accepted: 200 to 599'],
    [{ delayMs: NaN }, 'answer 1 has the delayMs NaN'],
    [{ times: 0 }, 'answer 1 has the times 0'],
    [{ header: {} } as never, 'answer 1 has a field "header", accepted: status, headers'],
    [null as never, 'answer 1 is null'],
    ['200' as never, 'answer 1 is string'],
  ])('%j', (entry, message) => {
    expect(() => respond(entry)).toThrow(message)
  })
})
