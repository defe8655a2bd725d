import { describe, expect, it } from 'vitest'
import { llm } from '../src/index.ts'
import { answer, chat, events, MISTRAL, stream, weighBy } from './support.ts'

const LAST = events({ choices: [], usage: { prompt_tokens: 90, completion_tokens: 12 } })
const TRUTH = [{ tokens: 102 }]
const JSON_BODY = '{"usage":{"prompt_tokens":90,"completion_tokens":12}}'

/** What is settled once somebody has done that with the answer. */
const settledBy = async (response: Response, read: (response: Response) => unknown): Promise<readonly unknown[]> => {
  const weigher = llm()
  const settled = answer(weigher, weighBy(weigher, MISTRAL, chat(400)), response)
  expect(settled).toEqual([])
  await read(response)
  return settled
}

const drain = async (body: ReadableStream): Promise<void> => {
  for await (const _ of body);
}

/** A body that is sent when it is told, in whole. */
const byHand = (type?: 'bytes') => {
  let enqueue: ((chunk: Uint8Array<ArrayBuffer>) => void) | undefined
  let close: (() => void) | undefined
  const start = (controller: ReadableByteStreamController | ReadableStreamDefaultController): void => {
    enqueue = (chunk) => controller.enqueue(chunk)
    close = () => controller.close()
  }
  const body = type ? new ReadableStream({ type, start }) : new ReadableStream({ start })
  const response = new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  return { response, send: (text: string) => enqueue?.(new TextEncoder().encode(text)), close: () => close?.() }
}

describe('whoever reads it, however: the truth is found', () => {
  it.each<[string, (response: Response) => unknown]>([
    ['text()', (response) => response.text()],
    ['arrayBuffer()', (response) => response.arrayBuffer()],
    ['bytes()', (response) => response.bytes()],
    ['blob()', (response) => response.blob()],
    ['for await', ({ body }) => drain(body!)],
    [
      'a reader',
      async ({ body }) => {
        const reader = body!.getReader()
        while (!(await reader.read()).done);
      },
    ],
    ['pipeTo()', ({ body }) => body!.pipeTo(new WritableStream())],
    ['pipeThrough()', ({ body }) => drain(body!.pipeThrough(new TransformStream()))],
    ['a decoder', ({ body }) => drain(body!.pipeThrough(new TextDecoderStream()))],
    ['tee()', ({ body }) => Promise.all(body!.tee().map(drain))],
    [
      'a clone',
      async (response) => {
        const clone = response.clone()
        expect(await clone.text()).toBe(LAST)
        expect(await response.text()).toBe(LAST)
      },
    ],
    [
      'one that stops at the last event',
      async ({ body }) => {
        const reader = body!.getReader()
        await reader.read()
        await reader.cancel()
      },
    ],
    [
      'an iterator that is left',
      async ({ body }) => {
        for await (const _ of body!) break
      },
    ],
  ])('%s', async (_, read) => {
    const settled = await settledBy(stream(LAST), read)
    expect(settled[0]).toEqual(TRUTH[0])
  })

  it('json()', async () => {
    expect(await settledBy(Response.json(JSON.parse(JSON_BODY)), (response) => response.json())).toEqual(TRUTH)
  })

  it.each(['text', 'json', 'arrayBuffer', 'bytes'] as const)(
    'by %s(), where the runtime reads by itself',
    async (name) => {
      const bytes = new TextEncoder().encode(JSON_BODY)
      const known = { text: JSON_BODY, json: JSON.parse(JSON_BODY) as unknown, arrayBuffer: bytes.buffer, bytes }
      const response = Response.json({})
      Object.defineProperty(response, name, { value: async () => known[name], configurable: true })
      expect(await settledBy(response, (one) => one[name]())).toEqual(TRUTH)
    },
  )

  it('piped into what shall stay open, as well as may be', async () => {
    const chunks: unknown[] = []
    const to = new WritableStream({ write: (chunk) => void chunks.push(chunk) })
    await settledBy(stream(LAST), ({ body }) => body!.pipeTo(to, { preventClose: true }))
    expect(chunks).toHaveLength(1)
    await to.getWriter().close()
  })
})

describe('a character, an event, and a usage may be cut anywhere', () => {
  const text = `data: {"choices":[{"delta":"ü"}]}\n\n${LAST}`
  const bytes = new TextEncoder().encode(text)
  it.each([1, 2, 3, 7, 50])('into parts of %i bytes', async (size) => {
    for (const [type, all] of [
      ['text/event-stream', bytes],
      ['application/json', new TextEncoder().encode(`{"choices":["ü"],${JSON_BODY.slice(1)}`)],
    ] as const) {
      const body = new ReadableStream({
        start: (controller) => {
          for (let at = 0; at < all.length; at += size) controller.enqueue(all.slice(at, at + size))
          controller.close()
        },
      })
      const response = new Response(body, { headers: { 'content-type': type } })
      expect(await settledBy(response, (one) => one.text())).toEqual(TRUTH)
    }
  })
})

