import { describe, expect, it, vi } from 'vitest'
import { isOneShot, lazily } from '../src/one-shot.ts'

/** An instance of no platform's class. */
class Upload {
  readonly path = 'x'
}

describe('a body that can be read once only', () => {
  it.each([
    ['a string', 'x', false],
    ['none', null, false],
    ['bytes', new Uint8Array(1), false],
    ['a buffer', new ArrayBuffer(1), false],
    ['a Blob', new Blob(['x']), false],
    ['FormData', new FormData(), false],
    ['URLSearchParams', new URLSearchParams(), false],
    ['what a fetch turns into a string', {}, false],
    ['the same without a prototype', Object.create(null), false],
    ['a stream', new ReadableStream(), true],
    ['an iterable', (async function* () {})(), true],
    ['an instance', new Upload(), true],
  ])('%s: %o is one? %s', (_, body, oneShot) => {
    expect(isOneShot(body)).toBe(oneShot)
  })
})

describe('shown lazily', () => {
  const chunks = (): { body: AsyncGenerator<string>; ended: () => boolean; begun: () => boolean } => {
    let [ended, begun] = [false, false]
    const body = (async function* () {
      begun = true
      try {
        yield 'a'
        yield 'b'
      } finally {
        ended = true
      }
    })()
    return { body, ended: () => ended, begun: () => begun }
  }

  it('is touched only when it is read', async () => {
    const { body, begun, ended } = chunks()
    const stream = lazily(body)
    expect(begun()).toBe(false)
    expect(await new Response(stream as ReadableStream<Uint8Array>).text()).toBe('ab')
    expect(ended()).toBe(true)
  })

  it('ends with whoever cancels it', async () => {
    const { body, ended } = chunks()
    const reader = lazily(body).getReader()
    await reader.read()
    await reader.cancel()
    expect(ended()).toBe(true)

    const cancel = vi.fn<(reason: unknown) => void>()
    await lazily(new ReadableStream({ cancel })).cancel('enough')
    expect(cancel).toHaveBeenCalledExactlyOnceWith('enough')
  })

  it('of what only the inner fetch can read it shows none', async () => {
    expect(await new Response(lazily(new Upload()) as ReadableStream<Uint8Array>).text()).toBe('')
    await expect(lazily(new Upload()).cancel()).resolves.toBeUndefined()
    const bare = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }) }
    await expect(lazily(bare).cancel()).resolves.toBeUndefined()
  })
})
