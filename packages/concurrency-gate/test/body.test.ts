import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { whenRead } from '../src/body.ts'

useFakeTime()

const stream = () => {
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const source = new ReadableStream<Uint8Array>({ start: (one) => void (controller = one) }, { highWaterMark: 0 })
  const end = vi.fn()
  const response = new Response(source, { headers: { 'content-type': 'text/event-stream' } })
  whenRead(response, end)
  const write = (text: string): void => controller.enqueue(new TextEncoder().encode(text))
  return { response, end, write, close: () => controller.close() }
}

describe('the slot of a stream', () => {
  it('is held as long as somebody waits for the server, however long that is silent', async () => {
    const { response, end } = stream()
    void response.body!.getReader().read()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(end).not.toHaveBeenCalled()
  })

  it('is given back at the end, and the watch with it', async () => {
    const { response, end, write, close } = stream()
    const text = response.text()
    write('data: 1\n\n')
    close()
    expect(await text).toBe('data: 1\n\n')
    expect(end).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is given back after 5 s if nobody begins to read', async () => {
    const { end } = stream()
    await vi.advanceTimersByTimeAsync(4999)
    expect(end).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(end).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each(['dropped', 'released'])('is given back 5 s after the last read of a reader that was %s', async (how) => {
    const { response, end, write } = stream()
    const reader = response.body!.getReader()
    const first = reader.read()
    await vi.advanceTimersByTimeAsync(20_000)
    write('data: 1\n\n')
    await first
    if (how === 'released') reader.releaseLock()
    await vi.advanceTimersByTimeAsync(4999)
    expect(end).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(5001)
    expect(end).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a slow reader keeps it, and what it reads is whole', async () => {
    const { response, end, write, close } = stream()
    const reader = response.body!.getReader()
    for (let i = 0; i < 5; i++) {
      const read = reader.read()
      write(`${i}`)
      expect(new TextDecoder().decode((await read).value)).toBe(`${i}`)
      await vi.advanceTimersByTimeAsync(3000)
    }
    expect(end).not.toHaveBeenCalled()
    close()
    expect((await reader.read()).done).toBe(true)
    expect(end).toHaveBeenCalledOnce()
  })

  const ways: Readonly<Record<string, (response: Response) => Promise<unknown>>> = {
    text: (response) => response.text(),
    arrayBuffer: (response) => response.arrayBuffer(),
    blob: async (response) => (await response.blob()).text(),
    'a reader': async ({ body }) => {
      const reader = body!.getReader()
      while (!(await reader.read()).done);
    },
    'an iterator': async ({ body }) => {
      let text = ''
      for await (const chunk of body!) text += new TextDecoder().decode(chunk)
      return text
    },
    'an iterator that stops': async ({ body }) => {
      for await (const _ of body!) break
    },
    'a pipe': ({ body }) => body!.pipeTo(new WritableStream()),
    'a transform': async ({ body }) => {
      const decoded = body!.pipeThrough(new TextDecoderStream())
      return new Response(decoded.pipeThrough(new TextEncoderStream())).text()
    },
    'one of two branches': async ({ body }) => {
      const [one, other] = body!.tee()
      await new Response(one).body!.pipeTo(new WritableStream())
      return other.cancel()
    },
    'a clone': (response) => response.clone().text(),
    'the first of two, once cloned': (response) => {
      response.clone()
      return response.text()
    },
    cancel: ({ body }) => body!.cancel(),
    "a reader's cancel": ({ body }) => body!.getReader().cancel(),
  }
  it.each(Object.keys(ways))('is given back at the end of %s', async (way) => {
    const { response, end, write, close } = stream()
    const read = ways[way]!(response)
    if (!way.endsWith('cancel')) write('data: 1\n\n')
    await vi.advanceTimersByTimeAsync(1)
    if (!/cancel|stops/.test(way)) {
      expect(end).not.toHaveBeenCalled()
      close()
    }
    await read
    expect(end).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is given back when the stream breaks', async () => {
    const source = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) })
    const end = vi.fn()
    const response = new Response(source)
    whenRead(response, end)
    await expect(response.text()).rejects.toThrow('reset')
    expect(end).toHaveBeenCalledOnce()
  })

  it('leaves the Response as it is: own properties, bytes of a byte stream, what a lock refuses', async () => {
    const bytes = new ReadableStream({ type: 'bytes', start: (one) => one.enqueue(new Uint8Array([1, 2])) })
    const response = Object.assign(new Response(bytes), { own: 1 })
    whenRead(response, () => undefined)
    expect(Object.keys(response)).toEqual(['own'])
    const reader = response.body!.getReader({ mode: 'byob' })
    expect((await reader.read(new Uint8Array(2))).value).toEqual(new Uint8Array([1, 2]))
    expect(() => response.body!.getReader()).toThrow(TypeError)
    expect(() => response.body!.pipeThrough(new TextDecoderStream())).toThrow(TypeError)
    await expect(response.text()).rejects.toThrow(TypeError)
    await reader.cancel()
  })

  it('a body of another implementation is none to watch', () => {
    const end = vi.fn()
    whenRead({ body: { pipe: () => undefined }, bodyUsed: false } as unknown as Response, end)
    expect(end).toHaveBeenCalledOnce()
  })
})