describe('the answer stays what it was', () => {
  it('with its address and its own properties', async () => {
    const response = stream(LAST)
    Object.defineProperty(response, 'url', { value: 'https://api.test/chat' })
    Object.assign(response, { mine: 1 })
    const { body, headers } = response
    await settledBy(response, () => undefined)
    expect(response).toMatchObject({ url: 'https://api.test/chat', mine: 1, status: 200, bodyUsed: false })
    expect(response.body).toBe(body)
    expect(response.headers).toBe(headers)
    expect(response.body?.locked).toBe(false)
    expect(response).toBeInstanceOf(Response)
  })

  it('with a reader that fills the caller´s buffer', async () => {
    const { response, send, close } = byHand('bytes')
    send(LAST)
    close()
    const settled = await settledBy(response, async ({ body }) => {
      const reader = body!.getReader({ mode: 'byob' })
      let text = ''
      for (;;) {
        const { done, value } = await reader.read(new Uint8Array(16))
        if (done) break
        text += new TextDecoder().decode(value)
      }
      expect(text).toBe(LAST)
    })
    expect(settled).toEqual(TRUTH)
  })

  it('and nothing is read before somebody reads it', async () => {
    let pulled = 0
    const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 })
    const response = new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    await settledBy(response, () => undefined)
    expect(pulled).toBe(0)
  })

  it('an event reaches the reader before the next is sent', async () => {
    const { response, send, close } = byHand()
    const settled = await settledBy(response, async ({ body }) => {
      const reader = body!.getReader()
      const first = reader.read()
      send(events({ choices: [1] }))
      expect(new TextDecoder().decode((await first).value)).toBe(events({ choices: [1] }))
      const second = reader.read()
      send(LAST)
      expect(new TextDecoder().decode((await second).value)).toBe(LAST)
      close()
      expect((await reader.read()).done).toBe(true)
    })
    expect(settled).toEqual(TRUTH)
  })

  it('what is read, used, or locked already is left alone', async () => {
    const used = stream(LAST)
    await used.text()
    const locked = stream(LAST)
    locked.body!.getReader()
    for (const response of [used, locked]) {
      const weigher = llm()
      // The estimate stands.
      expect(answer(weigher, weighBy(weigher, MISTRAL, chat(400)), response)).toEqual([{ tokens: 600 }])
    }
  })

  it('errors reach the reader, and only that', async () => {
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('broken')) })
    const response = new Response(broken, { headers: { 'content-type': 'text/event-stream' } })
    await settledBy(response, (one) =>
      expect(drain(one.body!.pipeThrough(new TransformStream()))).rejects.toThrow('broken'),
    )
  })

  it('a pipe that is aborted cancels the body', async () => {
    let reason: unknown
    const body = new ReadableStream({ cancel: (why) => void (reason = why) })
    const response = new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    const abort = new AbortController()
    await settledBy(response, async (one) => {
      const piped = one.body!.pipeTo(new WritableStream(), { signal: abort.signal })
      abort.abort(new Error('mine'))
      await expect(piped).rejects.toThrow('mine')
    })
    expect(reason).toEqual(new Error('mine'))
  })
})

describe('memory stays flat over a gigabyte', () => {
  const MIB = 2 ** 20
  it.each([
    ['of events', 'text/event-stream', `data: {"choices":[{"delta":{"content":"${'x'.repeat(10_000)}"}}]}\n\n`],
    ['of one endless event', 'text/event-stream', 'data: xxxxxxxxxxxxxx'],
    ['of JSON', 'application/json', `{"usage":[1],"text":"${'x'.repeat(10_000)}"},`],
  ])('%s', { timeout: 120_000 }, async (_, type, part) => {
    const chunk = new TextEncoder().encode(part.repeat(Math.ceil(MIB / part.length)))
    let left = 1024
    const body = new ReadableStream(
      {
        pull: (controller) => {
          if (left-- > 0) controller.enqueue(chunk)
          else controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    const response = new Response(body, { headers: { 'content-type': type } })
    const used = (): number => process.memoryUsage().heapUsed + process.memoryUsage().external
    const before = used()
    let most = 0
    await settledBy(response, async (one) => {
      const reader = one.body!.getReader()
      while (!(await reader.read()).done) if (left % 16 === 0) most = Math.max(most, used())
    })
    expect(most - before).toBeLessThan(256 * MIB)
  })
})
