import { afterEach, beforeEach, describe, expect, test, vi, type Mock } from 'vitest'
import { discard, notify } from '../src/index.ts'
import { turn, watchRejections } from './support/outcome.ts'

let report: Mock<typeof console.error>
let rejections: () => Promise<unknown[]>
beforeEach(() => {
  rejections = watchRejections()
  report = vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(async () => {
  await rejections()
})

describe('notify', () => {
  test('calls the observer with the value, at once', () => {
    const observer = vi.fn<(value: number) => void>()
    notify(observer, 5)
    expect(observer.mock.calls).toEqual([[5]])
    expect(report).not.toHaveBeenCalled()
  })
  test.each([new RangeError('mine'), 'text', undefined, null])('reports and drops what is thrown: %s', (thrown) => {
    notify(() => {
      throw thrown
    }, 5)
    expect(report.mock.calls).toEqual([['aplomb: an observer failed:', thrown]])
  })
  test('reports and drops what a promise rejects with', async () => {
    const error = new RangeError('mine')
    notify(() => Promise.reject(error), 5)
    expect(report).not.toHaveBeenCalled()
    await turn()
    expect(report.mock.calls).toEqual([['aplomb: an observer failed:', error]])
    expect(await rejections()).toEqual([])
  })
  test('reports and drops what an async function throws', async () => {
    const error = new RangeError('mine')
    notify(async () => {
      await turn()
      throw error
    }, 5)
    await turn()
    await turn()
    expect(report.mock.calls).toEqual([['aplomb: an observer failed:', error]])
    expect(await rejections()).toEqual([])
  })
  test('reports and drops what a promise of another library rejects with', async () => {
    const error = new RangeError('mine')
    // oxlint-disable-next-line unicorn/no-thenable -- it has only `then`, as some promises do
    const foreign = { then: (_done: unknown, failed?: (reason: unknown) => void) => failed?.(error) }
    notify(() => foreign, 5)
    await turn()
    expect(report.mock.calls).toEqual([['aplomb: an observer failed:', error]])
  })
  test('does not wait', () => {
    expect(notify(() => new Promise(() => {}), 5)).toBeUndefined()
  })
})

describe('discard', () => {
  test('cancels a body that nobody has read', async () => {
    const cancel = vi.fn<() => void>()
    discard(new Response(new ReadableStream({ cancel })))
    expect(cancel).toHaveBeenCalledOnce()
  })
  test('does nothing without a body, or when it was read or cancelled before', async () => {
    const read = new Response('text')
    await read.text()
    const cancelled = new Response('text')
    await cancelled.body!.cancel()
    for (const response of [new Response(null), read, cancelled]) {
      expect(() => discard(response)).not.toThrow()
      discard(response)
    }
    expect(await rejections()).toEqual([])
  })
  test('leaves a body alone that is being read', async () => {
    const response = new Response('text')
    const text = response.text()
    discard(response)
    expect(await text).toBe('text')
  })
  test('drops what the source makes of it', async () => {
    discard(
      new Response(
        new ReadableStream({
          cancel() {
            throw new RangeError('mine')
          },
        }),
      ),
    )
    expect(await rejections()).toEqual([])
  })
  test.each([
    { status: 200 },
    { body: null },
    { body: {} },
    { body: 'text' },
    { body: { cancel: () => undefined } },
    { body: { cancel: () => 5 } },
    {
      body: {
        cancel: () => {
          throw new RangeError('mine')
        },
      },
    },
  ])("is harmless to a test's double: %o", async (double) => {
    expect(() => discard(double as unknown as Response)).not.toThrow()
    expect(await rejections()).toEqual([])
  })
})
