/** Hears of a body as somebody reads it. */
export interface Sink {
  chunk(bytes: Uint8Array): void
  /** All of it: text, bytes, or what JSON has parsed. Some runtimes read it by themselves, others through a reader. */
  whole(body: unknown): void
  /** Nothing more comes: it was read to the end, or cancelled, or it broke. */
  end(): void
}

type Method = (...args: unknown[]) => unknown

/** Gives an object a method of its own in front of the one that it has. */
const intercept = (target: object, name: string | symbol, around: (original: Method) => Method): void => {
  const original = (target as Record<string | symbol, unknown>)[name]
  if (typeof original !== 'function') return
  const value = around((...args) => Reflect.apply(original, target, args) as unknown)
  // Somebody may have frozen it.
  Reflect.defineProperty(target, name, { value, configurable: true, writable: true })
}

/** What comes of it is heard of before whoever asked for it: they may hand its buffer on. */
const part =
  (sink: Sink) =>
  (original: Method): Method =>
  (...args) => {
    const one = original(...args) as Promise<{ readonly done?: boolean; readonly value?: unknown }>
    one.then(({ done, value }) => {
      if (value instanceof Uint8Array) sink.chunk(value)
      if (done) sink.end()
    }, sink.end)
    return one
  }

const whole =
  (sink: Sink) =>
  (original: Method): Method =>
  (...args) => {
    const all = original(...args) as Promise<unknown>
    all.then(sink.whole, sink.end)
    return all
  }

const last =
  (sink: Sink) =>
  (original: Method): Method =>
  (...args) => {
    sink.end()
    return original(...args)
  }

const tapBody = (body: ReadableStream<Uint8Array>, sink: Sink, newSink: () => Sink): void => {
  const through = body.pipeThrough.bind(body)
  const tapped = (options?: StreamPipeOptions): ReadableStream<Uint8Array> =>
    through(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          if (chunk instanceof Uint8Array) sink.chunk(chunk)
          controller.enqueue(chunk)
        },
        flush: sink.end,
      }),
      options?.signal ? { signal: options.signal } : {},
    )
  /** Between two streams one stands that passes on whatever happens to either: not where that is not wanted, nor where it is an error. */
  const mayPipe = (to: unknown, options: StreamPipeOptions | undefined): boolean =>
    !body.locked &&
    to instanceof WritableStream &&
    !to.locked &&
    !(options?.preventAbort || options?.preventCancel || options?.preventClose)

  intercept(body, 'getReader', (get) => (...args) => {
    const reader = get(...args) as object
    intercept(reader, 'read', part(sink))
    intercept(reader, 'cancel', last(sink))
    return reader
  })
  for (const name of ['values', Symbol.asyncIterator])
    intercept(body, name, (iterate) => (...args) => {
      const iterator = iterate(...args) as object
      intercept(iterator, 'next', part(sink))
      intercept(iterator, 'return', last(sink))
      return iterator
    })
  intercept(body, 'pipeTo', (original) => (...args) => {
    const [to, options] = args as [WritableStream, StreamPipeOptions?]
    return mayPipe(to, options) ? tapped(options).pipeTo(to, options) : original(...args)
  })
  intercept(body, 'pipeThrough', (original) => (...args) => {
    const [pair, options] = args as [ReadableWritablePair, StreamPipeOptions?]
    return mayPipe(pair?.writable, options) ? tapped(options).pipeThrough(pair, options) : original(...args)
  })
  intercept(body, 'tee', (tee) => () => {
    const both = tee() as ReadableStream[]
    for (const one of both) tapBody(one, newSink(), newSink)
    return both
  })
  intercept(body, 'cancel', last(sink))
}

/**
 * Shows a sink what is read from a body, by whoever reads it and no sooner. The Response stays what it is: one that was
 * made anew would lose its `url`, own properties and byte reader. A sink is made for each branch of a body that is cloned or teed.
 * Returns whether there is such a body.
 */
export const tap = (response: Response, newSink: () => Sink): boolean => {
  const { body } = response
  // Other implementations have bodies of another sort.
  if (!body || response.bodyUsed || body.locked || typeof body.pipeThrough !== 'function') return false
  const sink = newSink()
  tapBody(body, sink, newSink)
  for (const name of ['text', 'json', 'arrayBuffer', 'bytes']) intercept(response, name, whole(sink))
  intercept(response, 'clone', (clone) => () => {
    const other = clone() as Response
    tap(other, newSink)
    // A clone leaves the first with another body.
    if (response.body) tapBody(response.body, newSink(), newSink)
    return other
  })
  return true
}
