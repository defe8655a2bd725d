import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { carryVerdict, classifyResponse, peekedBody, peekedWhole, rules, setAside, verdictOf } from '../src/index.ts'

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
const json = { 'content-type': 'application/json' }
const LIMITED = JSON.stringify({ message: 'Too many concurrent requests' })

/** A body that is fed by hand. */
const feed = (): {
  body: ReadableStream<Uint8Array>
  push: (text: string) => void
  end: () => void
  fail: (error: Error) => void
  cancelled: () => unknown
} => {
  let controller: ReadableStreamDefaultController<Uint8Array>
  let reason: unknown
  const body = new ReadableStream<Uint8Array>({
    start: (c) => void (controller = c),
    cancel: (why) => void (reason = why ?? 'cancelled'),
  })
  return {
    body,
    push: (text) => controller.enqueue(bytes(text)),
    end: () => controller.close(),
    fail: (error) => controller.error(error),
    cancelled: () => reason,
  }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  const left = vi.getTimerCount()
  vi.useRealTimers()
  if (left > 0) throw new Error(`${left} timers were left behind`)
})

describe('the response stays as it was: the same object, its body complete and unread', () => {
  it('a short body', async () => {
    const response = new Response(LIMITED, { status: 429, headers: json })
    expect(await classifyResponse(response)).toMatchObject({ kind: 'concurrency-limited' })
    expect(response.bodyUsed).toBe(false)
    expect(response.body?.locked).toBe(false)
    expect(await response.text()).toBe(LIMITED)
  })

  it('a body longer than what is read', async () => {
    const body = `${LIMITED.slice(0, -1)},"rest":"${'x'.repeat(300_000)}"}`
    const response = new Response(body, { status: 429, headers: json })
    expect(await classifyResponse(response)).toMatchObject({ kind: 'concurrency-limited' })
    expect(peekedBody(response)).toBe(body.slice(0, 65_536))
    expect(await response.text()).toBe(body)
  })

  it('a slow body: what arrives after the verdict is still there', async () => {
    const { body, push, end } = feed()
    push('{"message":"Too many concurrent requests",')
    const response = new Response(body, { status: 429, headers: json })
    const verdict = classifyResponse(response, { peekTimeoutMs: 500 })
    await vi.advanceTimersByTimeAsync(499)
    expect(peekedBody(response)).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(await verdict).toMatchObject({ kind: 'concurrency-limited', message: 'Too many concurrent requests' })
    push('"rest":1}')
    end()
    expect(await response.json()).toEqual({ message: 'Too many concurrent requests', rest: 1 })
  })

  it('an endless body: read to the bound, and cancelled by whoever gives it up', async () => {
    let sent = 0
    let cancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1024
        controller.enqueue(new Uint8Array(1024).fill(120))
      },
      cancel: () => void (cancelled = true),
    })
    const response = new Response(body, { status: 500 })
    await classifyResponse(response, { peekBytes: 4096 })
    expect(peekedBody(response)).toBe('x'.repeat(4096))
    expect(sent).toBeLessThan(10_000)
    await response.body?.cancel()
    expect(cancelled).toBe(true)
  })

  it('a chunk of 100 MB is cut at the bound', async () => {
    const chunk = new Uint8Array(100_000_000).fill(32)
    const response = new Response(chunk, { status: 500 })
    const start = performance.now()
    await classifyResponse(response)
    expect(peekedBody(response)).toHaveLength(65_536)
    expect(performance.now() - start).toBeLessThan(1000)
    expect((await response.arrayBuffer()).byteLength).toBe(100_000_000)
  })

  it('a body that fails midway: judged by what came, and the caller sees the failure', async () => {
    const { body, push, fail } = feed()
    push('{"message":"Too many concurrent requests"')
    const response = new Response(body, { status: 429, headers: json })
    const verdict = classifyResponse(response)
    await vi.advanceTimersByTimeAsync(1)
    fail(new Error('torn'))
    expect(await verdict).toMatchObject({ kind: 'concurrency-limited' })
    await expect(response.text()).rejects.toThrow('torn')
  })

  it('a body that the caller is reading already is left alone', async () => {
    const used = new Response(LIMITED, { status: 429 })
    await used.text()
    expect(await classifyResponse(used)).toMatchObject({ kind: 'rate-limited' })
    const locked = new Response(LIMITED, { status: 429 })
    locked.body?.getReader()
    expect(await classifyResponse(locked)).toMatchObject({ kind: 'rate-limited' })
  })
})

