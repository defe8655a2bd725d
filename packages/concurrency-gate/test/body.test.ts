import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { whenRead } from '../src/body.ts'

useFakeTime()

const stream = () => {
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const source = new ReadableStream<Uint8Array>({ start: (one) => void (controller = one) }, { highWaterMark: 0 })
  const end = vi.fn()
  const response = whenRead(new Response(source, { headers: { 'content-type': 'text/event-stream' } }), end)
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
})
