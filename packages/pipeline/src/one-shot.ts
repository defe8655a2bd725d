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
 * A stream that touches the body behind it only when it is read. So the middlewares' Request can show the body of a
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
        // Node takes iterables of strings for a body, but no streams of them.
        else controller.enqueue(typeof value === 'string' && !(body instanceof ReadableStream) ? encode(value) : value)
      },
      async cancel(reason) {
        iterator ??= iterate(body)
        await iterator.return?.(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/**
 * A copy of a Request's body, if it is there already and at most `limitBytes` long. The Request can still be sent. A
 * live upload is not waited for: a few turns of the event loop bring in what is in memory, and whatever takes longer
 * is still being made.
 */
export const copyOfBody = async (request: Request, limitBytes: number): Promise<Uint8Array | undefined> => {
  const clone = request.clone()
  // Firefox shows no `body`, and has none that is not in memory already.
  if (!clone.body) return bounded(new Uint8Array(await clone.arrayBuffer()), limitBytes)
  const reader = clone.body.getReader()
  const bytes = await Promise.race([readAll(reader, limitBytes), turns()])
  // Of the two branches of a tee, the other one goes on alone.
  if (bytes === undefined) reader.cancel().catch(() => undefined)
  return bytes
}

const bounded = (bytes: Uint8Array, limitBytes: number): Uint8Array | undefined =>
  bytes.byteLength <= limitBytes ? bytes : undefined

const readAll = async (
  reader: ReadableStreamDefaultReader<unknown>,
  limitBytes: number,
): Promise<Uint8Array | undefined> => {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return concat(chunks, size)
      // No body for a fetch, which will say so.
      if (!(value instanceof Uint8Array)) return undefined
      size += value.byteLength
      if (size > limitBytes) return undefined
      chunks.push(value)
    }
  } catch {
    // The body failed: so does the attempt that sends it.
    return undefined
  }
}

const concat = (chunks: readonly Uint8Array[], size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

/** A Blob takes one or two; a stream that gives nothing costs less than a millisecond. */
const TURNS = 10

/** Not a timer: a fake one would stop it. A channel each: messages of one channel come in one turn. */
const turns = async (): Promise<undefined> => {
  for (let i = 0; i < TURNS; i++) {
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel()
      port1.addEventListener('message', () => {
        port1.close()
        resolve()
      })
      port1.start()
      port2.postMessage(null)
    })
  }
}