describe('an abort ends waiting for a body at once', () => {
  it('while it is read, and before', async () => {
    for (const early of [true, false]) {
      const controller = new AbortController()
      const { body } = feed()
      if (early) controller.abort()
      const verdict = classifyResponse(new Response(body, { status: 500 }), { signal: controller.signal })
      if (!early) {
        await vi.advanceTimersByTimeAsync(10)
        controller.abort()
      }
      expect(await verdict).toMatchObject({ kind: 'server-error' })
      expect(vi.getTimerCount()).toBe(0)
    }
  })
})

describe('a body can be given up whatever has become of its source', () => {
  /** As undici does to an unread body when its fetch is aborted: the source fails, and is cancelled in the same turn. */
  const abandon = (response: Response, fail: (error: Error) => void): Promise<void> | undefined => {
    const reason = new Error('aborted')
    fail(reason)
    return response.body?.cancel(reason)
  }

  it('after it was peeked at', async () => {
    const { body, push, fail } = feed()
    push(LIMITED)
    const response = new Response(body, { status: 429 })
    await classifyResponse(response, { peekBytes: 10 })
    await expect(abandon(response, fail)).resolves.toBeUndefined()
  })

  it.each(['before', 'after'])('while it is, %s we stop', async (when) => {
    const controller = new AbortController()
    const { body, push, fail } = feed()
    push('{')
    const response = new Response(body, { status: 429 })
    const verdict = classifyResponse(response, { signal: controller.signal })
    await vi.advanceTimersByTimeAsync(1)
    if (when === 'after') controller.abort()
    const cancelled = abandon(response, fail)
    controller.abort()
    await expect(cancelled).resolves.toBeUndefined()
    expect(await verdict).toMatchObject({ kind: 'rate-limited' })
  })

  it('and still says that it is locked, or has failed before', async () => {
    const { body, push, fail } = feed()
    push(LIMITED)
    const response = new Response(body, { status: 429 })
    await classifyResponse(response, { peekBytes: 10 })
    const reader = response.body!.getReader()
    await expect(response.body?.cancel()).rejects.toThrow(TypeError)
    fail(new Error('torn'))
    await expect(reader.closed).rejects.toThrow('torn')
    reader.releaseLock()
    await expect(response.body?.cancel()).rejects.toThrow('torn')
  })

  it('and hands its source the reason', async () => {
    const { body, push, cancelled } = feed()
    push(LIMITED)
    const response = new Response(body, { status: 429 })
    await classifyResponse(response, { peekBytes: 10 })
    await response.body?.cancel('enough')
    expect(cancelled()).toContain('enough')
    expect(response.bodyUsed).toBe(true)
  })
})

describe('peekedWhole tells whether a response can be kept at no cost', () => {
  const classified = async (...[body, init, options]: Parameters<typeof answer>): Promise<boolean> =>
    peekedWhole(await answer(body, init, options))
  const answer = async (
    body: BodyInit | null,
    init: ResponseInit,
    options?: Parameters<typeof classifyResponse>[1],
  ): Promise<Response> => {
    const response = new Response(body, init)
    await classifyResponse(response, options)
    return response
  }

  it('can if its body was read to the end, or if there is none', async () => {
    const response = await answer(LIMITED, { status: 429 })
    expect(peekedWhole(response)).toBe(true)
    expect(peekedWhole(carryVerdict(response, new Response(response.body, response)))).toBe(true)
    expect(await classified('', { status: 429 })).toBe(true)
    expect(await classified(null, { status: 429 })).toBe(true)
    expect(peekedWhole(new Response(null))).toBe(true)
    expect(peekedWhole(undefined as unknown as Response)).toBe(true) // a test double's answer
  })

  it.each<[string, Parameters<typeof answer>]>([
    ['was cut off', [LIMITED, { status: 429 }, { peekBytes: 10 }]],
    ['is not text', [LIMITED, { status: 429, headers: { 'content-type': 'image/png' } }]],
    ['is of a success', [LIMITED, { status: 200 }]],
    ['was not to be read', [LIMITED, { status: 429 }, { peekBytes: 0 }]],
    ['was aborted before', [LIMITED, { status: 429 }, { signal: AbortSignal.abort() }]],
  ])('cannot if its body %s', async (_, given) => {
    expect(await classified(...given)).toBe(false)
  })

  it('cannot if nobody has classified it', () => {
    expect(peekedWhole(new Response(LIMITED, { status: 429 }))).toBe(false)
  })

  it.each(['time', 'abort', 'failure'])('cannot if reading was ended by %s', async (by) => {
    const controller = new AbortController()
    const { body, push, fail } = feed()
    push(LIMITED)
    const response = new Response(body, { status: 429 })
    const verdict = classifyResponse(response, { signal: controller.signal, peekTimeoutMs: 500 })
    await vi.advanceTimersByTimeAsync(by === 'time' ? 500 : 1)
    if (by === 'abort') controller.abort()
    if (by === 'failure') fail(new Error('torn'))
    await verdict
    expect(peekedBody(response)).toBe(LIMITED)
    expect(peekedWhole(response)).toBe(false)
  })
})

