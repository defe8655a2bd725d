/** A body that can be read once. */
export type OneShot = ReadableStream<unknown> | AsyncIterable<unknown>

export const isOneShot = (body: unknown): body is OneShot =>
  body instanceof ReadableStream || (typeof body === 'object' && body !== null && Symbol.asyncIterator in body)

const iterate = (body: OneShot): AsyncIterator<unknown> => {
  if (!(body instanceof ReadableStream)) return body[Symbol.asyncIterator]()
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
 * A stream that touches the one behind it only when it is read. So the middlewares' Request can show the body of a
 * one-shot upload while the inner fetch still gets the caller's own.
 */
export const lazily = (body: OneShot): ReadableStream<unknown> => {
  let iterator: AsyncIterator<unknown> | undefined
  return new ReadableStream<unknown>(
    {
      async pull(controller) {
        iterator ??= iterate(body)
        const { done, value } = await iterator.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel(reason) {
        iterator ??= iterate(body)
        await iterator.return?.(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
