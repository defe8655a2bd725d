/** Named by their tags, too: those of a polyfill are as good. */
const REPLAYABLE: ReadonlySet<string> = new Set(['Blob', 'File', 'FormData', 'URLSearchParams', 'ArrayBuffer'])

/** Prototypes of objects that every fetch turns into a string. */
const SENT_AS_TEXT: ReadonlySet<unknown> = new Set([Object.prototype, String.prototype, null])

/** Whether a body can be read once only: whatever is not known for more. */
export const isOneShot = (body: unknown): body is object => {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) return false
  if (SENT_AS_TEXT.has(Object.getPrototypeOf(body))) return false
  return !REPLAYABLE.has((body as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? '')
}

const iterate = (body: object): AsyncIterator<unknown> | undefined => {
  if (Symbol.asyncIterator in body && !(body instanceof ReadableStream))
    return (body as AsyncIterable<unknown>)[Symbol.asyncIterator]()
  if (!(body instanceof ReadableStream)) return undefined
  // Not every browser iterates over streams.
  const reader = body.getReader()
  return {
    next: () => reader.read() as Promise<IteratorResult<unknown>>,
    return: async (reason) => {
      await reader.cancel(reason)
      return { done: true, value: undefined }
    },
  }
}

/**
 * A stream that touches the body behind it only when it is read. So the middlewares' Request can show the body of a
 * one-shot upload while the inner fetch still gets the caller's own. Of what only the inner fetch can read, it shows none.
 */
export const lazily = (body: object): ReadableStream<unknown> => {
  let iterator: AsyncIterator<unknown> | undefined
  return new ReadableStream<unknown>(
    {
      async pull(controller) {
        iterator ??= iterate(body)
        const { done, value } = (await iterator?.next()) ?? { done: true, value: undefined }
        if (done) controller.close()
        // Node takes iterables of strings for a body, but no streams of them.
        else controller.enqueue(typeof value === 'string' && !(body instanceof ReadableStream) ? encode(value) : value)
      },
      async cancel(reason) {
        iterator ??= iterate(body)
        await iterator?.return?.(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