describe('setAside keeps a response readable where that costs no connection, and else frees it', () => {
  it('read whole, it is there to be read', async () => {
    const response = new Response(LIMITED, { status: 429 })
    await classifyResponse(response)
    expect(setAside(response)).toBe(response)
    expect(response.bodyUsed).toBe(false)
    expect(await response.text()).toBe(LIMITED)
  })

  it('without a body it is kept', () => {
    const response = new Response(null, { status: 429 })
    expect(setAside(response)).toBe(response)
  })

  it('not read whole, it is given up', async () => {
    const { body, push, cancelled } = feed()
    push(LIMITED)
    const response = new Response(body, { status: 429 })
    await classifyResponse(response, { peekBytes: 10 })
    expect(cancelled()).toBeUndefined()
    expect(setAside(response)).toBeUndefined()
    expect(response.bodyUsed).toBe(true)
    expect(cancelled()).toBeDefined()
  })
})

describe('a body is read once, for everybody', () => {
  it('whoever asks, and as often', async () => {
    const response = new Response(LIMITED, { status: 429 })
    const clone = vi.spyOn(response, 'clone')
    const [first, second] = await Promise.all([classifyResponse(response), classifyResponse(response)])
    expect(second).toBe(first)
    expect(verdictOf(response)).toBe(first)
    expect(await classifyResponse(response, { peekBytes: 1 })).toBe(first)
    expect(clone).toHaveBeenCalledTimes(1)
  })

  it('without having been classified, a verdict comes from status and headers, and is not remembered', async () => {
    const response = new Response(LIMITED, { status: 429 })
    expect(verdictOf(response)).toMatchObject({ kind: 'rate-limited' })
    expect(await classifyResponse(response)).toMatchObject({ kind: 'concurrency-limited' })
    expect(verdictOf(response)).toMatchObject({ kind: 'concurrency-limited' })
  })
})

describe('only bodies that can matter are read', () => {
  it.each([200, 201, 206, 301, 304])('not with status %i, unless a rule asks', async (status) => {
    const response = new Response(status === 304 ? null : '{"error":"run out of searches"}', { status, headers: json })
    const clone = vi.spyOn(response, 'clone')
    await classifyResponse(response)
    expect(clone).not.toHaveBeenCalled()
    expect(peekedBody(response)).toBeUndefined()
  })

  it('with status 200 if a rule asks', async () => {
    const response = new Response('{"error":"Your account has run out of searches."}', { headers: json })
    expect(await classifyResponse(response, { rules: [rules.errorBody] })).toMatchObject({ kind: 'quota-exhausted' })
    expect(await response.json()).toEqual({ error: 'Your account has run out of searches.' })
  })

  it.each(['image/png', 'application/octet-stream', 'video/mp4'])('not %s', async (type) => {
    const response = new Response(LIMITED, { status: 429, headers: { 'content-type': type } })
    expect(await classifyResponse(response)).toMatchObject({ kind: 'rate-limited' })
    expect(peekedBody(response)).toBe('')
  })

  it('not at all with peekBytes 0', async () => {
    const response = new Response(LIMITED, { status: 429 })
    expect(await classifyResponse(response, { peekBytes: 0 })).toMatchObject({ kind: 'rate-limited' })
    expect(peekedBody(response)).toBeUndefined()
  })
})

describe('text is decoded in the charset it names, or else in UTF-8', () => {
  it.each<[string, readonly number[], string]>([
    ['text/plain; charset=iso-8859-1', [0x6c, 0xed, 0x6d], 'lím'],
    ['text/plain; charset="UTF-16LE"', [0x61, 0x00, 0x62, 0x00], 'ab'],
    ['text/plain; charset=klingon', [0x61, 0x62], 'ab'],
    ['text/plain', [0xff, 0x61], '\uFFFDa'],
    ['text/plain', [0xef, 0xbb, 0xbf, 0x61], 'a'],
  ])('%s', async (type, octets, text) => {
    const response = new Response(new Uint8Array(octets), { status: 400, headers: { 'content-type': type } })
    expect((await classifyResponse(response)).message).toBe(text)
  })

  it('a character that was torn between two chunks is whole', async () => {
    const { body, end } = feed()
    const response = new Response(
      body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          flush: (controller) => {
            controller.enqueue(new Uint8Array([0xc3]))
            controller.enqueue(new Uint8Array([0xad]))
          },
        }),
      ),
      { status: 400 },
    )
    end()
    expect((await classifyResponse(response)).message).toBe('í')
  })
})
